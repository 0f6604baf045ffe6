package import Vocabulary

/// How fast tokens come back and how many there are at most.
package struct BucketRate: Hashable, Sendable {
  /// Nanoseconds per token, 1 or more.
  package let interval: Int64
  /// Tokens in a full bucket, 1 or more.
  package let burst: Int64

  /// Tokens per second 1–1,000,000, burst 1–10,000,000; values outside are moved to the nearer end.
  package init(perSecond: Int, burst: Int) {
    interval = 1_000_000_000 / Int64(min(max(perSecond, 1), 1_000_000))
    self.burst = Int64(min(max(burst, 1), 10_000_000))
  }

  /// Nanoseconds from empty to full; at most 10^16, so sums with an instant cannot overflow.
  package var window: Int64 { interval * burst }
  /// The same in whole seconds, rounded up; 1 or more.
  package var windowSeconds: Int64 { max(1, (window + 999_999_999) / 1_000_000_000) }
}

/// A token bucket kept as one number: the moment at which it will be full again if nobody takes
/// from it. Integer arithmetic only; the time is passed in. Equivalent to the generic cell rate
/// algorithm (ITU-T I.371).
package struct TokenBucket: Hashable, Sendable {
  /// A full bucket has this in the past.
  package private(set) var fullAt: Instant

  /// A full bucket.
  package init() { fullAt = Instant(nanoseconds: 0) }

  /// What one request got.
  package struct Verdict: Hashable, Sendable {
    /// Whether a token was there.
    package let isAllowed: Bool
    /// Whole tokens left after this one.
    package let remaining: Int64
    /// Nanoseconds until the bucket is full again.
    package let fullAfter: Int64
    /// Nanoseconds until one token is there; zero when allowed.
    package let retryAfter: Int64
  }

  /// Takes one token, or leaves the bucket as it was.
  package mutating func take(at now: Instant, _ rate: BucketRate) -> Verdict {
    // A clock that steps back must not turn a short wait into an endless one.
    let debt = min(max(fullAt.nanoseconds - now.nanoseconds, 0), rate.window)
    let next = debt + rate.interval
    guard next <= rate.window else {
      // Else the next one would find the same moment in the far future.
      fullAt = Instant(nanoseconds: now.nanoseconds + debt)
      return Verdict(
        isAllowed: false, remaining: 0, fullAfter: debt, retryAfter: next - rate.window)
    }
    fullAt = Instant(nanoseconds: now.nanoseconds + next)
    return Verdict(
      isAllowed: true, remaining: (rate.window - next) / rate.interval, fullAfter: next,
      retryAfter: 0)
  }

  /// Full, so forgetting it changes nothing.
  package func isIdle(at now: Instant) -> Bool { fullAt <= now }
}
