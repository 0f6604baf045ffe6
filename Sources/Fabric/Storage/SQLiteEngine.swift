import Dispatch
import FoundationEssentials
import GRDB
import Synchronization
import Vocabulary

/// A store in a database file that only its owner opens. A class: it owns the file and its lock.
final class SQLiteEngine: StoreEngine {
  /// Pages of the write-ahead log before they are written back into the database: 16 MiB, so that a
  /// busy store syncs the database seldom.
  static let checkpointPages = 4_096
  /// Bytes the write-ahead log is cut back to after a checkpoint.
  static let walBytesMax = 16_777_216

  /// Memory for pages of the one connection that writes, at most: an index over random ids touches as many pages as it
  /// gets rows.
  static let writerCacheKiB = 16_384
  /// The same where a service has no tables of its own. What waits for delivery goes out as it came in, and a backlog that
  /// is over would stay in memory for nothing.
  static let outboxCacheKiB = 2_048

  private let file: StoreFile
  private let pool: DatabasePool

  /// A larger file is not read as a whole at the start: that takes minutes, and nobody waits so long. SQLite still refuses
  /// each damaged page when it comes to it, and what must not be altered is hashed by its service.
  static let checkedBytesMax = 67_108_864

  /// Opens or makes the file, checks it (`quick_check`, up to `checkedBytesMax`) and brings its schema up to date.
  init(path: String, migrations: [Migration], at now: Instant) throws(StoreError) {
    file = try StoreFile(path: path)
    do {
      try Self.check(path)
      try file.rewrite()
      let pool = try DatabasePool(path: path, configuration: Self.configuration())
      try pool.writeWithoutTransaction { database in
        // GRDB sets NORMAL when it turns on WAL, after our `prepareDatabase`: an answered payment
        // could then be lost with the power. So it is set again here, and `syncs` lets a test see it.
        let cacheKiB = migrations.isEmpty ? Self.outboxCacheKiB : Self.writerCacheKiB
        try database.execute(
          sql: "PRAGMA synchronous = FULL; PRAGMA cache_size = -\(cacheKiB);")
        try Migration.apply(
          migrations, to: SQLiteMigrations(database: database), at: now, place: path)
      }
      try file.syncLog()
      try file.set(.open)
      self.pool = pool
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
    return try queue.read { database in
      let bytes = try Int.fetchOne(
        database, sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
      guard let bytes, bytes <= checkedBytesMax else {
        _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema")
        return ["ok"]
      }
      return try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
    }
  }

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.maximumReaderCount = Store.readersMax
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

  func commit(_ body: (any WriteSession) throws -> Void) throws {
    try pool.writeWithoutTransaction { database in
      do {
        try database.beginTransaction(.immediate)
        try body(SQLiteSession(database))
        try database.commit()
      } catch {
        if database.isInsideTransaction { try? database.rollback() }
        throw error
      }
    }
  }

  func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    try pool.read { try body(Snapshot(SQLiteSession($0))) }
  }

  func read<Result: Sendable>(
    _ body: @escaping @Sendable (Snapshot) throws -> Result
  ) async throws -> Result {
    try await pool.read { try body(Snapshot(SQLiteSession($0))) }
  }

  func translated(_ error: any Error) -> any Error {
    StoreError.translated(error, path: file.path)
  }

  var worker: String? { nil }

  /// The lock on the file goes only with the process.
  var disowned: StoreError? { nil }
  func follow(_ events: @escaping @Sendable (StoreEngineEvent) -> Void) {}

  func close() {
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

  /// `PRAGMA synchronous` of the writer, then of all readers, which are held until every one of them has answered.
  func syncs() throws -> [Bool] {
    let (sql, full) = ("PRAGMA synchronous", 2)
    let modes = Mutex([try pool.writeWithoutTransaction { try Int.fetchOne($0, sql: sql) == full }])
    let group = DispatchGroup()
    let ready = DispatchSemaphore(value: 0)
    let release = DispatchSemaphore(value: 0)
    for _ in 0..<Store.readersMax {
      DispatchQueue.global().async(group: group) { [pool] in
        let mode = try? pool.read { database in
          defer {
            ready.signal()
            _ = release.wait(timeout: .now() + 5)
          }
          return try Int.fetchOne(database, sql: sql)
        }
        modes.withLock { $0.append(mode == full) }
      }
    }
    for _ in 0..<Store.readersMax { _ = ready.wait(timeout: .now() + 5) }
    for _ in 0..<Store.readersMax { release.signal() }
    group.wait()
    return modes.withLock { $0 }
  }
}

/// A file's schema on its way to the newest.
struct SQLiteMigrations: MigrationTarget {
  let database: Database

  var dialect: SQLDialect { .sqlite }

  func transact(_ script: String, _ body: (any SQLSession) throws -> Void) throws {
    try database.inTransaction(.immediate) {
      try database.execute(sql: script)
      try body(SQLiteSession(database))
      return .commit
    }
  }

  func rows(_ sql: String) throws -> [Row] { try SQLiteSession(database).rows(sql, []) }

  func faultOfScript(_ error: any Error) -> String? {
    guard let error = error as? DatabaseError, error.resultCode == .SQLITE_ERROR else { return nil }
    return error.message ?? "no reason given"
  }

  func translated(_ error: any Error, place: String) -> StoreError {
    StoreError.certain(error, path: place)
  }
}
