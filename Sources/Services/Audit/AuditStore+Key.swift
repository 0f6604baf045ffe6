import Storage
package import Vocabulary

/// The log's key and its newest checkpoint.
extension AuditStore {
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
    try await store.read { try Self.key($0) }
  }

  static func key(_ snapshot: Snapshot) throws -> SealedKey? {
    try snapshot.row("SELECT origin, sealed_seed, verifier_key FROM log_key").map {
      SealedKey(
        origin: try $0.text("origin"), sealedSeed: try $0.blob("sealed_seed"),
        verifierKey: try $0.text("verifier_key"))
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

  /// The same seed under another seal, if it still has this one.
  /// - Returns: how many rows that were: one or none.
  func replace(sealedSeed before: [UInt8], with after: [UInt8]) async throws -> Int {
    try await store.write { transaction in
      try transaction.execute(
        "UPDATE log_key SET sealed_seed = ? WHERE sealed_seed = ?", [.blob(after), .blob(before)])
    }
  }

  /// The signed note of the newest checkpoint that was published; nil before the first.
  package func publishedNote() async throws -> [UInt8]? {
    try await store.read { try $0.row("SELECT note FROM published_checkpoint")?.blob("note") }
  }

  /// Remembers a checkpoint after its file stands.
  package func remember(note: [UInt8], size: UInt64) async throws {
    try await store.write { try Self.remember(note, size, $0) }
  }

  static func remember(_ note: [UInt8], _ size: UInt64, _ transaction: Transaction) throws {
    try transaction.execute(
      """
      INSERT INTO published_checkpoint (singleton, size, note) VALUES (1, ?, ?)
      ON CONFLICT (singleton) DO UPDATE SET size = excluded.size, note = excluded.note
      """, [.count(size), .blob(note)])
  }
}
