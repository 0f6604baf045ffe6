import NIOCore
import Synchronization

/// The connections of one door: how many there may be, of strangers and of each caller, and the way
/// to tell them that the door closes. A class: the listener and all connections share it.
///
/// Before the handshake everybody looks alike, so strangers have a room of their own that never shuts:
/// the oldest makes place for the next, first of all one that has not sent a byte. An honest handshake
/// takes milliseconds. Who is known leaves that room, and counts to its share.
final class OpenConnections: Sendable {
  fileprivate struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    /// Oldest first.
    var strangers: [Stranger] = []
    /// Of each caller, oldest first.
    var callers: [String: [ObjectIdentifier]] = [:]
    var known = 0
    var isDraining = false
  }
  fileprivate struct Stranger {
    let key: ObjectIdentifier
    var isSilent = true
  }
  private let state = Mutex(State())
  private let limits: DoorLimits

  init(limits: DoorLimits) { self.limits = limits }

  var count: Int { state.withLock { $0.channels.count } }

  /// Takes in a stranger; false when we are on our way out.
  func admit(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let (isAdmitted, other) = state.withLock { state -> (Bool, (any Channel)?) in
      guard !state.isDraining else { return (false, nil) }
      let other =
        state.strangers.count < limits.handshakesMax
        ? nil : state.channels.removeValue(forKey: state.parting())
      state.channels[key] = channel
      state.strangers.append(Stranger(key: key))
      return (true, other)
    }
    guard isAdmitted else { return false }
    other?.close(promise: nil)
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { state in
        state.channels[key] = nil
        state.strangers.removeAll { $0.key == key }
      }
    }
    return true
  }

  /// Its first bytes are here.
  func hear(_ channel: any Channel) {
    let key = ObjectIdentifier(channel)
    state.withLock { state in
      guard let index = state.strangers.firstIndex(where: { $0.key == key }) else { return }
      state.strangers[index].isSilent = false
    }
  }

  /// It is known who it is. False when this caller has its share, or all places are taken and nobody holds more than it.
  /// - Parameter caller: nil: nobody has a share, and nobody gives way.
  func recognise(_ channel: any Channel, as caller: String?) -> Bool {
    let key = ObjectIdentifier(channel)
    let (isAdmitted, other) = state.withLock { state -> (Bool, (any Channel)?) in
      state.strangers.removeAll { $0.key == key }
      let share = caller.flatMap { state.callers[$0]?.count } ?? 0
      guard caller == nil || share < limits.connectionsPerCallerMax else { return (false, nil) }
      var other: (any Channel)?
      if state.known >= limits.connectionsMax {
        guard caller != nil, let (greedy, oldest) = state.greediest(beyond: share + 1) else {
          return (false, nil)
        }
        state.leave(oldest, of: greedy)
        other = state.channels[oldest]
      }
      if let caller { state.callers[caller, default: []].append(key) }
      state.known += 1
      return (true, other)
    }
    guard isAdmitted else { return false }
    other?.pipeline.fireUserInboundEventTriggered(GoWhenIdle())
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { $0.leave(key, of: caller) }
    }
    return true
  }

  func drain() {
    let open = state.withLock { state in
      state.isDraining = true
      return Array(state.channels.values)
    }
    for channel in open { channel.pipeline.fireUserInboundEventTriggered(GoWhenIdle()) }
  }

  func closeAll() {
    for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }
}

extension OpenConnections.State {
  /// The stranger that goes next; there is one.
  fileprivate mutating func parting() -> ObjectIdentifier {
    strangers.remove(at: strangers.firstIndex(where: \.isSilent) ?? 0).key
  }

  /// The oldest connection of the caller that has most, if it has more than so many.
  fileprivate func greediest(beyond share: Int) -> (String, ObjectIdentifier)? {
    guard let (caller, keys) = callers.max(by: { $0.value.count < $1.value.count }),
      keys.count > share, let oldest = keys.first
    else { return nil }
    return (caller, oldest)
  }

  fileprivate mutating func leave(_ key: ObjectIdentifier, of caller: String?) {
    if let caller {
      guard let index = callers[caller]?.firstIndex(of: key) else { return }
      callers[caller]?.remove(at: index)
      if callers[caller]?.isEmpty == true { callers[caller] = nil }
    }
    known -= 1
  }
}

/// Tells a connection to close: now where nothing is asked on it, else after the answer.
struct GoWhenIdle: Sendable {}

/// Tells when a stranger has sent its first bytes, and goes.
final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  private let connections: OpenConnections

  init(_ connections: OpenConnections) { self.connections = connections }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connections.hear(context.channel)
    context.fireChannelRead(data)
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }
}
