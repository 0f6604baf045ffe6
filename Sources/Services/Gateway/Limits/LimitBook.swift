package import Vocabulary

/// One dimension's rate with its header field text made once.
package struct Limit: Sendable, Hashable {
  /// Refill and burst.
  package let rate: BucketRate
  /// Name in the policy, for example `client`.
  package let name: String
  /// One item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10 §3): quota and window
  /// in seconds.
  package let policy: String

  /// Rates as in `BucketRate`, both multiplied by `factor`.
  package init(_ name: String, perSecond: Int, burst: Int, factor: Int = 1) {
    rate = BucketRate(perSecond: perSecond * factor, burst: burst * factor)
    self.name = name
    policy = "\"\(name)\";q=\(rate.burst);w=\(rate.windowSeconds)"
  }
}

/// The limits of one route.
package struct RouteLimits: Sendable, Hashable {
  /// Of one client that acts for itself.
  package let client: Limit
  /// Of one client with all its people together.
  package let clientWithUsers: Limit
  /// Of one person, over all clients.
  package let user: Limit
  /// Stands for client and user where a route asks for no token.
  package let addressOnRoute: Limit
  /// Of everybody together.
  package let route: Limit

  /// One application bears this many of its people at their full rate at once: a few who flood must not use up what
  /// all the others share.
  package static let usersAtFullRate = 10
  /// A service bears this many clients at their full rate at once.
  package static let clientsAtFullRate = 20
  /// Nobody signs in, or fetches tokens, faster than this from one address without `limits_factor`.
  package static let openPerSecondMax = 50
  /// And not more than this at once.
  package static let openBurstMax = 100

  /// From the charter's rate per person, or client that acts for itself, and second; `factor` is the platform's `limits_factor`,
  /// 1–1,000.
  package init(perSecond: Int, burst: Int, factor: Int) {
    let factor = min(max(factor, 1), 1_000)
    client = Limit("client", perSecond: perSecond, burst: burst, factor: factor)
    clientWithUsers = Limit(
      "client", perSecond: perSecond * Self.usersAtFullRate, burst: burst * Self.usersAtFullRate,
      factor: factor)
    user = Limit("user", perSecond: perSecond, burst: burst, factor: factor)
    addressOnRoute = Limit(
      "address-route", perSecond: min(perSecond, Self.openPerSecondMax),
      burst: min(burst, Self.openBurstMax), factor: factor)
    route = Limit(
      "route", perSecond: perSecond * Self.clientsAtFullRate,
      burst: burst * Self.clientsAtFullRate, factor: factor)
  }
}

/// What the limits said about one request: the tightest of all dimensions asked so far.
package struct LimitReport: Sendable, Hashable {
  private var tightest: (limit: Limit, verdict: TokenBucket.Verdict)?
  private var policies: [String] = []

  /// Nothing was asked yet.
  package init() {}

  /// False as soon as one limit said no.
  package var isAllowed: Bool { tightest?.verdict.isAllowed ?? true }

  /// Adds one limit's verdict; a refusal stays the tightest.
  package mutating func note(_ limit: Limit, _ verdict: TokenBucket.Verdict) {
    policies.append(limit.policy)
    guard let known = tightest else { return tightest = (limit, verdict) }
    if !verdict.isAllowed || verdict.remaining < known.verdict.remaining {
      tightest = (limit, verdict)
    }
  }

  /// `RateLimit-Policy` and `RateLimit`; nil before any limit was asked.
  package var fields: (policy: String, state: String)? {
    guard let (limit, verdict) = tightest else { return nil }
    let reset = (verdict.fullAfter + 999_999_999) / 1_000_000_000
    return (
      policies.joined(separator: ", "), "\"\(limit.name)\";r=\(verdict.remaining);t=\(reset)"
    )
  }

  /// 429 with the seconds to wait, rounded up.
  package var problem: Problem {
    let wait = ((tightest?.verdict.retryAfter ?? 0) + 999_999_999) / 1_000_000_000
    return Problem(
      "rate-limited", 429, "Too many requests", fields: ["limit": tightest?.limit.name ?? ""],
      retryAfterSeconds: Int(max(wait, 1)))
  }

  /// By limits and verdicts; the texts follow from them.
  package static func == (left: LimitReport, right: LimitReport) -> Bool {
    left.policies == right.policies && left.tightest?.limit == right.tightest?.limit
      && left.tightest?.verdict == right.tightest?.verdict
  }
  /// Agrees with equality.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(policies)
    hasher.combine(tightest?.verdict)
  }
}

/// Asks every limit that applies to a request, cheapest knowledge first: the address before
/// anything is read, the route without a token, then user and client when they are known.
package struct LimitBook: Sendable {
  private let table: BucketTable
  private let address: Limit
  private let refusals: Limit

  /// One address may do this much over all routes together.
  package static let addressPerSecond = 1_000

  /// Of refusals without a good token one address is given this many: each costs as much as an answer, and nobody needs
  /// them.
  package static let refusalsPerSecond = 50

  /// - Parameters:
  ///   - factor: the platform's `limits_factor`, 1–1,000.
  ///   - addressRate: requests of one address a second; twice as many at once.
  ///   - refusalRate: refusals that one address is told a second; four times as many at once.
  package init(
    table: BucketTable = BucketTable(), factor: Int, addressRate: Int = addressPerSecond,
    refusalRate: Int = refusalsPerSecond
  ) {
    self.table = table
    let factor = min(max(factor, 1), 1_000)
    address = Limit("address", perSecond: addressRate, burst: 2 * addressRate, factor: factor)
    refusals = Limit("refusals", perSecond: refusalRate, burst: 4 * refusalRate, factor: factor)
  }

  /// Before a stranger is told why not. Past this limit the answer is that there are too many requests, and nothing else;
  /// what is answered to others of the same address, or to good requests, is not touched.
  package func refuse(from source: String, at now: Instant, _ report: inout LimitReport) {
    take(BucketKey(.refusals, subject: source), refusals, now, &report)
  }

  /// The first question of all, for every request.
  package func arrive(
    from source: String, at now: Instant, _ report: inout LimitReport
  ) {
    report.note(address, table.take(BucketKey(.address, subject: source), at: now, address.rate))
  }

  /// A route open to everybody: per address, and stricter than any client's rate.
  package func open(
    _ route: Int, _ limits: RouteLimits, from source: String, at now: Instant,
    _ report: inout LimitReport
  ) {
    take(
      BucketKey(.addressOnRoute, route: route, subject: source), limits.addressOnRoute, now, &report
    )
    guard report.isAllowed else { return }
    take(BucketKey(.route, route: route), limits.route, now, &report)
  }

  /// A route behind a token. `user` is nil when a client acts for itself.
  package func admit(
    _ route: Int, _ limits: RouteLimits, client: String, user: String?, at now: Instant,
    _ report: inout LimitReport
  ) {
    // The person first: what is refused there must cost the application and its other people nothing.
    if let user {
      take(BucketKey(.userOnRoute, route: route, subject: user), limits.user, now, &report)
      guard report.isAllowed else { return }
    }
    let shared = user == nil ? limits.client : limits.clientWithUsers
    take(BucketKey(.clientOnRoute, route: route, subject: client), shared, now, &report)
    guard report.isAllowed else { return }
    take(BucketKey(.route, route: route), limits.route, now, &report)
  }

  private func take(
    _ key: BucketKey, _ limit: Limit, _ now: Instant, _ report: inout LimitReport
  ) {
    report.note(limit, table.take(key, at: now, limit.rate))
  }
}
