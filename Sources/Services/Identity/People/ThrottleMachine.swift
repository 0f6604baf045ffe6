package import Vocabulary

/// Slows guessing down: after some free attempts each further one must wait twice as long as the one before. Which
/// machines an attempt must pass is said by `SignInAttempt`; all of them must agree.
///
/// An attempt counts when it begins, not when it fails: a hundred guesses sent at once are a hundred attempts.
package struct ThrottleMachine: Equatable, Sendable {
  package struct Limits: Equatable, Sendable {
    /// Attempts without any delay.
    package let freeAttempts: Int64
    /// The first delay; each following one doubles.
    package let firstDelay: Duration
    /// No delay is longer. Whoever shares the subject with somebody who guesses waits at most this.
    package let delayMax: Duration
    /// After this long without an attempt everything is forgotten.
    package let forgottenAfter: Duration

    /// Of one known browser, for the login that signed in there: nobody else's guesses count here.
    package static let perBrowser = Limits(
      freeAttempts: 5, firstDelay: .seconds(1), delayMax: .seconds(900),
      forgottenAfter: .seconds(86_400))
    /// Of one login from one address. NIST SP 800-63B §5.2.2 allows at most 100 attempts in a row; with these, 100 from one
    /// address take most of a day, and keep nobody out who comes from elsewhere.
    package static let perPlace = perBrowser
    /// Of one login from anywhere: against guessing from a great many addresses. It slows and does not lock: a login that
    /// many guess at together still gets an attempt a minute, and its known browsers do not ask here.
    package static let perLogin = Limits(
      freeAttempts: 100, firstDelay: .seconds(1), delayMax: .seconds(60),
      forgottenAfter: .seconds(86_400))
    /// Many people may share an address, so it is granted more.
    package static let perAddress = Limits(
      freeAttempts: 100, firstDelay: .seconds(1), delayMax: .seconds(300),
      forgottenAfter: .seconds(3_600))
    /// The longest memory of all of them.
    package static let longestMemory: Duration = .seconds(86_400)

    package init(
      freeAttempts: Int64, firstDelay: Duration, delayMax: Duration, forgottenAfter: Duration
    ) {
      self.freeAttempts = freeAttempts
      self.firstDelay = firstDelay
      self.delayMax = delayMax
      self.forgottenAfter = forgottenAfter
    }
  }

  package enum State: Equatable, Sendable {
    case quiet
    /// So many attempts without success, the last of them at that moment.
    case counting(attempts: Int64, last: Instant)
  }
  package enum Event: Equatable, Sendable {
    case attempted(at: Instant)
    /// The throttle of this browser, or of this login from this address: everything is forgotten.
    case succeeded
    /// The attempt takes itself back and nothing else. For the address's and the login's throttle when the attempt was right:
    /// many people may sign in from one address, and nobody's sign-in wipes out what others guessed. For all of them when
    /// nobody looked at the password: a busy machine must not lock people out.
    case redeemed
  }
  package enum Action: Equatable, Sendable {
    case proceed
    /// Not looked at; to be told in whole seconds, at least 1.
    case refuse(retryAfterSeconds: Int)
  }

  package private(set) var state: State
  package let limits: Limits

  package init(state: State, limits: Limits) {
    self.state = state
    self.limits = limits
  }

  package mutating func handle(_ event: Event) -> Action {
    switch (state, event) {
    case (.quiet, .attempted(let now)):
      state = .counting(attempts: 1, last: now)
      return .proceed
    case (.counting(let attempts, let known), .attempted(let now)):
      // Sign-ins overtake each other, and clocks step back: neither may make a wait longer than its delay.
      let last = min(known, now)
      guard now < last + limits.forgottenAfter else {
        state = .counting(attempts: 1, last: now)
        return .proceed
      }
      let free = last + delay(after: attempts)
      guard now >= free else {
        // A refused attempt is not counted, else hammering would lock the person out for ever.
        state = .counting(attempts: attempts, last: last)
        let wait = (free - now).nanoseconds
        return .refuse(retryAfterSeconds: Int((wait + 999_999_999) / 1_000_000_000))
      }
      state = .counting(attempts: attempts + 1, last: now)
      return .proceed
    case (.quiet, .succeeded), (.counting, .succeeded):
      state = .quiet
      return .proceed
    case (.quiet, .redeemed): return .proceed
    case (.counting(let attempts, let last), .redeemed):
      state = attempts > 1 ? .counting(attempts: attempts - 1, last: last) : .quiet
      return .proceed
    }
  }

  /// How long the next attempt must wait after `attempts` of them.
  package func delay(after attempts: Int64) -> Duration {
    guard attempts >= limits.freeAttempts else { return .zero }
    let doublings = min(attempts - limits.freeAttempts, 30)
    let delay = Duration.milliseconds(limits.firstDelay.milliseconds << doublings)
    return min(delay, limits.delayMax)
  }
}
