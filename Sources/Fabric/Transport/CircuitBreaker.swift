package import Vocabulary

/// Stops sending to a service that keeps failing (Nygard, "Release It!"): after `failuresMax` failures in a row it opens
/// for `restMin`, then lets one probe through. Pure: the time comes in.
package struct CircuitBreaker: Sendable, Equatable {
  package enum State: Sendable, Equatable {
    case closed(failures: Int)
    case open(until: Instant)
    case probing(since: Instant)
  }
  package enum Verdict: Sendable, Equatable { case send, refuse(until: Instant) }

  package private(set) var state: State = .closed(failures: 0)
  package static let failuresMax = 8
  package static let rest: Duration = .seconds(1)
  /// A probe that never reports back must not keep the circuit open for ever.
  package static let probeMax: Duration = .seconds(10)

  package init() {}

  package mutating func ask(at now: Instant) -> Verdict {
    switch state {
    case .closed: return .send
    // A clock that was set back must not turn a second's rest into an hour's.
    case .open(let until) where now < until && until - now <= Self.rest:
      return .refuse(until: until)
    case .open:
      state = .probing(since: now)
      return .send
    case .probing(let since) where now >= since && now < since + Self.probeMax:
      return .refuse(until: since + Self.probeMax)
    case .probing:
      state = .probing(since: now)
      return .send
    }
  }

  package mutating func succeeded() { state = .closed(failures: 0) }

  package mutating func failed(at now: Instant) {
    switch state {
    case .closed(let failures) where failures + 1 < Self.failuresMax:
      state = .closed(failures: failures + 1)
    case .closed, .probing: state = .open(until: now + Self.rest)
    case .open: break
    }
  }
}

/// Retries may add at most a tenth to the traffic, plus a small float (Google SRE book, ch. 21): a service in trouble is
/// not finished off by its own callers. Pure; counted in tenths of a retry.
package struct RetryBudget: Sendable, Equatable {
  package private(set) var tenths = Self.floatTenths
  package static let floatTenths = 100
  package static let tenthsMax = 1_000

  package init() {}

  package mutating func earned() { tenths = min(Self.tenthsMax, tenths + 1) }

  /// Takes one retry out of the budget; false when there is none left.
  package mutating func spend() -> Bool {
    guard tenths >= 10 else { return false }
    tenths -= 10
    return true
  }
}
