import Crypto
import GRDB
import Vocabulary

/// One step of a store's schema. Numbered from 1 without a gap; after it is merged its text never
/// changes, because stores remember its digest and refuse to start with another.
package struct Migration: Sendable {
  package let number: Int
  package let name: String
  /// SQL statements, UTF-8.
  package let sql: [UInt8]

  /// - Parameter sql: normally `PackageResources._0001_initial_sql`.
  package init(_ number: Int, _ name: String, sql: [UInt8]) {
    self.number = number
    self.name = name
    self.sql = sql
  }

  var digest: [UInt8] { Array(SHA256.hash(data: sql)) }
}

extension Migration {
  /// What every store has: the outbox and the idempotency keys. It is migration 0, under the same
  /// rule.
  static let fabric = Migration(
    0, "fabric",
    sql: Array(
      """
      CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        body BLOB NOT NULL,
        appended_at INTEGER NOT NULL
      );
      CREATE INDEX outbox_by_topic ON outbox (topic, sequence);
      CREATE TABLE outbox_refused (
        id TEXT PRIMARY KEY,
        topic TEXT NOT NULL,
        body BLOB NOT NULL,
        appended_at INTEGER NOT NULL,
        refused_at INTEGER NOT NULL,
        reason TEXT NOT NULL
      );
      CREATE TABLE idempotency (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        begun_at INTEGER NOT NULL,
        resource TEXT,
        status INTEGER,
        headers BLOB,
        body BLOB,
        PRIMARY KEY (scope, key)
      );
      """.utf8))

  /// Brings the store to the newest of `migrations`, each in a transaction of its own.
  static func apply(
    _ migrations: [Migration], to database: Database, at now: Instant, path: String
  ) throws(StoreError) {
    for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
      throw .migrationsOutOfOrder(number: migration.number)
    }
    do {
      try database.execute(
        sql: """
          CREATE TABLE IF NOT EXISTS migrations (
            number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL,
            applied_at INTEGER NOT NULL)
          """)
      let applied = try Snapshot(database: database).rows(
        "SELECT number, digest FROM migrations ORDER BY number")
      let all = [fabric] + migrations
      for row in applied {
        let number = Int(try row.integer("number"))
        guard let known = all.first(where: { $0.number == number }) else {
          throw StoreError.migratedByNewer(number: number, known: migrations.count)
        }
        guard try row.blob("digest") == known.digest else {
          throw StoreError.migrationEdited(number: number, name: known.name)
        }
      }
      for migration in all.dropFirst(applied.count) {
        try migration.run(on: database, at: now)
      }
    } catch {
      throw StoreError.certain(error, path: path)
    }
  }

  private func run(on database: Database, at now: Instant) throws {
    do {
      try database.inTransaction(.immediate) {
        try database.execute(sql: String(decoding: sql, as: UTF8.self))
        _ = try Transaction(database: database, notes: .init()).execute(
          "INSERT INTO migrations (number, name, digest, applied_at) VALUES (?, ?, ?, ?)",
          [.count(number), .text(name), .blob(digest), .integer(now.nanoseconds)])
        return .commit
      }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
      throw StoreError.migrationFailed(
        number: number, name: name, reason: error.message ?? "no reason given")
    }
  }
}
