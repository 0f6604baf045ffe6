import Synchronization

/// Which answers are held against their contracts: the first of each operation, and then one of so many.
final class AnswerSamples: Sendable {
  private let counts: Mutex<[Int]>
  private let every: Int

  /// - Parameter every: at least 1, which takes all.
  init(routes: Int, every: Int) {
    counts = Mutex(Array(repeating: 0, count: routes))
    self.every = max(every, 1)
  }

  /// Counts one answer of a route.
  func takes(next index: Int) -> Bool {
    counts.withLock { counts in
      defer { counts[index] = (counts[index] + 1) % every }
      return counts[index] == 0
    }
  }
}
