import Synchronization
import Vocabulary

/// A number that only grows: how often something happened. Lock-free. A class: everybody counts
/// into the same place.
package final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)
  /// One that no registry exposes.
  package init() {}
  package func add(_ more: UInt64 = 1) { count.wrappingAdd(more, ordering: .relaxed) }
  package var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A number that goes up and down: how many there are now. Lock-free. A class: everybody sets the
/// same place.
package final class Gauge: Sendable {
  private let level = Atomic<Int64>(0)
  init() {}
  package func set(_ value: Int64) { level.store(value, ordering: .relaxed) }
  package func add(_ more: Int64) { level.wrappingAdd(more, ordering: .relaxed) }
  package var value: Int64 { level.load(ordering: .relaxed) }
}

/// How long something took, in fixed buckets from 0.5 ms to 10 s. Lock-free; a reader may see a
/// record half done, which a scrape fifteen seconds later puts right.
package final class Histogram: Sendable {
  /// Upper bounds of the buckets, inclusive; what is longer falls into a last bucket without a
  /// bound.
  package static let bounds: [Duration] = [
    .microseconds(500), .milliseconds(1), .microseconds(2_500), .milliseconds(5),
    .milliseconds(10), .milliseconds(25), .milliseconds(50), .milliseconds(100),
    .milliseconds(250), .milliseconds(500), .seconds(1), .microseconds(2_500_000), .seconds(5),
    .seconds(10),
  ]
  private static let boundsNanoseconds = bounds.map(\.nanoseconds)
  /// The bounds in seconds, as the exposition format writes them.
  static let boundTexts = [
    "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1",
    "2.5", "5", "10",
  ]

  private let buckets: [Counter] = (0...Histogram.bounds.count).map { _ in Counter() }
  private let sum = Atomic<Int64>(0)
  init() {}

  /// A negative span counts as zero.
  package func record(_ span: Duration) {
    let nanoseconds = max(0, span.nanoseconds)
    let index = Self.boundsNanoseconds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.count
    buckets[index].add()
    sum.wrappingAdd(nanoseconds, ordering: .relaxed)
  }

  /// Counts per bucket (not cumulative; one more than there are bounds) and the sum of all spans.
  package func snapshot() -> (counts: [UInt64], sum: Duration) {
    (buckets.map(\.value), .nanoseconds(sum.load(ordering: .relaxed)))
  }

  /// An estimate of the span that `permille` of 1,000 stay under; nil when nothing was recorded.
  package func quantile(permille: Int) -> Duration? {
    Self.quantile(permille: permille, counts: buckets.map(\.value))
  }

  /// Linear within the bucket, as Prometheus' `histogram_quantile` does it; what lies beyond the
  /// last bound is reported as the last bound. `counts` are not cumulative and one more than there
  /// are bounds, else nil.
  package static func quantile(permille: Int, counts: [UInt64]) -> Duration? {
    let total = counts.reduce(0, +)
    guard counts.count == bounds.count + 1, total > 0, (0...1_000).contains(permille) else {
      return nil
    }
    let rank = Double(total) * Double(permille) / 1_000
    var below: UInt64 = 0
    for (index, count) in counts.enumerated() where count > 0 {
      if Double(below + count) >= rank {
        guard index < bounds.count else { break }
        let lower = index == 0 ? 0 : boundsNanoseconds[index - 1]
        let part = max(0, rank - Double(below)) / Double(count)
        return .nanoseconds(lower + Int64(Double(boundsNanoseconds[index] - lower) * part))
      }
      below += count
    }
    return bounds.last
  }
}
