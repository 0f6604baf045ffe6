import NIOCore
import Synchronization

/// The open connections of the listener: how many there may be, in all and from one address, and
/// the way to tell them that the house is closing. A class: the listener and all connections share
/// it.
final class EdgeDoors: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    /// Of each address, oldest first.
    var byAddress: [String: [ObjectIdentifier]] = [:]
    var isClosing = false

    mutating func enter(_ key: ObjectIdentifier, _ channel: any Channel, from address: String) {
      channels[key] = channel
      byAddress[address, default: []].append(key)
    }

    @discardableResult
    mutating func leave(_ key: ObjectIdentifier, from address: String) -> (any Channel)? {
      byAddress[address]?.removeAll { $0 == key }
      if byAddress[address]?.isEmpty == true { byAddress[address] = nil }
      return channels.removeValue(forKey: key)
    }

    /// The oldest connection of the address that has most, if that is more than a newcomer's address would have.
    mutating func makeRoom(for newcomer: String) -> (any Channel)? {
      let share = byAddress[newcomer]?.count ?? 0
      guard let (address, keys) = byAddress.max(by: { $0.value.count < $1.value.count }),
        keys.count > share + 1, let oldest = keys.first
      else { return nil }
      return leave(oldest, from: address)
    }
  }
  private let state = Mutex(State())
  private let limits: EdgeLimits

  init(limits: EdgeLimits) { self.limits = limits }

  var count: Int { state.withLock { $0.channels.count } }
  var areClosing: Bool { state.withLock { $0.isClosing } }

  private enum Admission {
    case refused
    case admitted(instead: (any Channel)?)
  }

  /// False when there are too many from this address, or when the doors are closing. Where there are too many in all, the
  /// address that holds most gives one up, so that many idle connections of a few keep nobody out.
  func admit(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let address = limitKey(of: channel.remoteAddress)
    let admission: Admission = state.withLock { state in
      guard !state.isClosing,
        state.byAddress[address]?.count ?? 0 < limits.connectionsPerAddressMax
      else { return .refused }
      var other: (any Channel)?
      if state.channels.count >= limits.connectionsMax {
        guard let greedy = state.makeRoom(for: address) else { return .refused }
        other = greedy
      }
      state.enter(key, channel, from: address)
      return .admitted(instead: other)
    }
    guard case .admitted(let other) = admission else { return false }
    other?.pipeline.fireUserInboundEventTriggered(GiveWay())
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { _ = $0.leave(key, from: address) }
    }
    return true
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

/// Tells a connection to close now, unless an answer is on its way: then after that.
struct GiveWay: Sendable {}
