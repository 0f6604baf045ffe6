import Dispatch
import Faults
import GRDB
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
  private let pool: DatabasePool
  private let path: String
  private let committed: @Sendable (Transaction.Notes) -> Void
  let writes = Counter()
  let commits = Counter()

  init(
    pool: DatabasePool, path: String, committed: @escaping @Sendable (Transaction.Notes) -> Void
  ) {
    self.pool = pool
    self.path = path
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
    var failed: [(any WriteJob, any Error)] = []
    var kept: [any WriteJob] = []
    let notes = Transaction.Notes()
    do {
      try pool.writeWithoutTransaction { database in
        do {
          try database.beginTransaction(.immediate)
          for job in jobs {
            if let error = try run(job, in: database, notes: notes) {
              failed.append((job, error))
            } else {
              kept.append(job)
            }
          }
          FaultPoint.commitBegins.reached()
          try database.commit()
          FaultPoint.commitDone.reached()
        } catch {
          if database.isInsideTransaction { try? database.rollback() }
          throw error
        }
      }
      writes.add(UInt64(kept.count))
      commits.add()
      committed(notes)
      for job in kept { job.succeed() }
    } catch {
      // The whole group is lost, and none of it is kept: everybody hears so and may try again.
      let lost = StoreError.translated(error, path: path)
      let told = Set(failed.map { ObjectIdentifier($0.0) })
      for job in jobs where !told.contains(ObjectIdentifier(job)) { job.fail(lost) }
    }
    for (job, error) in failed { job.fail(StoreError.translated(error, path: path)) }
  }

  /// - Returns: the error of the job's own body, undone by its savepoint.
  /// - Throws: when the transaction itself is gone, as after a full disk.
  private func run(
    _ job: any WriteJob, in database: Database, notes: Transaction.Notes
  ) throws -> (any Error)? {
    let own = Transaction.Notes()
    try database.cachedStatement(sql: "SAVEPOINT job").execute()
    do {
      try job.run(Transaction(database: database, notes: own))
      try database.cachedStatement(sql: "RELEASE job").execute()
      notes.appended += own.appended
      notes.removed += own.removed
      return nil
    } catch {
      guard database.isInsideTransaction else { throw error }
      try database.cachedStatement(sql: "ROLLBACK TO job").execute()
      try database.cachedStatement(sql: "RELEASE job").execute()
      return error
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
