import Dispatch
import Faults
import Synchronization
import Telemetry

/// Group commit: writes that arrive while the disk is busy share the next transaction and its
/// fsync. Each has a savepoint of its own, so that one that fails takes nothing of the others with
/// it; nobody is answered before the fsync.
final class WriteQueue: Sendable {
  /// Writes that may wait; one more is refused with `StoreError.overloaded`.
  static let jobsMax = 4_096
  /// Writes in one transaction at most.
  static let groupMax = 128

  private struct Waiting {
    var jobs: [any WriteJob] = []
    var isDraining = false
    var isClosed = false
  }
  private let waiting = Mutex(Waiting())
  private let queue = DispatchQueue(label: "strongroom.store.write", qos: .userInitiated)
  private let engine: any StoreEngine
  private let committed: @Sendable (Transaction.Notes) -> Void
  let writes = Counter()
  let commits = Counter()

  init(
    _ engine: any StoreEngine, committed: @escaping @Sendable (Transaction.Notes) -> Void
  ) {
    self.engine = engine
    self.committed = committed
  }

  func submit(_ job: any WriteJob) {
    enum Next { case wait, drain, refuse(StoreError) }
    let next = waiting.withLock { waiting -> Next in
      guard !waiting.isClosed else { return .refuse(.closed) }
      guard waiting.jobs.count < Self.jobsMax else { return .refuse(.overloaded) }
      waiting.jobs.append(job)
      defer { waiting.isDraining = true }
      return waiting.isDraining ? .wait : .drain
    }
    switch next {
    case .wait: break
    case .drain: queue.async { self.drain() }
    case .refuse(let error): job.fail(error)
    }
  }

  /// Lets what waits finish and refuses what comes after.
  func close() {
    waiting.withLock { $0.isClosed = true }
    queue.sync { drain() }
  }

  private func drain() {
    while true {
      let jobs = waiting.withLock { waiting -> [any WriteJob] in
        let group = Array(waiting.jobs.prefix(Self.groupMax))
        waiting.jobs.removeFirst(group.count)
        if group.isEmpty { waiting.isDraining = false }
        return group
      }
      guard !jobs.isEmpty else { return }
      commit(jobs)
    }
  }

  private func commit(_ jobs: [any WriteJob]) {
    // Of each job that was run, why it is undone; nil where it stays.
    var faults: [(any Error)?] = []
    let notes = Transaction.Notes()
    do {
      try engine.commit { session in
        for job in jobs {
          let own = Transaction.Notes()
          let fault = try session.part {
            try job.run(Transaction(session: session, notes: own))
          }
          faults.append(fault)
          guard fault == nil else { continue }
          notes.appended += own.appended
          notes.removed += own.removed
        }
        FaultPoint.commitBegins.reached()
      }
      FaultPoint.commitDone.reached()
      writes.add(UInt64(faults.count { $0 == nil }))
      commits.add()
      committed(notes)
      // In the order in which they came: who rests on an earlier one must not hear of success before that one's failure.
      for (job, fault) in zip(jobs, faults) {
        if let fault { job.fail(engine.translated(fault)) } else { job.succeed() }
      }
    } catch {
      // The whole group is lost, or nobody knows: everybody hears so and may ask again.
      for (place, job) in jobs.enumerated() {
        let own = faults.indices.contains(place) ? faults[place] : nil
        job.fail(engine.translated(own ?? error))
      }
    }
  }
}

/// One write that waits for its turn, whatever its result's type.
protocol WriteJob: AnyObject, Sendable {
  func run(_ transaction: Transaction) throws
  func succeed()
  func fail(_ error: any Error)
}

/// Sendable by hand: `result` is touched on the write queue only, first by `run`, then by
/// `succeed`.
final class Write<Result: Sendable>: WriteJob, @unchecked Sendable {
  private let body: @Sendable (Transaction) throws -> Result
  private let done: @Sendable (Swift.Result<Result, any Error>) -> Void
  private var result: Result?

  init(
    _ body: @escaping @Sendable (Transaction) throws -> Result,
    _ done: @escaping @Sendable (Swift.Result<Result, any Error>) -> Void
  ) {
    self.body = body
    self.done = done
  }
  func run(_ transaction: Transaction) throws { result = try body(transaction) }
  func succeed() {
    guard let result else { return fail(StoreError.closed) }
    done(.success(result))
  }
  func fail(_ error: any Error) { done(.failure(error)) }
}
