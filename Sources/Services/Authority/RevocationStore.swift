import AuthorityAPI
import Storage
import Vocabulary

/// SQL of the revocation feed.
extension AuthorityStore {
  /// Puts entries into the feed; one that came before changes nothing.
  /// - Returns: the highest number after it.
  func take(_ entries: [NewRevocation], from source: ServiceName) async throws -> Int64 {
    try await store.write { transaction in
      for new in entries where try !transaction.has(new.entry, from: source) {
        try transaction.add(new, from: source)
      }
      return try Self.feed(transaction.row(Self.feedQuery)).head
    }
  }

  /// At most `RevocationExtract.entriesMax` entries after a number.
  func extract(after: Int64, asOf: Instant) async throws -> RevocationExtract {
    try await store.read { snapshot in
      let (feed, head) = try Self.feed(snapshot.row(Self.feedQuery))
      let entries = try snapshot.rows(
        "SELECT * FROM revocations WHERE number > ? ORDER BY number LIMIT ?",
        [.integer(after), .count(RevocationExtract.entriesMax)]
      ).map { try Self.entry($0) }
      let isFull = entries.count == RevocationExtract.entriesMax
      return RevocationExtract(
        feed: feed, after: after, entries: entries,
        next: isFull ? entries.last?.number ?? head : head,
        head: head, asOf: asOf)
    }
  }

  /// Forgets entries whose subjects have all ended by themselves.
  func forgetRevocations(at now: Instant) async throws {
    try await store.write { transaction in
      _ = try transaction.execute(
        "DELETE FROM revocations WHERE expires_at <= ?", [.integer(now.nanoseconds)])
    }
  }

  private static let feedQuery = "SELECT feed, head FROM revocation_feed"

  private static func feed(_ row: Row?) throws -> (feed: String, head: Int64) {
    guard let row else { throw Problem.defect }
    return (try row.text("feed"), try row.integer("head"))
  }

  private static func entry(_ row: Row) throws -> RevocationEntry {
    guard let kind = RevocationKind(name: try row.text("kind")) else { throw Problem.defect }
    return RevocationEntry(
      number: try row.integer("number"), kind: kind, id: try row.text("id"),
      at: Instant(nanoseconds: try row.integer("at")),
      issuedBefore: try row.optionalInteger("issued_before").map { Instant(nanoseconds: $0) },
      expiresAt: try row.optionalInteger("expires_at").map { Instant(nanoseconds: $0) })
  }
}

extension Transaction {
  /// Whether this entry, or a later one about the same, came from this publisher before. Its numbers begin again where
  /// its store was set back; then the moment tells.
  fileprivate func has(_ entry: RevocationEntry, from source: ServiceName) throws -> Bool {
    guard
      let known = try row(
        "SELECT source, source_number, at FROM revocations WHERE kind = ? AND id = ?",
        [.text(entry.kind.description), .text(entry.id)])
    else { return false }
    return try known.text("source") == "\(source)"
      && known.integer("source_number") >= entry.number
      && known.integer("at") >= entry.at.nanoseconds
  }

  fileprivate func add(_ new: NewRevocation, from source: ServiceName) throws {
    let entry = new.entry
    // A large entry takes the place of the small ones that it covers.
    if entry.kind == .family {
      _ = try execute("DELETE FROM revocations WHERE family = ?", [.text(entry.id)])
    } else if entry.kind == .person {
      _ = try execute("DELETE FROM revocations WHERE owner = ?", [.text(entry.id)])
    }
    _ = try execute("UPDATE revocation_feed SET head = head + 1")
    _ = try execute(
      """
      INSERT INTO revocations
        (kind, id, number, source, source_number, owner, family, at, issued_before, expires_at)
      SELECT ?, ?, head, ?, ?, ?, ?, ?, ?, ? FROM revocation_feed WHERE true
      ON CONFLICT (kind, id) DO UPDATE SET number = excluded.number, source = excluded.source,
        source_number = excluded.source_number, at = excluded.at,
        issued_before = excluded.issued_before, expires_at = excluded.expires_at
      """,
      [
        .text(entry.kind.description), .text(entry.id), .id(source), .integer(entry.number),
        .optional(new.owner), .optional(new.family), .integer(entry.at.nanoseconds),
        .optional(entry.issuedBefore?.nanoseconds), .optional(entry.expiresAt?.nanoseconds),
      ])
  }
}
