package import Vocabulary

/// How many holds each person may have made in their name, whoever says that they ask. The door holds people to the rate of
/// the charter; this one is the ledger's own, so that it also holds a gateway that was taken over and mints a token for
/// each request that it likes. Pure: moments are handed in (RFC 2697 in one number for each person).
package struct PersonRate: Sendable {
  /// People who are counted at the same time; those at rest are forgotten first, and one more is refused.
  package static let peopleMax = 65_536

  private let interval: Int64
  private let burst: Int64
  /// When each person's bucket is full again, in nanoseconds since 1970.
  private var fullAt: [PersonID: Int64] = [:]

  /// - Parameters:
  ///   - perSecond: 1–1,000,000,000.
  ///   - burst: at once, after a rest; from 1.
  package init(perSecond: Int, burst: Int) {
    interval = 1_000_000_000 / Int64(min(max(perSecond, 1), 1_000_000_000))
    self.burst = Int64(max(burst, 1))
  }

  /// Counts one more; false where it is too many.
  package mutating func take(_ person: PersonID, at now: Instant) -> Bool {
    let now = now.nanoseconds
    // A clock that was set back makes nobody wait longer than a whole bucket takes.
    let debt = min(max((fullAt[person] ?? now) - now, 0), interval * burst)
    guard debt <= interval * (burst - 1) else {
      fullAt[person] = now + debt
      return false
    }
    if fullAt[person] == nil, fullAt.count >= Self.peopleMax {
      fullAt = fullAt.filter { $0.value > now }
      guard fullAt.count < Self.peopleMax else { return false }
    }
    fullAt[person] = now + debt + interval
    return true
  }
}
