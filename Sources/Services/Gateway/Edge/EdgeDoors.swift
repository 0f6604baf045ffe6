import NIOCore
import Synchronization

/// The open connections of the listener: how many there may be, in all and from one address, and
/// the way to tell them that the house is closing. A class: the listener and all connections share
/// it.
final class EdgeDoors: Sendable {
  private struct Guest {
    let key: ObjectIdentifier
    let place: EdgePlace
  }
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    /// Of each address, oldest first.
    var byAddress: [String: [Guest]] = [:]
    /// Those that gave up their places and finish what they are at.
    var leaving: Set<ObjectIdentifier> = []
    var isClosing = false

    var taken: Int { channels.count - leaving.count }

    mutating func leave(_ key: ObjectIdentifier, from address: String) {
      byAddress[address]?.removeAll { $0.key == key }
      if byAddress[address]?.isEmpty == true { byAddress[address] = nil }
    }

    /// Who goes for a newcomer: of the addresses that have more connections than its own would, first one that has
    /// proven nothing, then an idle one, then one at work; the oldest of the address that has most of these. So an
    /// address that many share does not lose people at work to one that only holds connections.
    func greediest(for newcomer: String) -> (address: String, guest: Guest)? {
      let share = byAddress[newcomer]?.count ?? 0
      var best: (address: String, guest: Guest, rank: (UInt8, Int))?
      for (address, guests) in byAddress where guests.count > share + 1 {
        var (oldest, lowest, count) = (guests[0], guests[0].place.standing.rawValue, 0)
        for guest in guests {
          let standing = guest.place.standing.rawValue
          if standing < lowest { (oldest, lowest, count) = (guest, standing, 0) }
          if standing == lowest { count += 1 }
        }
        if best.map({ (lowest, -count) < $0.rank }) ?? true {
          best = (address, oldest, (lowest, -count))
        }
      }
      return best.map { ($0.address, $0.guest) }
    }
  }
  private let state = Mutex(State())
  private let limits: EdgeLimits

  init(limits: EdgeLimits) { self.limits = limits }

  var count: Int { state.withLock { $0.channels.count } }
  var areClosing: Bool { state.withLock { $0.isClosing } }

  private enum Admission {
    case refused
    case admitted(instead: (any Channel)?, isCut: Bool)
  }

  /// Nil when there are too many from this address, or when the doors are closing. Where there are too many in all, an
  /// address that holds more gives one up, so that many idle connections of a few keep nobody out.
  func admit(_ channel: any Channel) -> EdgePlace? {
    let key = ObjectIdentifier(channel)
    let address = limitKey(of: channel.remoteAddress)
    let place = EdgePlace()
    let admission: Admission = state.withLock { state in
      guard !state.isClosing,
        state.byAddress[address]?.count ?? 0 < limits.connectionsPerAddressMax
      else { return .refused }
      var other: (any Channel)?
      // Who sends a body drop by drop would otherwise hold a place beyond the last one.
      let isCut = state.leaving.count >= limits.connectionsLeavingMax
      if state.taken >= limits.connectionsMax {
        guard let (greedy, guest) = state.greediest(for: address) else { return .refused }
        state.leave(guest.key, from: greedy)
        state.leaving.insert(guest.key)
        other = state.channels[guest.key]
      }
      state.channels[key] = channel
      state.byAddress[address, default: []].append(Guest(key: key, place: place))
      return .admitted(instead: other, isCut: isCut)
    }
    guard case .admitted(let other, let isCut) = admission else { return nil }
    if isCut {
      other?.close(promise: nil)
    } else {
      other?.pipeline.fireUserInboundEventTriggered(GiveWay())
    }
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { state in
        state.leave(key, from: address)
        state.leaving.remove(key)
        state.channels[key] = nil
      }
    }
    return place
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

/// Tells a connection to close now, unless a request is on its way: then after its answer.
struct GiveWay: Sendable {}
