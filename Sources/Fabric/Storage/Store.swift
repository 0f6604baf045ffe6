import Dispatch
import Synchronization
package import Telemetry
package import Vocabulary

/// One service's store. A write is answered when it is on the disk. Nothing of the database shows in the interface: it
/// is SQLite in a file, or PostgreSQL (`StoragePostgres`). A class: it owns the database's connections.
package final class Store: Sendable {
  /// Connections that read at the same time, besides the one that writes.
  package static let readersMax = 4

  private let engine: any StoreEngine
  private let writer: WriteQueue
  private let isClosed = Atomic(false)
  /// Reads that are running; false once no more may begin. A connection must not be closed under one.
  private let mayRead = Mutex(true)
  private let reads = DispatchGroup()
  private let deposition = Deposition()
  let notices: OutboxNotices

  /// - Parameter engine: open, with its schema up to date.
  package init(_ engine: any StoreEngine) throws {
    self.engine = engine
    let notices = OutboxNotices(pending: try engine.read(Self.pending))
    self.notices = notices
    writer = WriteQueue(engine) { notices.committed($0) }
    engine.follow { [weak self] in self?.heard($0) }
  }

  /// Opens or makes a store in a file, checks it (`quick_check`, up to 64 MiB) and brings its schema up to date.
  /// - Parameters:
  ///   - path: its folder's parent must be there. The folder gets mode 0700, the file 0600.
  ///   - migrations: the service's own, numbered from 1.
  /// - Throws: any of the first group of `StoreError`; its description tells an operator what to
  ///   do.
  package static func open(
    path: String, migrations: [Migration], clock: Clock
  ) throws(StoreError) -> Store {
    let engine = try SQLiteEngine(path: path, migrations: migrations, at: clock.now())
    do {
      return try Store(engine)
    } catch {
      // In good order, or the next start would miss the log that the pool takes away.
      engine.close()
      throw StoreError.certain(error, path: path)
    }
  }

  private static func pending(_ snapshot: Snapshot) throws -> Int64 {
    try snapshot.row(
      "SELECT CAST(coalesce(sum(messages), 0) AS bigint) AS messages FROM outbox"
    )?.integer("messages") ?? 0
  }

  private func heard(_ event: StoreEngineEvent) {
    switch event {
    // What was on its way when the database went may have been kept, with messages that were never counted.
    // The same where others have written, and delivered what this process has appended.
    case .resumed, .changed: (try? readNow(Self.pending)).map { notices.recount($0) }
    case .deposed: deposition.proclaim()
    }
  }

  /// One durable change. `body` runs on the store's own thread, may share its transaction with
  /// others' and must not wait for anything. What it throws undoes it, and is thrown here. In a store with several writers
  /// it may run again, so it does nothing outside the transaction.
  /// - Throws: what `body` throws, or `StoreError`.
  @discardableResult
  package func write<Result: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      writer.submit(Write(body) { continuation.resume(with: $0) })
    }
  }

  /// The same for a caller that is no task. Writes take effect in the order in which they are
  /// handed over.
  /// - Parameter done: called once, on the store's own thread, when the change is durable or lost;
  ///   must not wait for anything.
  package func write<Result: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Result,
    then done: @escaping @Sendable (Swift.Result<Result, any Error>) -> Void
  ) {
    writer.submit(Write(body, done))
  }

  /// A message that belongs to no change of this store: it becomes durable with the next commit, whoever's that is, and
  /// with one of its own after `WriteQueue.patience` or when `hasten` asks for it.
  /// - Parameter done: as for `write`.
  package func append(
    _ message: OutboxMessage,
    then done: @escaping @Sendable (Swift.Result<Void, any Error>) -> Void
  ) {
    writer.submit(Write({ $0.append(message) }, done), isPatient: true)
  }

  /// What waits for company is committed now.
  package func hasten() { writer.hasten() }

  /// A consistent view for a caller that is no task; blocks its thread.
  package func readNow<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    try beginRead()
    defer { reads.leave() }
    do {
      return try engine.read(body)
    } catch {
      throw engine.translated(error)
    }
  }

  /// A consistent view, beside running writes.
  /// - Throws: what `body` throws, or `StoreError`.
  package func read<Result: Sendable>(
    _ body: @escaping @Sendable (Snapshot) throws -> Result
  ) async throws -> Result {
    try beginRead()
    defer { reads.leave() }
    do {
      return try await engine.read(body)
    } catch {
      throw engine.translated(error)
    }
  }

  private func beginRead() throws(StoreError) {
    let mayRead = mayRead.withLock { mayRead in
      if mayRead { reads.enter() }
      return mayRead
    }
    guard mayRead else { throw .closed }
  }

  /// By what this process's work can be told from that of others that write into the same store; nil: nobody else does.
  package var worker: String? { engine.worker }

  /// For answers from memory that the store backs: they are true only while nobody else can own it.
  /// - Throws: `StoreError.unreachable` or `.deposed`.
  package func requireOwned() throws(StoreError) {
    if let disowned = engine.disowned { throw disowned }
  }

  /// Returns when another process has taken the store over, which ends this process's work; or when the task is
  /// cancelled.
  package func untilDeposed() async { await deposition.wait() }

  // Before the members go: the claim on the store must not end sooner than the database is closed.
  deinit { close() }

  /// Ends the store: what waits is written, what comes later is refused. In a file, the database file alone holds
  /// everything then, so that a copy of it is a backup; it is free again when the last reference goes.
  package func close() {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    writer.close()
    notices.close()
    mayRead.withLock { $0 = false }
    reads.wait()
    engine.close()
  }

  /// Exposes writes, commits (fewer: group commit) and waiting outbox messages.
  package func register(in metrics: MetricsRegistry) {
    metrics.counter(
      "strongroom_store_writes_total", help: "Durable changes kept.",
      read: { [writer] in Double(writer.writes.value) })
    metrics.counter(
      "strongroom_store_commits_total", help: "Commits, each with one fsync at least.",
      read: { [writer] in Double(writer.commits.value) })
    metrics.gauge(
      "strongroom_outbox_messages", help: "Outbox messages not delivered yet.",
      read: { [notices] in Double(notices.pending.value) })
  }

  /// Whether each connection waits for the disk: the writer first, then all readers. Blocks; for tests and for a
  /// service's own check.
  package func syncs() throws -> [Bool] { try engine.syncs() }

  /// Commits and writes kept so far; the first is the smaller when writes shared one.
  package var counts: (commits: UInt64, writes: UInt64) {
    (writer.commits.value, writer.writes.value)
  }
}

/// Tells those who wait that the store has another owner. A class: the engine and those who wait share it.
private final class Deposition: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }
  func proclaim() { continuation.finish() }
  func wait() async { for await _ in stream {} }
}
