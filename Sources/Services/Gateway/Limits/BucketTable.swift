import Synchronization
package import Vocabulary

/// Whom a limit is about.
package struct BucketKey: Hashable, Sendable {
  /// What the subject is.
  package enum Dimension: UInt8, Sendable, CaseIterable {
    /// All requests of one address (IPv6: one /64).
    case address
    /// What one address is refused without a good token.
    case refusals
    /// One address on one route that is open without a token: sign-in and token endpoints.
    case addressOnRoute
    case clientOnRoute
    case userOnRoute
    /// Everybody together on one route: what the service behind it can bear.
    case route
  }
  /// What kind of limit this is.
  package let dimension: Dimension
  /// Index in the route table; -1 where the dimension has no route.
  package let route: Int
  /// Address, client or person; empty where the route is the subject.
  package let subject: String

  /// Equal keys share one bucket.
  package init(_ dimension: Dimension, route: Int = -1, subject: String = "") {
    self.dimension = dimension
    self.route = route
    self.subject = subject
  }
}

/// The buckets of everybody seen lately, bounded in number. Sharded, so that event loops do not
/// wait for each other. When a shard is full the idle buckets go first (that loses nothing); if
/// none is idle, the fullest eighth goes, because forgetting those forgives least.
package final class BucketTable: Sendable {
  private final class Shard: Sendable {
    let buckets = Mutex<[BucketKey: TokenBucket]>([:])
  }
  private let shards: [Shard]
  private let perShardMax: Int

  /// `bucketsMax` is spread over `shards` (a power of two is not needed).
  package init(bucketsMax: Int = 65_536, shards: Int = 16) {
    self.shards = (0..<max(shards, 1)).map { _ in Shard() }
    perShardMax = max(bucketsMax / max(shards, 1), 8)
  }

  /// Takes one token from a bucket, which is full when it is new. Any thread.
  package func take(_ key: BucketKey, at now: Instant, _ rate: BucketRate) -> TokenBucket.Verdict {
    let shard = shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
    return shard.buckets.withLock { buckets in
      if buckets[key] == nil, buckets.count >= perShardMax { Self.makeRoom(in: &buckets, at: now) }
      return buckets[key, default: TokenBucket()].take(at: now, rate)
    }
  }

  /// Buckets remembered just now.
  package var count: Int { shards.reduce(0) { $0 + $1.buckets.withLock(\.count) } }

  private static func makeRoom(in buckets: inout [BucketKey: TokenBucket], at now: Instant) {
    let before = buckets.count
    buckets = buckets.filter { !$0.value.isIdle(at: now) }
    guard buckets.count == before else { return }
    let fullest = buckets.sorted { $0.value.fullAt < $1.value.fullAt }.prefix(max(before / 8, 1))
    for entry in fullest { buckets[entry.key] = nil }
  }
}
