package import Firewall
import NIOPosix
import Synchronization
package import Vocabulary

/// Runs rules on threads of their own, a bounded number of requests at once. Nothing can stop an inspection that has begun, so
/// the pool knows how long each has run: whoever watches it ends the process. A class: all requests share it.
package final class InspectionPool: Sendable {
  /// Inspections that may wait for a thread, beyond those that run.
  package static let waitingMax = 256
  /// Threads at most; more than the cores would only take turns.
  package static let threadsMax = 4

  /// Why a request was not inspected.
  package enum Failure: Error, Hashable {
    /// Too many wait.
    case full
    /// Its time was over before a thread was free.
    case late
    /// The library failed on it.
    case broken
  }

  private struct State {
    var count = 0
    var number = 0
    /// When each inspection began.
    var running: [Int: Instant] = [:]
  }

  private let rules: RuleSet
  private let threads: NIOThreadPool
  private let size: Int
  private let clock: Clock
  private let state = Mutex(State())

  /// - Parameter threads: how many, from 1 to `threadsMax`.
  package init(_ rules: RuleSet, threads: Int, clock: Clock) {
    self.rules = rules
    self.clock = clock
    size = min(max(threads, 1), Self.threadsMax)
    self.threads = NIOThreadPool(numberOfThreads: size)
    self.threads.start()
  }

  /// - Throws: `Failure`.
  package func inspect(
    _ request: InspectedRequest, by deadline: Deadline
  ) async throws -> RuleSet.Findings {
    let isTaken = state.withLock { state in
      guard state.count < size + Self.waitingMax else { return false }
      state.count += 1
      return true
    }
    guard isTaken else { throw Failure.full }
    defer { state.withLock { $0.count -= 1 } }
    return try await threads.runIfActive {
      let began = self.clock.now()
      guard !deadline.hasPassed(at: began) else { throw Failure.late }
      let number = self.state.withLock { state in
        state.number += 1
        state.running[state.number] = began
        return state.number
      }
      defer { self.state.withLock { $0.running[number] = nil } }
      do throws(RuleSet.Failure) {
        return try self.rules.inspect(request)
      } catch {
        throw Failure.broken
      }
    }
  }

  /// Inspections that run or wait.
  package var count: Int { state.withLock { $0.count } }

  /// How long the longest of those that run has run.
  package func longest(at now: Instant) -> Duration {
    state.withLock { $0.running.values.min() }.map { now - $0 } ?? .zero
  }

  package func stop() async { try? await threads.shutdownGracefully() }
}
