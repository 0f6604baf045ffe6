import Foundation
import GRDBSQLite
import LedgerBook

/// What one would write by hand: a row for each transfer, two updates of balances, prepared
/// statements through SQLite's own C interface, one transaction for a batch, WAL and
/// `synchronous = FULL` as ours. Its unique index is its idempotency; limits are CHECKs.
package final class HandWrittenSQLite {
  private static let schema = """
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE accounts (
      id INTEGER PRIMARY KEY, debits INTEGER NOT NULL DEFAULT 0,
      credits INTEGER NOT NULL DEFAULT 0 CHECK (credits >= 0)
    );
    CREATE TABLE transfers (
      sequence INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, debit_account INTEGER NOT NULL,
      credit_account INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
      currency INTEGER NOT NULL, code INTEGER NOT NULL, created_at INTEGER NOT NULL
    );
    CREATE INDEX transfers_by_debit ON transfers (debit_account, sequence);
    CREATE INDEX transfers_by_credit ON transfers (credit_account, sequence);
    """

  private let folder: String
  private var database: OpaquePointer?
  private var insert: OpaquePointer?
  private var debit: OpaquePointer?
  private var credit: OpaquePointer?

  /// - Parameter folder: made here; the caller removes it.
  package init(folder: String, accounts: Int) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try check(sqlite3_open("\(folder)/hand.sqlite", &database))
    try execute(Self.schema)
    try execute("BEGIN IMMEDIATE")
    let open = try prepare("INSERT INTO accounts (id) VALUES (?)")
    for account in 1...accounts {
      sqlite3_bind_int64(open, 1, Int64(account))
      try step(open)
    }
    sqlite3_finalize(open)
    try execute("COMMIT")
    insert = try prepare(
      """
      INSERT INTO transfers (id, debit_account, credit_account, amount, currency, code, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      """)
    debit = try prepare("UPDATE accounts SET debits = debits + ? WHERE id = ?")
    credit = try prepare("UPDATE accounts SET credits = credits + ? WHERE id = ?")
  }

  deinit {
    for statement in [insert, debit, credit] { sqlite3_finalize(statement) }
    sqlite3_close(database)
  }

  /// Runs for whole batches until the transfers are made or the seconds are over.
  package func run(
    _ workload: Workload, transfers: Int, batch: Int, secondsMax: Double
  ) throws -> Figures {
    var workload = workload
    var latencies = Latencies()
    var made = 0
    let begun = Meter.seconds()
    let cpu = Meter.cpuSeconds()
    while made < transfers, Meter.seconds() - begun < secondsMax {
      let rows = workload.batch(of: batch)
      let start = Meter.seconds()
      try execute("BEGIN IMMEDIATE")
      for row in rows { try make(row) }
      try execute("COMMIT")
      latencies.add(Meter.seconds() - start)
      made += batch
    }
    let seconds = Meter.seconds() - begun
    return Figures(
      name: "hand-written SQLite, batches of \(batch), \(workload.shape.rawValue)",
      transfers: made, seconds: seconds, perSecond: Double(made) / seconds,
      p50: latencies.quantile(0.5), p99: latencies.quantile(0.99),
      p999: latencies.quantile(0.999),
      cpuMicros: (Meter.cpuSeconds() - cpu) / Double(made) * 1e6,
      bytesPerTransfer: Double(Meter.diskBytes(folder)) / Double(made), peakMiB: Meter.peakMiB())
  }

  private func make(_ row: RequestRow) throws {
    let from = Int64(truncatingIfNeeded: row.debitAccount)
    let to = Int64(truncatingIfNeeded: row.creditAccount)
    _ = withUnsafeBytes(of: row.id.bigEndian) {
      sqlite3_bind_blob(insert, 1, $0.baseAddress, 16, transient)
    }
    for (place, value) in [from, to, row.amount, 978, 1, 1].enumerated() {
      sqlite3_bind_int64(insert, Int32(place + 2), value)
    }
    try step(insert)
    for (statement, account) in [(debit, from), (credit, to)] {
      sqlite3_bind_int64(statement, 1, row.amount)
      sqlite3_bind_int64(statement, 2, account)
      try step(statement)
    }
  }

  // MARK: the C interface

  /// SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
  private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  private func prepare(_ sql: String) throws -> OpaquePointer? {
    var statement: OpaquePointer?
    try check(sqlite3_prepare_v2(database, sql, -1, &statement, nil))
    return statement
  }
  private func execute(_ sql: String) throws {
    try check(sqlite3_exec(database, sql, nil, nil, nil))
  }
  private func step(_ statement: OpaquePointer?) throws {
    let code = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard code == SQLITE_DONE else { throw failure() }
  }
  private func check(_ code: Int32) throws {
    guard code == SQLITE_OK else { throw failure() }
  }
  private func failure() -> BenchFailure { .sqlite(String(cString: sqlite3_errmsg(database))) }
}
