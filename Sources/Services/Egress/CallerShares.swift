package import Vocabulary

/// What each caller may still ask: so many calls at a time, and so many a second. Pure; callers are services with charters, so there
/// are few.
package struct CallerShares: Sendable {
  private struct Share {
    var onTheirWay = 0
    /// Calls that may be made at once, in billionths.
    var tokens: Int64
    var filledAt: Instant
  }
  private static let whole: Int64 = 1_000_000_000

  private let atOnceMax: Int
  private let perSecond: Int64
  private var shares: [ServiceName: Share] = [:]

  /// - Parameters:
  ///   - atOnceMax: calls of one caller on their way, 1 or more.
  ///   - perSecond: 1–10,000; twice as many at once.
  package init(atOnceMax: Int, perSecond: Int) {
    self.atOnceMax = atOnceMax
    self.perSecond = Int64(perSecond)
  }

  private var full: Int64 { perSecond * 2 * Self.whole }

  /// Takes a place; `leave` must follow.
  package mutating func enter(
    _ caller: ServiceName, at now: Instant
  ) throws(FetchRefusal) {
    var share = shares[caller] ?? Share(tokens: full, filledAt: now)
    // What passed counts for three seconds at most, which fill any share; a clock that steps back counts for nothing.
    let passed = min(max((now - share.filledAt).nanoseconds, 0), 3 * Self.whole)
    share.tokens = min(share.tokens + passed * perSecond, full)
    share.filledAt = now
    defer { shares[caller] = share }
    guard share.onTheirWay < atOnceMax else { throw .tooManyAtOnce }
    guard share.tokens >= Self.whole else { throw .tooMany(retryAfterSeconds: 1) }
    share.tokens -= Self.whole
    share.onTheirWay += 1
  }

  package mutating func leave(_ caller: ServiceName) { shares[caller]?.onTheirWay -= 1 }
}
