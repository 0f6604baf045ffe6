package import AuditAPI
package import Storage
package import Vocabulary

/// All of this service's SQL. Rows of `audit_record` are added and read, never changed.
package struct AuditStore: Sendable {
  /// Most rows in one answer.
  package static let rowsMax = 8_192

  /// The schema, step by step.
  package static let migrations = [
    Migration(1, "initial", sql: PackageResources._001_initial_sql)
  ]

  private let store: Store
  package init(_ store: Store) { self.store = store }

  /// A stored record: its index in the log, and the bytes that are hashed there.
  package struct Entry: Hashable, Sendable {
    package let sequence: UInt64
    package let bytes: [UInt8]

    init(_ row: Row) throws {
      sequence = UInt64(try row.integer("sequence"))
      bytes = try row.blob("entry")
    }
  }

  // MARK: - Records

  /// Keeps what is new of a batch, and a record of each attempt to change an old one, in one
  /// durable change. Sequence numbers follow on without a gap.
  package func append(_ batch: [PreparedRecord], at now: Instant) async throws -> AppendDecision {
    try await store.write { transaction in
      let known = try Self.known(batch.map(\.record.id), transaction)
      let decision = AppendDecision(batch, known: known)
      var fresh = decision.fresh
      if !decision.conflicts.isEmpty {
        let attempts = decision.conflicts
          .compactMap { AppendDecision.conflictRecord(for: $0, at: now) }
          .map { PreparedRecord($0) }
        let recorded = try Self.known(attempts.map(\.record.id), transaction)
        fresh += AppendDecision(attempts, known: recorded).fresh
      }
      guard !fresh.isEmpty else { return decision }
      var sequence = try Self.count(transaction.snapshot)
      for item in fresh {
        try transaction.execute(
          """
          INSERT INTO audit_record (sequence, record_id, correlation, subject, entry)
          VALUES (?, ?, ?, ?, ?)
          """,
          [
            .count(sequence), .blob(item.record.id.bytes), .id(item.record.correlation),
            .optional(item.record.subject), .blob(item.entry),
          ])
        sequence += 1
      }
      return decision
    }
  }

  /// How many records there are.
  package func count() async throws -> UInt64 { try await store.read { try Self.count($0) } }

  /// Up to `limit` records from an index on, in the order of the log.
  package func entries(from first: UInt64, limit: Int) async throws -> [Entry] {
    try await store.read { snapshot in
      try snapshot.rows(
        "SELECT sequence, entry FROM audit_record WHERE sequence >= ? ORDER BY sequence LIMIT ?",
        [.count(first), .count(min(limit, Self.rowsMax))]
      ).map { try Entry($0) }
    }
  }

  /// One record; nil when there is none of this id.
  package func entry(_ id: AuditRecordID) async throws -> Entry? {
    try await store.read { snapshot in
      try snapshot.row(
        "SELECT sequence, entry FROM audit_record WHERE record_id = ?", [.blob(id.bytes)]
      ).map { try Entry($0) }
    }
  }

  /// Which records are asked for.
  package enum Filter: Hashable, Sendable {
    case all
    case correlation(CorrelationID)
    case subject(String)
  }

  /// Up to `limit` records, oldest first, with an index greater than `after`.
  package func find(_ filter: Filter, after: Int64, limit: Int) async throws -> [Entry] {
    let page: [SQLValue] = [.integer(after), .count(min(limit, Self.rowsMax))]
    return try await store.read { snapshot in
      let rows =
        switch filter {
        case .all:
          try snapshot.rows(
            "SELECT sequence, entry FROM audit_record WHERE sequence > ? ORDER BY sequence LIMIT ?",
            page)
        case .correlation(let correlation):
          try snapshot.rows(
            """
            SELECT sequence, entry FROM audit_record WHERE correlation = ? AND sequence > ?
            ORDER BY sequence LIMIT ?
            """, [.id(correlation)] + page)
        case .subject(let subject):
          try snapshot.rows(
            """
            SELECT sequence, entry FROM audit_record WHERE subject = ? AND sequence > ?
            ORDER BY sequence LIMIT ?
            """, [.text(subject)] + page)
        }
      return try rows.map { try Entry($0) }
    }
  }

  private static func count(_ snapshot: Snapshot) throws -> UInt64 {
    let row = try snapshot.row("SELECT MAX(sequence) AS last FROM audit_record")
    return try row?.optionalInteger("last").map { UInt64($0) + 1 } ?? 0
  }

  /// The stored entries of those ids that are there. Asked in portions of one size, so that one
  /// prepared statement serves every batch; the last id fills up the last portion.
  private static func known(
    _ ids: [AuditRecordID], _ transaction: Transaction
  ) throws -> [AuditRecordID: [UInt8]] {
    let byBytes = Dictionary(ids.map { ($0.bytes, $0) }, uniquingKeysWith: { first, _ in first })
    let all = Array(byBytes.keys)
    var known: [AuditRecordID: [UInt8]] = [:]
    for start in stride(from: 0, to: all.count, by: portion) {
      var asked = Array(all[start..<min(start + portion, all.count)])
      while asked.count < portion { asked.append(all[start]) }
      for row in try transaction.rows(knownSQL, asked.map { .blob($0) }) {
        if let id = byBytes[try row.blob("record_id")] { known[id] = try row.blob("entry") }
      }
    }
    return known
  }
  private static let portion = 100
  private static let knownSQL =
    "SELECT record_id, entry FROM audit_record WHERE record_id IN ("
    + Array(repeating: "?", count: portion).joined(separator: ", ") + ")"

  // MARK: - The log's key and newest checkpoint

  /// The key as it is kept: sealed.
  package struct SealedKey: Hashable, Sendable {
    package let origin: String
    package let sealedSeed: [UInt8]
    package let verifierKey: String
    package init(origin: String, sealedSeed: [UInt8], verifierKey: String) {
      self.origin = origin
      self.sealedSeed = sealedSeed
      self.verifierKey = verifierKey
    }
  }

  /// The key; nil before the first start.
  package func key() async throws -> SealedKey? {
    try await store.read { snapshot in
      try snapshot.row("SELECT origin, sealed_seed, verifier_key FROM log_key").map {
        SealedKey(
          origin: try $0.text("origin"), sealedSeed: try $0.blob("sealed_seed"),
          verifierKey: try $0.text("verifier_key"))
      }
    }
  }

  /// Keeps the key. There is one for ever: a second throws.
  package func keep(_ key: SealedKey, at now: Instant) async throws {
    try await store.write { transaction in
      try transaction.execute(
        """
        INSERT INTO log_key (singleton, origin, sealed_seed, verifier_key, created_at)
        VALUES (1, ?, ?, ?, ?)
        """,
        [
          .text(key.origin), .blob(key.sealedSeed), .text(key.verifierKey),
          .integer(now.nanoseconds),
        ])
    }
  }

  /// The signed note of the newest checkpoint that was published; nil before the first.
  package func publishedNote() async throws -> [UInt8]? {
    try await store.read { try $0.row("SELECT note FROM published_checkpoint")?.blob("note") }
  }

  /// Remembers a checkpoint after its file stands.
  package func remember(note: [UInt8], size: UInt64) async throws {
    try await store.write { transaction in
      try transaction.execute(
        """
        INSERT INTO published_checkpoint (singleton, size, note) VALUES (1, ?, ?)
        ON CONFLICT (singleton) DO UPDATE SET size = excluded.size, note = excluded.note
        """, [.count(size), .blob(note)])
    }
  }
}
