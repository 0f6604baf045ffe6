import Dispatch
import Foundation
import LedgerBook
package import Storage
import StoragePostgres
import Synchronization

/// What one would write by hand on PostgreSQL: a row for each transfer and two balances, either one
/// call of a function per transfer from many sessions, or a batch by arrays in one statement.
package struct HandWrittenPostgres: Sendable {
  private static let schema = """
    SET client_min_messages = warning;
    DROP TABLE IF EXISTS hand_transfers; DROP TABLE IF EXISTS hand_accounts;
    CREATE TABLE hand_accounts (
      id bigint PRIMARY KEY, debits bigint NOT NULL DEFAULT 0, credits bigint NOT NULL DEFAULT 0
    ) WITH (fillfactor = 50);
    CREATE TABLE hand_transfers (
      id bytea PRIMARY KEY, debit_account bigint NOT NULL, credit_account bigint NOT NULL,
      amount bigint NOT NULL CHECK (amount > 0), created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ON hand_transfers (debit_account, created_at);
    CREATE INDEX ON hand_transfers (credit_account, created_at);
    CREATE OR REPLACE FUNCTION hand_transfer(i bytea, d bigint, c bigint, a bigint) RETURNS void
    LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO hand_transfers VALUES (i, d, c, a);
      -- Always in the same order, or two transfers wait for each other for ever.
      IF d < c THEN
        UPDATE hand_accounts SET debits = debits + a WHERE id = d;
        UPDATE hand_accounts SET credits = credits + a WHERE id = c;
      ELSE
        UPDATE hand_accounts SET credits = credits + a WHERE id = c;
        UPDATE hand_accounts SET debits = debits + a WHERE id = d;
      END IF;
    END $$;
    """
  private static let batchSQL = """
    WITH rows AS (
      SELECT decode(split_part(line, ',', 1), 'hex') AS i, split_part(line, ',', 2)::bigint AS d,
        split_part(line, ',', 3)::bigint AS c, split_part(line, ',', 4)::bigint AS a
      FROM unnest(string_to_array(convert_from(?, 'UTF8'), ';')) AS line
    ), made AS (
      INSERT INTO hand_transfers SELECT i, d, c, a FROM rows
    ), moved AS (
      SELECT id, sum(debit) AS debit, sum(credit) AS credit FROM (
        SELECT d AS id, a AS debit, 0 AS credit FROM rows
        UNION ALL SELECT c, 0, a FROM rows) AS legs GROUP BY id
    )
    UPDATE hand_accounts SET debits = debits + moved.debit, credits = credits + moved.credit
    FROM moved WHERE hand_accounts.id = moved.id
    """

  private let location: PostgresLocation

  package init(location: PostgresLocation, accounts: Int) throws {
    self.location = location
    let connection = try PostgresConnection(location.parameters(for: "bench"))
    try connection.control(Self.schema)
    try connection.control(
      "INSERT INTO hand_accounts (id) SELECT generate_series(1, \(accounts)); ANALYZE hand_accounts"
    )
  }

  /// - Parameters:
  ///   - batch: 1 is a call for each transfer, from `clients` sessions at once; more are arrays.
  package func run(
    _ workload: Workload, batch: Int, clients: Int, secondsMax: Double
  ) throws -> Figures {
    let seen = Mutex((latencies: Latencies(), made: 0, failed: 0))
    let cpu = Meter.cpuSeconds()
    let begun = Meter.seconds()
    // A thread for each session: they wait for the server, not for our cores.
    let group = DispatchGroup()
    for client in 0..<clients {
      group.enter()
      Thread.detachNewThread {
        defer { group.leave() }
        var own = Workload(
          accounts: workload.accounts, shape: workload.shape, seed: UInt64(batch * 1_000 + client))
        guard let connection = try? PostgresConnection(location.parameters(for: "bench")) else {
          return seen.withLock { $0.failed += 1 }
        }
        while Meter.seconds() - begun < secondsMax {
          let rows = own.batch(of: batch)
          let start = Meter.seconds()
          let isMade = (try? Self.make(rows, connection)) ?? false
          let spent = Meter.seconds() - start
          seen.withLock {
            $0.latencies.add(spent)
            if isMade { $0.made += rows.count } else { $0.failed += 1 }
          }
        }
      }
    }
    group.wait()
    let seconds = Meter.seconds() - begun
    let (latencies, made, failed) = seen.withLock { ($0.latencies, $0.made, $0.failed) }
    guard failed == 0 else { throw BenchFailure.refused(failed) }
    return Figures(
      name: """
        hand-written PostgreSQL, batches of \(batch), \(clients) clients, \(workload.shape.rawValue)
        """,
      transfers: made, seconds: seconds, perSecond: Double(made) / seconds,
      p50: latencies.quantile(0.5), p99: latencies.quantile(0.99),
      p999: latencies.quantile(0.999),
      cpuMicros: (Meter.cpuSeconds() - cpu) / Double(max(1, made)) * 1e6, bytesPerTransfer: 0,
      peakMiB: Meter.peakMiB())
  }

  private static func make(_ rows: [RequestRow], _ connection: PostgresConnection) throws -> Bool {
    if rows.count == 1 {
      let row = rows[0]
      _ = try connection.run(
        "SELECT 1 FROM hand_transfer(?, ?, ?, ?)",
        [
          .blob(withUnsafeBytes(of: row.id.bigEndian) { Array($0) }),
          .integer(Int64(truncatingIfNeeded: row.debitAccount)),
          .integer(Int64(truncatingIfNeeded: row.creditAccount)), .integer(row.amount),
        ])
      return true
    }
    let lines = rows.map { row in
      let hex = String(row.id, radix: 16)
      let id = String(repeating: "0", count: 32 - hex.count) + hex
      return "\(id),\(row.debitAccount),\(row.creditAccount),\(row.amount)"
    }
    _ = try connection.run(batchSQL, [.blob([UInt8](lines.joined(separator: ";").utf8))])
    return true
  }
}
