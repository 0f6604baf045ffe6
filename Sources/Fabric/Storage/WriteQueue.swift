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

  /// How long a patient write waits for others to share their commit, where nobody hastens it: long beside what a request
  /// takes, so that under load the timer seldom runs.
  static let patience: DispatchTimeInterval = .milliseconds(25)

  private struct Waiting {
    var jobs: [any WriteJob] = []
    /// Whether one of them is not patient.
    var isUrgent = false
    var isDraining = false
    /// Whether `hasten` comes by itself.
    var isTimed = false
    var isClosed = false

    /// What goes into the next transaction; nothing where all can still wait.
    mutating func takeGroup() -> [any WriteJob] {
      let group = isUrgent || isClosed ? Array(jobs.prefix(WriteQueue.groupMax)) : []
      jobs.removeFirst(group.count)
      if jobs.isEmpty { isUrgent = false }
      if group.isEmpty { isDraining = false }
      return group
    }
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

  /// - Parameter isPatient: it may wait for others, so that they share a commit.
  func submit(_ job: any WriteJob, isPatient: Bool = false) {
    enum Next { case wait, drain, hastenLater, refuse(StoreError) }
    let next = waiting.withLock { waiting -> Next in
      guard !waiting.isClosed else { return .refuse(.closed) }
      guard waiting.jobs.count < Self.jobsMax else { return .refuse(.overloaded) }
      waiting.jobs.append(job)
      guard isPatient else {
        waiting.isUrgent = true
        defer { waiting.isDraining = true }
        return waiting.isDraining ? .wait : .drain
      }
      defer { waiting.isTimed = true }
      return waiting.isTimed ? .wait : .hastenLater
    }
    switch next {
    case .wait: break
    case .drain: queue.async { self.drain() }
    case .hastenLater:
      queue.asyncAfter(deadline: .now() + Self.patience) { [weak self] in
        self?.waiting.withLock { $0.isTimed = false }
        self?.hasten()
      }
    case .refuse(let error): job.fail(error)
    }
  }

  /// Patience ends for all that wait.
  func hasten() {
    let mustDrain = waiting.withLock { waiting -> Bool in
      guard !waiting.jobs.isEmpty else { return false }
      waiting.isUrgent = true
      defer { waiting.isDraining = true }
      return !waiting.isDraining
    }
    if mustDrain { queue.async { self.drain() } }
  }

  /// Lets what waits finish and refuses what comes after.
  func close() {
    waiting.withLock { $0.isClosed = true }
    queue.sync { drain() }
  }

  private func drain() {
    while true {
      let jobs = waiting.withLock { $0.takeGroup() }
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
        // Where others write too, it may be done once more, on what they have kept meanwhile.
        faults = []
        notes.forget()
        for job in jobs {
          let own = Transaction.Notes()
          let fault = try session.part {
            try job.run(Transaction(session: session, notes: own))
          }
          faults.append(fault)
          guard fault == nil else { continue }
          notes.messages += own.messages
          notes.removed += own.removed
        }
        for bundle in OutboxBundle.pack(notes.messages) {
          _ = try session.execute(
            "INSERT INTO outbox (topic, messages, body) VALUES (?, ?, ?)",
            [.text(bundle.topic), .count(bundle.count), .blob(bundle.bytes)])
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
