package import Vocabulary

/// What to do with one service's process, decided without a clock or a process: state × event →
/// state and action.
package struct RestartMachine: Hashable, Sendable {
  /// Where the service is.
  package enum State: Hashable, Sendable {
    /// Not started yet, or ended after a drain.
    case stopped
    /// The process runs; it has not said that it is ready.
    case starting(attempt: Int)
    /// The process runs and waits for another to end, however long that takes.
    case standingBy(attempt: Int)
    /// Ready since.
    case ready(since: Instant, attempt: Int)
    /// It ended by itself; the next attempt follows when the pause is over.
    case pausing(attempt: Int)
    /// It was asked to end.
    case draining
    /// It was told to end at once.
    case killing
    /// It refuses to start (a corrupt store, an unreadable key): trying again would change nothing.
    case refused
  }
  /// What happened.
  package enum Event: Hashable, Sendable {
    case start
    case standsBy
    case becameReady(at: Instant)
    /// Ended with this status; negative for a signal.
    case exited(status: Int32, at: Instant)
    case pauseOver
    case drain
    case drainLimitPassed
  }
  /// What the runner does.
  package enum Action: Hashable, Sendable {
    case nothing
    case spawn
    case pause(Duration)
    case terminate
    case kill
    /// Tell whoever waits that it will not come up.
    case giveUp(status: Int32)
    /// Tell whoever waits that it is gone.
    case finish
  }

  /// First pause after an exit; doubled with each further one.
  package static let pauseMin: Duration = .milliseconds(250)
  /// Longest pause.
  package static let pauseMax: Duration = .seconds(10)
  /// A service that was ready for so long begins to count its exits anew.
  package static let steadyMin: Duration = .seconds(30)
  /// Exits in a row before it was ever ready, after which `up` fails.
  package static let firstAttemptsMax = 3
  /// Exit codes that say "I refuse to start": sysexits' EX_DATAERR, EX_NOINPUT, EX_CANTCREAT,
  /// EX_NOPERM, EX_CONFIG. Believed of a service that was never ready; of one that was, they may
  /// tell of a fault that passes, such as a full disk, so it is tried again at the longest pause.
  package static let refusals: Set<Int32> = [65, 66, 73, 77, 78]
  /// The status of a process that could not even be made: sysexits' EX_OSERR.
  package static let notMade: Int32 = 71

  /// Where it is now.
  package private(set) var state: State = .stopped
  /// Whether it has been ready once, or a standby, which only lacks its turn; then it is restarted for ever.
  package private(set) var wasReady = false

  /// A machine at rest.
  package init() {}

  /// How often it was started again since it was steady.
  package var restarts: Int {
    switch state {
    case .starting(let attempt), .standingBy(let attempt), .ready(_, let attempt),
      .pausing(let attempt):
      attempt - 1
    case .stopped, .draining, .killing, .refused: 0
    }
  }

  /// Whether its process runs and is not ready yet.
  var isOnItsWay: Bool {
    switch state {
    case .starting, .standingBy: true
    case .stopped, .ready, .pausing, .draining, .killing, .refused: false
    }
  }

  /// The pause before attempt `attempt + 1`.
  package static func pause(after attempt: Int) -> Duration {
    var pause = pauseMin
    for _ in 1..<max(1, attempt) where pause < pauseMax { pause += pause }
    return min(pause, pauseMax)
  }

  /// Every pair of state and event is written.
  package mutating func handle(_ event: Event) -> Action {
    switch (state, event) {
    case (.stopped, .start), (.refused, .start):
      return move(to: .starting(attempt: 1), .spawn)
    case (.starting(let attempt), .standsBy):
      wasReady = true
      return move(to: .standingBy(attempt: attempt), .nothing)
    case (.starting(let attempt), .becameReady(let now)),
      (.standingBy(let attempt), .becameReady(let now)):
      wasReady = true
      return move(to: .ready(since: now, attempt: attempt), .nothing)
    case (.starting(let attempt), .exited(let status, _)),
      (.standingBy(let attempt), .exited(let status, _)):
      return ended(attempt: attempt, status: status)
    case (.ready(let since, let attempt), .exited(let status, let now)):
      return ended(attempt: now - since >= Self.steadyMin ? 1 : attempt, status: status)
    case (.pausing(let attempt), .pauseOver):
      return move(to: .starting(attempt: attempt), .spawn)
    case (.starting, .drain), (.standingBy, .drain), (.ready, .drain):
      return move(to: .draining, .terminate)
    case (.pausing, .drain), (.refused, .drain), (.stopped, .drain):
      return move(to: .stopped, .finish)
    case (.draining, .drainLimitPassed):
      return move(to: .killing, .kill)
    case (.draining, .exited), (.killing, .exited):
      return move(to: .stopped, .finish)

    // What comes late or twice changes nothing.
    case (.starting, .start), (.standingBy, .start), (.ready, .start), (.pausing, .start),
      (.draining, .start),
      (.killing, .start):
      return .nothing
    case (.stopped, .standsBy), (.standingBy, .standsBy), (.ready, .standsBy),
      (.pausing, .standsBy), (.draining, .standsBy), (.killing, .standsBy), (.refused, .standsBy):
      return .nothing
    case (.stopped, .becameReady), (.ready, .becameReady), (.pausing, .becameReady),
      (.draining, .becameReady), (.killing, .becameReady), (.refused, .becameReady):
      return .nothing
    case (.stopped, .exited), (.pausing, .exited), (.refused, .exited):
      return .nothing
    case (.stopped, .pauseOver), (.starting, .pauseOver), (.standingBy, .pauseOver),
      (.ready, .pauseOver),
      (.draining, .pauseOver), (.killing, .pauseOver), (.refused, .pauseOver):
      return .nothing
    case (.draining, .drain), (.killing, .drain):
      return .nothing
    case (.stopped, .drainLimitPassed), (.starting, .drainLimitPassed),
      (.standingBy, .drainLimitPassed), (.ready, .drainLimitPassed), (.pausing, .drainLimitPassed),
      (.killing, .drainLimitPassed), (.refused, .drainLimitPassed):
      return .nothing
    }
  }

  private mutating func ended(attempt: Int, status: Int32) -> Action {
    let isRefusal = Self.refusals.contains(status)
    let isHopeless = !wasReady && (isRefusal || attempt >= Self.firstAttemptsMax)
    guard !isHopeless else { return move(to: .refused, .giveUp(status: status)) }
    let pause = isRefusal ? Self.pauseMax : Self.pause(after: attempt)
    return move(to: .pausing(attempt: attempt + 1), .pause(pause))
  }

  private mutating func move(to next: State, _ action: Action) -> Action {
    state = next
    return action
  }
}
