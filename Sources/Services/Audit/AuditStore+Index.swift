package import AuditAPI
import Crypto
import MerkleLog
import Storage
package import Vocabulary

/// What is known of records whose bytes stand in the log alone.
extension AuditStore {
  /// Records in a bundle.
  static let bundleRecords = UInt64(TileAddress.widthMax)
  /// Bundles that are moved in one transaction, at most.
  package static let bundlesPerMove = 8

  /// How far the store has let go of records; both multiples of `bundleRecords`.
  package struct Progress: Hashable, Sendable {
    /// Records before this one are in the index, and their bytes in the log alone.
    package let moved: UInt64
    /// Records before this one are kept no longer.
    package let expired: UInt64
  }

  /// How far the store has let go of records.
  package func progress() async throws -> Progress {
    try await store.read { try Self.progress($0) }
  }

  static func progress(_ snapshot: Snapshot) throws -> Progress {
    guard let row = try snapshot.row("SELECT moved, expired FROM log_progress") else {
      throw StoreError.constraint("log_progress has no row")
    }
    return Progress(
      moved: UInt64(clamping: try row.integer("moved")),
      expired: UInt64(clamping: try row.integer("expired")))
  }

  /// A full bundle of the log.
  struct Bundle {
    let index: UInt64
    let entries: [ArraySlice<UInt8>]

    var first: UInt64 { index * AuditStore.bundleRecords }
    func holds(_ sequence: UInt64) -> Bool { sequence / AuditStore.bundleRecords == index }
    func entry(_ sequence: UInt64) -> Entry? {
      guard holds(sequence) else { return nil }
      let place = Int(sequence - first)
      return entries.indices.contains(place)
        ? Entry(sequence: sequence, bytes: entries[place]) : nil
    }
  }

  /// The bundle that holds a record; nil where the record's time is over.
  /// - Throws: `LogFault`.
  func bundle(holding sequence: UInt64) throws -> Bundle? {
    try Self.bundle(holding: sequence, in: log)
  }

  static func bundle(holding sequence: UInt64, in log: LogFiles) throws -> Bundle? {
    let index = sequence / Self.bundleRecords
    let address = TileAddress(.entries, index: index)
    do {
      guard let entries = try log.entries(address) else { return nil }
      return Bundle(index: index, entries: entries)
    } catch {
      throw LogFault.fileDiffers(path: error.path)
    }
  }

  // MARK: - Moving

  /// Moves bundles out of the store whose records stand in the log, in their order and a few at a time.
  /// - Parameters:
  ///   - end: records before this one stand in full bundles that are on the disk.
  ///   - note: a checkpoint to be remembered in the same change.
  package func move(
    before end: UInt64, noting note: (bytes: [UInt8], size: UInt64)? = nil
  ) async throws {
    try await store.write { transaction in
      if let note { try Self.remember(note.bytes, note.size, transaction) }
      let moved = try Self.progress(transaction.snapshot).moved
      let target = min(
        end - end % Self.bundleRecords, moved + UInt64(Self.bundlesPerMove) * Self.bundleRecords)
      guard target > moved else { return }
      let range: [SQLValue] = [.count(moved), .count(target)]
      for row in try transaction.rows(
        """
        SELECT DISTINCT sequence / 256 AS bundle, correlation, subject FROM audit_record
        WHERE sequence >= ? AND sequence < ?
        """, range)
      {
        let bundle = try row.integer("bundle")
        let subject = try row.optionalText("subject")
        let subjects = subject.map { [Term.subject($0)] } ?? []
        for term in [.correlation(try row.text("correlation"))] + subjects {
          try transaction.execute(
            "INSERT INTO logged_term (term, bundle) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [.integer(term.key), .integer(bundle)])
        }
      }
      let indexed = try transaction.execute(
        """
        INSERT INTO logged_id (record_id, sequence)
        SELECT record_id, sequence FROM audit_record WHERE sequence >= ? AND sequence < ?
        ORDER BY record_id
        """, range)
      guard UInt64(indexed) == target - moved else { throw LogFault.storeGap(index: moved) }
      // The log has the bytes: there is nothing to be wiped.
      try transaction.delete(
        withoutErasing: "DELETE FROM audit_record WHERE sequence >= ? AND sequence < ?", range)
      try transaction.execute("UPDATE log_progress SET moved = ?", [.count(target)])
    }
  }

  /// Forgets the records of a bundle whose time is over, so that they are found no longer.
  package func expire(bundle index: UInt64, _ records: [AuditRecord]) async throws {
    try await store.write { transaction in
      for record in records {
        try transaction.delete(
          withoutErasing: "DELETE FROM logged_id WHERE record_id = ?", [.blob(record.id.bytes)])
        let subject = record.subject.map { [Term.subject($0)] } ?? []
        for term in [.correlation("\(record.correlation)")] + subject {
          try transaction.delete(
            withoutErasing: "DELETE FROM logged_term WHERE term = ? AND bundle = ?",
            [.integer(term.key), .count(index)])
        }
      }
      try transaction.execute(
        "UPDATE log_progress SET expired = ? WHERE expired < ?",
        [.count((index + 1) * Self.bundleRecords), .count((index + 1) * Self.bundleRecords)])
    }
  }

  // MARK: - Finding

  /// Which records are asked for.
  package enum Filter: Hashable, Sendable {
    case all
    case correlation(CorrelationID)
    case subject(String)
  }

  /// What records are found by, as the index keeps it.
  fileprivate enum Term {
    case correlation(String)
    case subject(String)

    /// The first eight bytes of a digest: of another length than the texts, so that nobody chooses them.
    var key: Int64 {
      let digest =
        switch self {
        case .correlation(let text): SHA256.hash(data: Array("correlation \(text)".utf8))
        case .subject(let text): SHA256.hash(data: Array("subject \(text)".utf8))
        }
      return Int64(bitPattern: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
  }

  /// What one look into the store tells: where to read in the log, and what is not there yet.
  private struct Places {
    let bundles: [UInt64]
    let moved: UInt64
    let waiting: [Entry]
  }

  /// Up to `limit` records, oldest first, with an index greater than `after`.
  package func find(_ filter: Filter, after: Int64, limit: Int) async throws -> [Entry] {
    let limit = min(limit, Self.rowsMax)
    var found: [Entry] = []
    var after = after
    while true {
      let places = try await places(filter, after: after, limit: limit)
      for index in places.bundles {
        guard let bundle = try bundle(holding: index * Self.bundleRecords) else { continue }
        for (place, bytes) in bundle.entries.enumerated() {
          let entry = Entry(sequence: bundle.first + UInt64(place), bytes: bytes)
          guard Int64(entry.sequence) > after, try filter.takes(entry.bytes) else { continue }
          found.append(entry)
          if found.count == limit { return found }
        }
      }
      guard places.bundles.count == Self.bundlesPerLook, let last = places.bundles.last else {
        return found + places.waiting.prefix(limit - found.count)
      }
      after = max(after, Int64((last + 1) * Self.bundleRecords) - 1)
    }
  }

  /// Bundles that are looked for at once.
  private static let bundlesPerLook = 64

  private func places(_ filter: Filter, after: Int64, limit: Int) async throws -> Places {
    let first = (after + 1) / Int64(Self.bundleRecords)
    return try await store.read { snapshot in
      let progress = try Self.progress(snapshot)
      let (moved, kept) = (progress.moved, Int64(progress.expired / Self.bundleRecords))
      let bundles: [UInt64]
      switch filter {
      case .all:
        let from = UInt64(clamping: max(first, kept))
        let end = moved / Self.bundleRecords
        bundles = from < end ? Array((from..<end).prefix(Self.bundlesPerLook)) : []
      case .correlation, .subject:
        bundles = try snapshot.rows(
          """
          SELECT bundle FROM logged_term WHERE term = ? AND bundle >= ? ORDER BY bundle LIMIT ?
          """, [.integer(filter.term), .integer(first), .count(Self.bundlesPerLook)]
        ).map { UInt64(clamping: try $0.integer("bundle")) }
      }
      let (condition, argument) = filter.condition
      let waiting = try snapshot.rows(
        """
        SELECT sequence, entry FROM audit_record WHERE \(condition) AND sequence > ?
        ORDER BY sequence LIMIT ?
        """, argument + [.integer(max(after, Int64(moved) - 1)), .count(limit)]
      ).map { try Entry($0) }
      return Places(bundles: bundles, moved: moved, waiting: waiting)
    }
  }
}

extension AuditStore.Filter {
  /// Constants, and what stands in their places.
  fileprivate var condition: (sql: String, arguments: [SQLValue]) {
    switch self {
    case .all: ("TRUE", [])
    case .correlation(let correlation): ("correlation = ?", [.id(correlation)])
    case .subject(let subject): ("subject = ?", [.text(subject)])
    }
  }

  fileprivate var term: Int64 {
    switch self {
    case .all: 0
    case .correlation(let correlation): AuditStore.Term.correlation("\(correlation)").key
    case .subject(let subject): AuditStore.Term.subject(subject).key
    }
  }

  /// Decodes only what may be meant: of a bundle's 256 records most are not.
  fileprivate func takes(_ entry: [UInt8]) throws -> Bool {
    switch self {
    case .all: return true
    case .correlation(let correlation):
      guard contains(entry, Array(correlation.description.utf8)) else { return false }
      return try AuditRecord(entry: entry).correlation == correlation
    case .subject(let subject):
      var quoted: [UInt8] = []
      CanonicalJSON.append(subject, to: &quoted)
      guard contains(entry, quoted) else { return false }
      return try AuditRecord(entry: entry).subject == subject
    }
  }

  private func contains(_ entry: [UInt8], _ text: [UInt8]) -> Bool {
    guard let first = text.first, entry.count >= text.count else { return false }
    return entry.withUnsafeBufferPointer { entry in
      for start in 0...(entry.count - text.count) where entry[start] == first {
        if text.indices.allSatisfy({ entry[start + $0] == text[$0] }) { return true }
      }
      return false
    }
  }
}
