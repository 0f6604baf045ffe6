import LedgerBook
import LedgerJournal
import Storage
import Vocabulary

/// The journal and the snapshots in SQL. Writes happen in the transaction that is passed in; nothing
/// here decides anything.
enum JournalStore {
  /// Appends an entry, if it follows what is there and its writer is still the one.
  /// - Parameter firstAccount: the number of the first account that it opens.
  /// - Throws: `JournalMismatch`; the transaction must not be kept then.
  static func append(
    _ sealed: SealedEntry, firstAccount: Int, _ transaction: Transaction
  ) throws {
    let entry = sealed.entry
    guard try epoch(transaction.snapshot) == entry.epoch else {
      throw JournalMismatch.epochGoesBack(entry: entry.sequence)
    }
    guard try tip(transaction.snapshot).hash == entry.previous else {
      throw JournalMismatch.chainBroken(entry: entry.sequence)
    }
    try insert(sealed, firstAccount: firstAccount, transaction)
  }

  /// Keeps an entry, whoever wrote it, and who owns the accounts that it opens.
  static func insert(
    _ sealed: SealedEntry, firstAccount: Int, _ transaction: Transaction
  ) throws {
    let entry = sealed.entry
    let rowsAt = sealed.body.count - entry.accepted.count * TransferRow.bytes
    try transaction.execute(
      """
      INSERT INTO journal (sequence, moment, first_transfer, transfers, rows_at, hash, body)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(entry.sequence), .integer(entry.moment.nanoseconds),
        .integer(entry.firstTransfer), .count(entry.accepted.count), .count(rowsAt),
        .blob(sealed.hash.bytes), .blob(sealed.body),
      ])
    for (offset, account) in entry.opened.enumerated() where account.owner != 0 {
      try transaction.execute(
        "INSERT INTO account_owners (owner, number) VALUES (?, ?)",
        [.blob(PersonID(bits: account.owner).bytes), .count(firstAccount + offset)])
    }
  }

  /// The last entry.
  static func tip(_ snapshot: Snapshot) throws -> JournalPosition {
    guard
      let row = try snapshot.row(
        "SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1")
    else { return .start }
    return JournalPosition(
      sequence: try row.integer("sequence"), hash: try hash(row.blob("hash")))
  }

  static func epoch(_ snapshot: Snapshot) throws -> Int64 {
    try snapshot.row("SELECT epoch FROM writer WHERE id = 1")?.integer("epoch") ?? 0
  }

  /// Takes the journal over: from now on no older writer can commit.
  static func takeOver(_ transaction: Transaction) throws -> Int64 {
    try transaction.execute("UPDATE writer SET epoch = epoch + 1 WHERE id = 1")
    return try epoch(transaction.snapshot)
  }

  /// The entry that follows a position; nil at the end.
  /// - Throws: `JournalMismatch` where what is stored is not what follows.
  static func entry(after position: JournalPosition, _ snapshot: Snapshot) throws -> SealedEntry? {
    guard
      let row = try snapshot.row(
        "SELECT sequence, hash, body FROM journal WHERE sequence > ? ORDER BY sequence LIMIT 1",
        [.integer(position.sequence)])
    else { return nil }
    guard try row.integer("sequence") == position.sequence + 1 else {
      throw JournalMismatch.missing(entry: position.sequence + 1)
    }
    return try SealedEntry(
      body: row.blob("body"), hash: try hash(row.blob("hash")), after: position)
  }

  static func hash(at sequence: Int64, _ snapshot: Snapshot) throws -> JournalHash? {
    guard sequence > 0 else { return JournalHash.none }
    return try snapshot.row(
      "SELECT hash FROM journal WHERE sequence = ?", [.integer(sequence)]
    ).map { try hash($0.blob("hash")) }
  }

  private static func hash(_ bytes: [UInt8]) throws -> JournalHash {
    guard let hash = JournalHash(bytes) else { throw StoreError.constraint("a hash has 32 bytes") }
    return hash
  }

  // MARK: transfers

  /// The transfers at these sequences, which are ascending and all in the journal.
  static func transfers(_ sequences: [Int64], _ snapshot: Snapshot) throws -> [KnownTransfer] {
    var found: [KnownTransfer] = []
    found.reserveCapacity(sequences.count)
    var range: Range<Int64> = 0..<0
    var rows: [UInt8] = []
    for sequence in sequences {
      if !range.contains(sequence) {
        guard
          let row = try snapshot.row(
            """
            SELECT first_transfer, transfers, substr(body, CAST(rows_at + 1 AS integer)) AS rows
            FROM journal
            WHERE transfers > 0 AND first_transfer <= ? ORDER BY first_transfer DESC LIMIT 1
            """, [.integer(sequence)])
        else { throw JournalMismatch.missing(entry: 1) }
        let first = try row.integer("first_transfer")
        range = first..<first + (try row.integer("transfers"))
        rows = try row.blob("rows")
        guard range.contains(sequence), rows.count == range.count * TransferRow.bytes else {
          throw StoreError.constraint("transfer \(sequence) is not in the journal")
        }
      }
      let offset = Int(sequence - range.lowerBound) * TransferRow.bytes
      let row = rows.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: offset, as: TransferRow.self)
      }
      found.append(KnownTransfer(row: row, sequence: sequence))
    }
    return found
  }

  // MARK: snapshots

  static func keep(_ bytes: [UInt8], at position: JournalPosition, _ transaction: Transaction)
    throws
  {
    guard try hash(at: position.sequence, transaction.snapshot) == position.hash else {
      throw JournalMismatch.chainBroken(entry: position.sequence)
    }
    try transaction.execute(
      """
      INSERT INTO snapshots (sequence, hash, body) VALUES (?, ?, ?)
      ON CONFLICT (sequence) DO UPDATE SET hash = excluded.hash, body = excluded.body
      """,
      [
        .integer(position.sequence), .blob(BookSnapshot.hash(of: bytes).bytes), .blob(bytes),
      ])
    // The one before stays, for the case that somebody damages the newest.
    try transaction.execute(
      """
      DELETE FROM snapshots WHERE sequence NOT IN
      (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT 2)
      """)
  }

  static func newestSnapshot(_ snapshot: Snapshot) throws -> BookSnapshot? {
    guard
      let row = try snapshot.row(
        "SELECT sequence, hash, body FROM snapshots ORDER BY sequence DESC LIMIT 1")
    else { return nil }
    let sequence = try row.integer("sequence")
    let found = try BookSnapshot(
      encoded: row.blob("body"), hash: try hash(row.blob("hash")), at: sequence)
    guard try hash(at: sequence, snapshot) == found.position.hash else {
      throw JournalMismatch.snapshot(at: sequence, "the journal has another entry there")
    }
    return found
  }
}
