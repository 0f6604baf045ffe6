import Crypto
package import Vocabulary

/// One step of a store's schema. A service's own are numbered from 1 without a gap; those that every store has count down
/// from 0. After it is merged its text never changes, because stores remember its digest and refuse to start with another.
package struct Migration: Sendable {
  package let number: Int
  package let name: String
  /// SQL statements, UTF-8, for SQLite.
  package let sql: [UInt8]
  /// The same schema in PostgreSQL's words.
  package let postgres: [UInt8]

  /// - Parameters:
  ///   - sql: normally `PackageResources._001_initial_sql`, of the file `0001-initial.sql`.
  ///   - postgres: all whole numbers are `bigint`, all bytes `bytea`; what is sorted or compared as text has the
  ///     collation "C", which SQLite has.
  package init(_ number: Int, _ name: String, sql: [UInt8], postgres: [UInt8]) {
    self.number = number
    self.name = name
    self.sql = sql
    self.postgres = postgres
  }

  func text(for dialect: SQLDialect) -> [UInt8] {
    switch dialect {
    case .sqlite: sql
    case .postgres: postgres
    }
  }
}

/// A database whose schema is brought up to date.
package protocol MigrationTarget {
  var dialect: SQLDialect { get }
  /// Runs a script and `body` in one transaction.
  func transact(_ script: String, _ body: (any SQLSession) throws -> Void) throws
  func rows(_ sql: String) throws -> [Row]
  /// What is wrong with a script that failed; nil where the fault is not the script's.
  func faultOfScript(_ error: any Error) -> String?
  func translated(_ error: any Error, place: String) -> StoreError
}

extension Migration {
  /// Brings the store to the newest of `migrations`, each in a transaction of its own.
  /// - Parameter place: for what is said to operators.
  package static func apply(
    _ migrations: [Migration], to target: some MigrationTarget, at now: Instant, place: String
  ) throws(StoreError) {
    for (index, migration) in migrations.enumerated() where migration.number != index + 1 {
      throw .migrationsOutOfOrder(number: migration.number)
    }
    do {
      try target.transact(table(target.dialect)) { _ in }
      let applied = try target.rows("SELECT number, digest FROM migrations ORDER BY number")
      let all = fabric + migrations
      for row in applied {
        let number = Int(try row.integer("number"))
        guard let known = all.first(where: { $0.number == number }) else {
          throw StoreError.migratedByNewer(number: number, known: migrations.count)
        }
        guard try row.blob("digest") == known.digest(target.dialect) else {
          throw StoreError.migrationEdited(number: number, name: known.name)
        }
      }
      let done = try Set(applied.map { Int(try $0.integer("number")) })
      for migration in all where !done.contains(migration.number) {
        try migration.run(on: target, at: now)
      }
    } catch {
      throw target.translated(error, place: place)
    }
  }

  private static func table(_ dialect: SQLDialect) -> String {
    switch dialect {
    case .sqlite:
      """
      CREATE TABLE IF NOT EXISTS migrations (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL,
        applied_at INTEGER NOT NULL)
      """
    case .postgres:
      """
      CREATE TABLE IF NOT EXISTS migrations (
        number bigint PRIMARY KEY, name text NOT NULL, digest bytea NOT NULL,
        applied_at bigint NOT NULL)
      """
    }
  }

  private func digest(_ dialect: SQLDialect) -> [UInt8] {
    Array(SHA256.hash(data: text(for: dialect)))
  }

  private func run(on target: some MigrationTarget, at now: Instant) throws {
    let script = String(decoding: text(for: target.dialect), as: UTF8.self)
    let digest = digest(target.dialect)
    do {
      try target.transact(script) { session in
        _ = try session.execute(
          "INSERT INTO migrations (number, name, digest, applied_at) VALUES (?, ?, ?, ?)",
          [.count(number), .text(name), .blob(digest), .integer(now.nanoseconds)])
      }
    } catch {
      guard let reason = target.faultOfScript(error) else { throw error }
      throw StoreError.migrationFailed(number: number, name: name, reason: reason)
    }
  }
}
