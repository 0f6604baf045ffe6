/// Whether this process owns the store, decided without a connection or a clock. The lock belongs to a session; when
/// the session is cut, it is taken again, and the epoch tells whether anybody had it meanwhile.
package struct OwnershipMachine: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case owning
    /// There is no session; `failures` attempts have failed since.
    case away(failures: Int)
    /// Another has taken over. For good: the books in this process's memory are not the store's any more.
    case deposed
  }
  package enum Event: Hashable, Sendable {
    /// The session is gone.
    case cut
    /// No new session can be had.
    case unreachable
    /// There is a session, but another holds the lock: our own old one that has not ended, or somebody else's.
    case lockHeld
    /// The lock is ours again, and the store has this epoch.
    case returned(epoch: Int64)
    /// A transaction found another epoch.
    case fenced
  }
  package enum Action: Hashable, Sendable {
    case nothing
    case reconnect(after: Duration)
    case resume
    case depose
  }

  package static let pauseMin: Duration = .milliseconds(100)
  package static let pauseMax: Duration = .seconds(2)

  package let epoch: Int64
  package private(set) var state: State = .owning

  package init(epoch: Int64) { self.epoch = epoch }

  package mutating func handle(_ event: Event) -> Action {
    switch (state, event) {
    case (.owning, .cut):
      state = .away(failures: 0)
      return .reconnect(after: .zero)
    case (.owning, .fenced), (.away, .fenced):
      state = .deposed
      return .depose
    case (.away(let failures), .unreachable):
      state = .away(failures: failures + 1)
      return .reconnect(after: Self.pause(after: failures + 1))
    case (.away, .lockHeld):
      return .reconnect(after: Self.pauseMin)
    case (.away, .returned(let found)):
      state = found == epoch ? .owning : .deposed
      return found == epoch ? .resume : .depose
    // What comes late or twice changes nothing.
    case (.away, .cut), (.owning, .unreachable), (.owning, .lockHeld), (.owning, .returned),
      (.deposed, .cut), (.deposed, .unreachable), (.deposed, .lockHeld), (.deposed, .returned),
      (.deposed, .fenced):
      return .nothing
    }
  }

  static func pause(after failures: Int) -> Duration {
    min(pauseMin * (1 << min(max(0, failures - 1), 10)), pauseMax)
  }
}
