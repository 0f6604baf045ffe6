import Dispatch
import FoundationEssentials
import GRDB
import Synchronization
package import Telemetry
package import Vocabulary

/// One service's store: a database file that only its owner opens. A write is answered when it is
/// on the disk. Nothing of SQLite shows in the interface, so that PostgreSQL can stand behind it. A
/// class: it owns the file and its lock.
package final class Store: Sendable {
  /// Connections that read at the same time, besides the one that writes.
  package static let readersMax = 4
  /// Pages of the write-ahead log before they are written back into the database: 16 MiB, so that a
  /// busy store syncs the database seldom.
  static let checkpointPages = 4_096
  /// Bytes the write-ahead log is cut back to after a checkpoint.
  static let walBytesMax = 16_777_216

  package let path: String
  private let file: StoreFile
  private let pool: DatabasePool
  private let writer: WriteQueue
  private let isClosed = Atomic(false)
  /// Reads that are running; false once no more may begin. A connection must not be closed under one.
  private let mayRead = Mutex(true)
  private let reads = DispatchGroup()
  let notices: OutboxNotices

  private init(file: StoreFile, pool: DatabasePool, pending: Int64) {
    path = file.path
    self.file = file
    self.pool = pool
    let notices = OutboxNotices(pending: pending)
    self.notices = notices
    writer = WriteQueue(pool: pool, path: file.path) { notices.committed($0) }
  }

  /// Opens or makes the store, checks it (`quick_check`) and brings its schema up to date.
  /// - Parameters:
  ///   - path: its folder's parent must be there. The folder gets mode 0700, the file 0600.
  ///   - migrations: the service's own, numbered from 1.
  /// - Throws: any of the first group of `StoreError`; its description tells an operator what to
  ///   do.
  package static func open(
    path: String, migrations: [Migration], clock: Clock
  ) throws(StoreError) -> Store {
    let file = try StoreFile(path: path)
    do {
      try check(path)
      try file.rewrite()
      let pool = try DatabasePool(path: path, configuration: configuration())
      let pending = try pool.writeWithoutTransaction { database -> Int64 in
        // GRDB sets NORMAL when it turns on WAL, after our `prepareDatabase`: an answered payment
        // could then be lost with the power. So it is set again here, and `synchronousModes` lets a
        // test see it.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        try Migration.apply(migrations, to: database, at: clock.now(), path: path)
        return try Int64.fetchOne(database, sql: "SELECT count(*) FROM outbox") ?? 0
      }
      try file.syncLog()
      try file.set(.open)
      return Store(file: file, pool: pool, pending: pending)
    } catch {
      throw StoreError.certain(error, path: path)
    }
  }

  /// Looks at the file through a connection that cannot write: opening it in earnest already
  /// changes a page, and a damaged file must stay as it is for whoever saves it.
  private static func check(_ path: String) throws {
    // First: what SQLite thinks of the log it does not say.
    if let log = try? Data(contentsOf: URL(filePath: "\(path)-wal"), options: .alwaysMapped),
      let damage = log.withUnsafeBytes(WriteAheadLog.damage)
    {
      throw StoreError.corrupt(path: path, reason: damage)
    }
    var configuration = Configuration()
    configuration.readonly = true
    let verdict: [String]
    do {
      verdict = try Self.verdict(path, configuration)
    } catch let error as DatabaseError
      where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK
    {
      // The power went while the store was being made, before it had its write-ahead log; nothing was answered then.
      // SQLite rolls back, for which it must write.
      verdict = try Self.verdict(path, Configuration())
    }
    guard verdict == ["ok"] else {
      throw StoreError.corrupt(path: path, reason: verdict.first ?? "quick_check says nothing")
    }
  }

  private static func verdict(_ path: String, _ configuration: Configuration) throws -> [String] {
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    defer { try? queue.close() }
    return try queue.read { try String.fetchAll($0, sql: "PRAGMA quick_check(1)") }
  }

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.maximumReaderCount = readersMax
    configuration.label = "strongroom.store"
    // The lock file keeps others out; what may still be busy is our own checkpoint.
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { database in
      // Nothing of a table may lie about in temporary files, and a deleted row is overwritten.
      try database.execute(
        sql: """
          PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;
          PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
          PRAGMA journal_size_limit = \(walBytesMax); PRAGMA wal_autocheckpoint = \(checkpointPages);
          """)
    }
    return configuration
  }

  /// One durable change. `body` runs on the store's own thread, may share its transaction with
  /// others' and must not wait for anything. What it throws undoes it, and is thrown here.
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

  /// A consistent view for a caller that is no task; blocks its thread.
  package func readNow<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    try beginRead()
    defer { reads.leave() }
    do {
      return try pool.read { try body(Snapshot(database: $0)) }
    } catch {
      throw StoreError.translated(error, path: path)
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
      return try await pool.read { try body(Snapshot(database: $0)) }
    } catch {
      throw StoreError.translated(error, path: path)
    }
  }

  private func beginRead() throws(StoreError) {
    let mayRead = mayRead.withLock { mayRead in
      if mayRead { reads.enter() }
      return mayRead
    }
    guard mayRead else { throw .closed }
  }

  // Before the members go: the claim on the file must not end sooner than the database is closed.
  deinit { close() }

  /// Ends the store: what waits is written, what comes later is refused, and the database file alone holds everything,
  /// so that a copy of it is a backup. The file is free again when the last reference goes.
  package func close() {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    writer.close()
    notices.close()
    mayRead.withLock { $0 = false }
    reads.wait()
    do {
      try file.set(.closing)
      try pool.writeWithoutTransaction { database in
        _ = try database.checkpoint(.truncate)
      }
      try pool.close()
      try file.set(.closed)
    } catch {
      // The log stays beside the database and the next owner reads it: nothing is lost, only left where it was.
    }
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

  /// `PRAGMA synchronous` as each connection reports it: the writer first, then all readers, which
  /// are held until every one of them has answered. 2 is FULL. Blocks; for tests and for a
  /// service's own check.
  package func synchronousModes() throws -> [Int] {
    let sql = "PRAGMA synchronous"
    let modes = Mutex([try pool.writeWithoutTransaction { try Int.fetchOne($0, sql: sql) ?? -1 }])
    let group = DispatchGroup()
    let ready = DispatchSemaphore(value: 0)
    let release = DispatchSemaphore(value: 0)
    for _ in 0..<Self.readersMax {
      DispatchQueue.global().async(group: group) { [pool] in
        let mode = try? pool.read { database in
          defer {
            ready.signal()
            _ = release.wait(timeout: .now() + 5)
          }
          return try Int.fetchOne(database, sql: sql)
        }
        modes.withLock { $0.append(mode ?? -1) }
      }
    }
    for _ in 0..<Self.readersMax { _ = ready.wait(timeout: .now() + 5) }
    for _ in 0..<Self.readersMax { release.signal() }
    group.wait()
    return modes.withLock { $0 }
  }

  /// Commits and writes kept so far; the first is the smaller when writes shared one.
  package var counts: (commits: UInt64, writes: UInt64) {
    (writer.commits.value, writer.writes.value)
  }
}
