package import Vocabulary

/// When to deliver a topic of the outbox, and how long to wait after a failure. Pure: told the time
/// and a random number, it says what to do next.
package struct DeliveryMachine: Hashable, Sendable {
  /// The wait after the first failure; it doubles with each further one.
  package static let waitFirst: Duration = .milliseconds(100)
  /// The longest wait.
  package static let waitMax: Duration = .seconds(30)

  package enum State: Hashable, Sendable {
    /// Nothing is known to wait.
    case idle
    /// A batch is on its way; `hasMore` when something was appended meanwhile.
    case delivering(hasMore: Bool, failures: Int)
    /// The receiver was not reachable `failures` times in a row.
    case waiting(until: Instant, failures: Int)
  }
  package enum Event: Hashable, Sendable {
    case appended
    /// The receiver took the batch, or refused it for good and it was set aside.
    case settled(wasFull: Bool)
    case unreachable(at: Instant, random: UInt64)
    case due(at: Instant)
  }
  package enum Action: Hashable, Sendable {
    case deliver
    case wake(at: Instant)
    case nothing
  }
  /// An event that cannot come in this state: a defect of the runner.
  package struct OutOfOrder: Error, Hashable { package let state: State }

  package private(set) var state: State = .idle

  package init() {}

  package mutating func handle(_ event: Event) throws(OutOfOrder) -> Action {
    switch (state, event) {
    case (.idle, .appended):
      return move(to: .delivering(hasMore: false, failures: 0), .deliver)
    case (.delivering(_, let failures), .appended):
      return move(to: .delivering(hasMore: true, failures: failures), .nothing)
    case (.delivering(let hasMore, _), .settled(let wasFull)):
      guard hasMore || wasFull else { return move(to: .idle, .nothing) }
      return move(to: .delivering(hasMore: false, failures: 0), .deliver)
    case (.delivering(_, let failures), .unreachable(let now, let random)):
      let until = now + Self.wait(after: failures + 1, random: random)
      return move(to: .waiting(until: until, failures: failures + 1), .wake(at: until))
    case (.waiting, .appended):
      // The receiver does not come back sooner because there is more for it.
      return .nothing
    case (.waiting(let until, let failures), .due(let now)):
      // Longer than any wait: the clock was set back meanwhile.
      guard now >= until || until - now > Self.waitMax else { return .wake(at: until) }
      return move(to: .delivering(hasMore: false, failures: failures), .deliver)
    case (.idle, .due), (.delivering, .due):
      // A wake-up that was overtaken.
      return .nothing
    case (.idle, .settled), (.idle, .unreachable), (.waiting, .settled), (.waiting, .unreachable):
      throw OutOfOrder(state: state)
    }
  }

  private mutating func move(to next: State, _ action: Action) -> Action {
    state = next
    return action
  }

  /// Between half and the whole of the doubled wait, so that many senders do not come back
  /// together.
  static func wait(after failures: Int, random: UInt64) -> Duration {
    let doublings = min(max(failures - 1, 0), 20)
    let whole = min(waitFirst * (1 << doublings), waitMax)
    let half = whole.nanoseconds / 2
    return .nanoseconds(half + Int64(random % UInt64(max(1, half))))
  }
}
