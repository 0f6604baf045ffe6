import Vocabulary

/// Whether a service that was ready still answers at all. Pure: who asks, and when, is the launcher's.
///
/// Only silence counts. A service that says that it is not ready, or refuses, lives; so does one that could not be asked.
package struct Liveness: Hashable, Sendable {
  /// What came of one question.
  package enum Answer: Hashable, Sendable {
    case answered
    /// Nothing came within `answerMax`.
    case silent
    /// It could not be asked.
    case unknown
  }

  /// Pause between two questions.
  package static let pause: Duration = .seconds(5)
  /// Longest wait for one answer.
  package static let answerMax: Duration = .seconds(5)
  /// Questions in a row that a service may leave without an answer: fewer, and a machine that is busy for some seconds
  /// would lose its services too.
  package static let silentMax = 4

  private var silent = 0

  package init() {}

  /// Takes an answer in.
  /// - Returns: whether the service hangs.
  package mutating func hangs(after answer: Answer) -> Bool {
    switch answer {
    case .answered: silent = 0
    case .silent: silent += 1
    case .unknown: break
    }
    return silent >= Self.silentMax
  }
}
