package import LedgerJournal
import Vocabulary

/// The journal on PostgreSQL: one row for each entry, and a row that says who may write.
///
/// Two fences keep a paused writer from doing harm. A session-level advisory lock tells a second
/// writer that the first is alive. And every commit holds the writer's row and compares its epoch in
/// the same statement: whoever was replaced commits nothing, however long it slept, even if its
/// session and lock were lost without its knowing.
package final class PostgresJournal {
  /// "strongr" in ASCII: the advisory lock's key.
  private static let lockKey: Int64 = 0x73_7472_6f6e_6772
  private static let schema = """
    SET client_min_messages = warning;
    CREATE TABLE IF NOT EXISTS journal (
      sequence bigint PRIMARY KEY CHECK (sequence >= 1), moment bigint NOT NULL,
      first_transfer bigint NOT NULL, transfers bigint NOT NULL,
      hash bytea NOT NULL CHECK (octet_length(hash) = 32), body bytea NOT NULL
    );
    -- Entries are dense already: compressing them only costs.
    ALTER TABLE journal ALTER body SET STORAGE EXTERNAL;
    CREATE TABLE IF NOT EXISTS writer (id int PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL);
    INSERT INTO writer VALUES (1, 0) ON CONFLICT DO NOTHING;
    """

  private let connection: PostgresConnection

  /// Opens the journal and makes its tables where they are missing.
  package init(_ connection: PostgresConnection) throws(PostgresFailure) {
    self.connection = connection
    // Whatever the server's default is: what is answered must be on its disk.
    try connection.script("SET synchronous_commit = on")
    try connection.script(Self.schema)
  }

  /// Becomes the writer.
  /// - Parameter force: also where another session holds the lock; it can commit nothing from then on.
  /// - Returns: the new epoch; nil where another writer is alive.
  package func takeOver(force: Bool = false) throws(PostgresFailure) -> Int64? {
    let locked = try connection.execute("SELECT pg_try_advisory_lock(\(Self.lockKey))")
    guard force || locked.rows.first?.first == .integer(1) else { return nil }
    let answer = try connection.execute(
      "UPDATE writer SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch")
    guard case .integer(let epoch)? = answer.rows.first?.first else { throw .unexpected }
    return epoch
  }

  /// Appends an entry; it is durable when this returns true.
  /// - Returns: false where it does not follow the last entry, or its writer was replaced: then
  ///   nothing was done.
  /// - Throws: `.lost` where it is not known what became of it.
  package func append(_ sealed: SealedEntry) throws(PostgresFailure) -> Bool {
    let entry = sealed.entry
    // FOR SHARE makes a take-over wait for us, or us for it; then the epoch is compared again.
    let answer = try connection.execute(
      """
      WITH fence AS (SELECT 1 FROM writer WHERE id = 1 AND epoch = $1 FOR SHARE)
      INSERT INTO journal (sequence, moment, first_transfer, transfers, hash, body)
      SELECT $2, $3, $4, $5, $6, $7 FROM fence
      WHERE CASE WHEN $2 = 1 THEN NOT EXISTS (SELECT 1 FROM journal)
        ELSE (SELECT hash FROM journal WHERE sequence = $2 - 1) = $8 END
      ON CONFLICT DO NOTHING
      """,
      [
        .integer(entry.epoch), .integer(entry.sequence), .integer(entry.moment.nanoseconds),
        .integer(entry.firstTransfer), .integer(Int64(entry.accepted.count)),
        .bytes(sealed.hash.bytes), .bytes(sealed.body), .bytes(entry.previous.bytes),
      ])
    return answer.changed == 1
  }

  /// Brings a book up to date with all entries after its tip; what a standby does.
  /// - Throws: `PostgresFailure`, `JournalMismatch`.
  package func replay(into journaled: inout JournaledBook) throws {
    while true {
      let answer = try connection.execute(
        "SELECT sequence, hash, body FROM journal WHERE sequence > $1 ORDER BY sequence LIMIT 1",
        [.integer(journaled.tip.sequence)])
      guard let row = answer.rows.first else { return }
      guard case .integer(let sequence) = row[0], case .bytes(let hash) = row[1],
        case .bytes(let body) = row[2], let hash = JournalHash(hash)
      else { throw PostgresFailure.unexpected }
      guard sequence == journaled.tip.sequence + 1 else {
        throw JournalMismatch.missing(entry: journaled.tip.sequence + 1)
      }
      try journaled.replay(SealedEntry(body: body, hash: hash, after: journaled.tip))
    }
  }
}
