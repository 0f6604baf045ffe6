package import AuditAPI
package import MerkleLog
package import Storage
import StrictJSON
package import Vocabulary

/// All of this service's SQL. A record's bytes are here until they stand in a full bundle of the log; from then on there is
/// an index of them here, and the log has the bytes (`AuditStore+Index.swift`).
package struct AuditStore: Sendable {
  /// Most rows in one answer.
  package static let rowsMax = 2_048

  /// The schema, step by step.
  package static let migrations = [
    Migration(
      1, "initial", sql: PackageResources._001_initial_sql,
      postgres: PackageResources._001_initial_postgres_sql),
    Migration(
      2, "index", sql: PackageResources._002_index_sql,
      postgres: PackageResources._002_index_postgres_sql),
  ]

  let store: Store
  let log: LogFiles

  /// - Parameter log: the files that hold what the store keeps no longer.
  package init(_ store: Store, log: LogFiles = .none) {
    self.store = store
    self.log = log
  }

  /// A record: its index in the log, and the bytes that are hashed there.
  package struct Entry: Hashable, Sendable {
    package let sequence: UInt64
    package let bytes: [UInt8]

    init(sequence: UInt64, bytes: some Sequence<UInt8>) {
      self.sequence = sequence
      self.bytes = Array(bytes)
    }

    init(_ row: Row) throws {
      sequence = UInt64(clamping: try row.integer("sequence"))
      bytes = try row.blob("entry")
    }
  }

  // MARK: - Appending

  /// Keeps what is new of a batch, and a record of each attempt to change an old one, in one
  /// durable change. Sequence numbers follow on without a gap.
  package func append(_ batch: [PreparedRecord], at now: Instant) async throws -> AppendDecision {
    // Not the store itself: a job that held it last would close it on the queue that it waits for.
    try await store.write { [log] transaction in
      let known = try Self.known(batch.map(\.record.id), transaction, log)
      let decision = AppendDecision(batch, known: known)
      var fresh = decision.fresh
      if !decision.conflicts.isEmpty {
        let attempts = decision.conflicts
          .compactMap { AppendDecision.conflictRecord(for: $0, at: now) }
          .map { PreparedRecord($0, received: now) }
        let recorded = try Self.known(attempts.map(\.record.id), transaction, log)
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

  /// What is stored under those ids that are there. Asked in portions of one size, so that one
  /// prepared statement serves every batch; the last id fills up the last portion.
  private static func known(
    _ ids: [AuditRecordID], _ transaction: Transaction, _ log: LogFiles
  ) throws -> [AuditRecordID: AppendDecision.Known] {
    let byBytes = Dictionary(ids.map { ($0.bytes, $0) }, uniquingKeysWith: { first, _ in first })
    let all = Array(byBytes.keys)
    var known: [AuditRecordID: AppendDecision.Known] = [:]
    var logged: [(sequence: UInt64, id: AuditRecordID)] = []
    for start in stride(from: 0, to: all.count, by: Self.portion) {
      var asked = Array(all[start..<min(start + Self.portion, all.count)])
      while asked.count < Self.portion { asked.append(all[start]) }
      let arguments = asked.map { SQLValue.blob($0) }
      for row in try transaction.rows(Self.knownSQL, arguments) {
        guard let id = byBytes[try row.blob("record_id")] else { continue }
        known[id] = .claim(try AuditRecord(entry: try row.blob("entry")).claim.canonicalBytes)
      }
      for row in try transaction.rows(Self.loggedSQL, arguments) {
        guard let id = byBytes[try row.blob("record_id")] else { continue }
        logged.append((UInt64(clamping: try row.integer("sequence")), id))
      }
    }
    // Seldom: a delivery whose answer was lost. One bundle after the other, not one for each record.
    var bundle: Bundle?
    for (sequence, id) in logged.sorted(by: { $0.sequence < $1.sequence }) {
      if bundle?.holds(sequence) != true { bundle = try Self.bundle(holding: sequence, in: log) }
      let record = try bundle?.entry(sequence).map { try AuditRecord(entry: $0.bytes) }
      // Past its time, what it said is known no longer; it was here, and is not taken again.
      known[id] = record.map { .claim($0.claim.canonicalBytes) } ?? .forgotten
    }
    return known
  }
  private static let portion = 100
  private static let places = Array(repeating: "?", count: portion).joined(separator: ", ")
  private static let knownSQL =
    "SELECT record_id, entry FROM audit_record WHERE record_id IN (\(places))"
  private static let loggedSQL =
    "SELECT record_id, sequence FROM logged_id WHERE record_id IN (\(places))"

  // MARK: - Reading

  /// How many records there are.
  package func count() async throws -> UInt64 { try await store.read { try Self.count($0) } }

  private static func count(_ snapshot: Snapshot) throws -> UInt64 {
    let row = try snapshot.row("SELECT MAX(sequence) AS last FROM audit_record")
    return try row?.optionalInteger("last").map { UInt64($0) + 1 } ?? progress(snapshot).moved
  }

  /// Up to `limit` records that the store holds itself, from an index on, in the order of the log.
  /// - Returns: nil where the record at that index is in the log alone.
  package func waiting(from first: UInt64, limit: Int) async throws -> [Entry]? {
    try await store.read { snapshot in
      guard try first >= Self.progress(snapshot).moved else { return nil }
      return try snapshot.rows(
        "SELECT sequence, entry FROM audit_record WHERE sequence >= ? ORDER BY sequence LIMIT ?",
        [.count(first), .count(min(limit, Self.rowsMax))]
      ).map { try Entry($0) }
    }
  }

  /// One record; nil when there is none of this id, or its time is over.
  package func entry(_ id: AuditRecordID) async throws -> Entry? {
    let place = try await store.read { snapshot -> (kept: Entry?, logged: UInt64?) in
      if let row = try snapshot.row(
        "SELECT sequence, entry FROM audit_record WHERE record_id = ?", [.blob(id.bytes)])
      {
        return (try Entry(row), nil)
      }
      let row = try snapshot.row(
        "SELECT sequence FROM logged_id WHERE record_id = ?", [.blob(id.bytes)])
      return (nil, try row.map { UInt64(clamping: try $0.integer("sequence")) })
    }
    guard let sequence = place.logged else { return place.kept }
    return try bundle(holding: sequence)?.entry(sequence)
  }
}

extension AuditRecord {
  /// From an entry of the log.
  init(entry: [UInt8]) throws { self = try StrictJSON.decode(AuditRecord.self, from: entry) }
}
