import Vocabulary

/// How long answers took, in buckets whose bounds grow by a tenth: bounded, however many there are, and right to ten
/// percent. From 50 µs to about half an hour.
package struct LatencyCounts: Sendable {
  private static let firstNanoseconds = 50_000.0
  private static let growth = 1.1
  private static let bounds: [Int64] = (0..<180).map { step in
    var bound = firstNanoseconds
    for _ in 0..<step { bound *= growth }
    return Int64(bound)
  }

  private var counts = [UInt64](repeating: 0, count: LatencyCounts.bounds.count)
  package private(set) var total: UInt64 = 0

  package init() {}

  package mutating func add(_ span: Duration) {
    let place = Self.bounds.firstIndex { span.nanoseconds <= $0 } ?? Self.bounds.count - 1
    counts[place] += 1
    total += 1
  }

  package mutating func add(_ others: LatencyCounts) {
    for place in counts.indices { counts[place] += others.counts[place] }
    total += others.total
  }

  /// The upper bound of the bucket that holds the quantile; nil for none.
  package func quantile(permille: UInt64) -> Duration? {
    guard total > 0 else { return nil }
    let rank = max(1, (total * permille + 999) / 1_000)
    var seen: UInt64 = 0
    for (count, bound) in zip(counts, Self.bounds) {
      seen += count
      if seen >= rank { return .nanoseconds(bound) }
    }
    return nil
  }
}
