import NIOCore
import Synchronization

/// The open connections of the listener: how many there may be, in all and from one address, and
/// the way to tell them that the house is closing. A class: the listener and all connections share
/// it.
final class EdgeDoors: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var byAddress: [String: Int] = [:]
    var isClosing = false
  }
  private let state = Mutex(State())
  private let limits: EdgeLimits

  init(limits: EdgeLimits) { self.limits = limits }

  var count: Int { state.withLock { $0.channels.count } }
  var areClosing: Bool { state.withLock { $0.isClosing } }

  /// False when there are too many, or too many from this address, or when the doors are closing.
  func admit(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let address = limitKey(of: channel.remoteAddress)
    let isAdmitted = state.withLock { state in
      guard !state.isClosing, state.channels.count < limits.connectionsMax,
        state.byAddress[address, default: 0] < limits.connectionsPerAddressMax
      else { return false }
      state.channels[key] = channel
      state.byAddress[address, default: 0] += 1
      return true
    }
    if isAdmitted {
      channel.closeFuture.whenComplete { _ in self.leave(key, address) }
    }
    return isAdmitted
  }

  private func leave(_ key: ObjectIdentifier, _ address: String) {
    state.withLock { state in
      state.channels[key] = nil
      let left = state.byAddress[address, default: 1] - 1
      state.byAddress[address] = left > 0 ? left : nil
    }
  }

  /// Idle connections close now, the others after their answer.
  func beginClosing() {
    let open = state.withLock { state in
      state.isClosing = true
      return Array(state.channels.values)
    }
    for channel in open { channel.pipeline.fireUserInboundEventTriggered(DoorsClosing()) }
  }

  func closeAll() {
    for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }
}

/// Tells a connection to close as soon as nothing is asked on it.
struct DoorsClosing: Sendable {}
