import Storage
package import Vocabulary

/// Authorization requests that are too long for an address of ours: kept here while the person signs in.
package enum KeptRequests {
  /// How long somebody may take to sign in.
  package static let lifetime: Duration = .seconds(900)
  /// Most at a time from one address; the oldest of that address gives way.
  package static let perPlaceMax = 32
  /// Most at a time; the oldest gives way.
  package static let max = 10_000
}

extension IdentityStore {
  /// - Parameters:
  ///   - handle: 256 random bits as text; only its digest is kept.
  ///   - place: a blind index of where it came from.
  package func keep(
    request query: String, handle: String, place: [UInt8], at now: Instant
  ) async throws {
    try await store.write { transaction in
      for (condition, most, values) in [
        ("WHERE place = ?", KeptRequests.perPlaceMax, [SQLValue.blob(place)]),
        ("", KeptRequests.max, []),
      ] {
        // The newest stay, and one more finds room.
        _ = try transaction.execute(
          """
          DELETE FROM kept_requests WHERE digest IN (
            SELECT digest FROM kept_requests \(condition) ORDER BY kept_at DESC, digest
            LIMIT \(IdentityStore.rowsMax) OFFSET ?)
          """, values + [.integer(Int64(most - 1))])
      }
      _ = try transaction.execute(
        """
        INSERT INTO kept_requests (digest, query, place, kept_at, expires_at)
        VALUES (?, ?, ?, ?, ?)
        """,
        [
          Self.digest(handle), .text(query), .blob(place), now.stored,
          (now + KeptRequests.lifetime).stored,
        ])
    }
  }

  /// Nil when it is not there (any more).
  package func keptRequest(_ handle: String, at now: Instant) async throws -> String? {
    try await store.read { snapshot in
      try snapshot.rows(
        "SELECT query FROM kept_requests WHERE digest = ? AND expires_at > ?",
        [Self.digest(handle), now.stored]
      ).first.map { try $0.text("query") }
    }
  }
}
