import Dispatch
import Synchronization
package import Vocabulary

/// Runs password hashing away from the event loops: it is slow on purpose, and two sign-ins at a time are all that one
/// machine should spend on it. Full means refuse now (503), never a growing queue.
package final class HashingPool: Sendable {
  // A class, because the count of admitted jobs is shared by all who hold it.

  /// Jobs at work at the same time.
  package static let workersMax = 2
  /// Jobs at work and waiting; sixteen waiting ones are about 0.2 s on two cores.
  package static let admittedMax = 18
  /// Of these, jobs for attempts that come from no known browser: who floods the sign-in must not keep those out who have
  /// signed in before.
  package static let strangersMax = 14

  private let admitted = Mutex(0)
  private let workers: [DispatchQueue]
  private let begun = Mutex(0)

  /// How many jobs were admitted so far.
  package var jobsBegun: Int { begun.withLock { $0 } }

  package init() {
    workers = (0..<Self.workersMax).map { DispatchQueue(label: "password-hashing-\($0)") }
  }

  /// - Parameter isStranger: it finds fewer places.
  /// - Throws: `Problem.unavailable` when the pool is full.
  package func run<Output: Sendable>(
    isStranger: Bool = false, _ work: @escaping @Sendable () -> Output
  ) async throws(Problem) -> Output {
    let isAdmitted = admitted.withLock { count in
      guard count < (isStranger ? Self.strangersMax : Self.admittedMax) else { return false }
      count += 1
      return true
    }
    guard isAdmitted else { throw .unavailable(retryAfterSeconds: 1) }
    defer { admitted.withLock { $0 -= 1 } }
    let worker = begun.withLock { begun in
      begun += 1
      return workers[begun % workers.count]
    }
    return await withCheckedContinuation { continuation in
      worker.async { continuation.resume(returning: work()) }
    }
  }
}
