import NIOCore
import Synchronization

/// The open connections of one policy server. A class: the listener and all connections share it.
final class PolicyConnections: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isDraining = false
  }
  private let state = Mutex(State())
  private let countMax: Int

  init(_ countMax: Int) { self.countMax = countMax }

  var count: Int { state.withLock { $0.channels.count } }
  var isDraining: Bool { state.withLock { $0.isDraining } }

  /// False when there are too many, or we are on our way out.
  func admit(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let isAdmitted = state.withLock { state in
      guard !state.isDraining, state.channels.count < countMax else { return false }
      state.channels[key] = channel
      return true
    }
    guard isAdmitted else { return false }
    channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[key] = nil } }
    return true
  }

  func drain() {
    let open = state.withLock { state in
      state.isDraining = true
      return Array(state.channels.values)
    }
    for channel in open { channel.pipeline.fireUserInboundEventTriggered(DrainBegan()) }
  }

  func closeAll() {
    for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }
}

/// Tells a connection to close as soon as it is idle.
struct DrainBegan: Sendable {}
