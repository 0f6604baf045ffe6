package import IdentityAPI
import Storage
package import Vocabulary

extension Transaction {
  /// Puts an entry in the feed, with the next number.
  func announce(_ kind: Revocation.Kind, _ id: String, journal: Journal) throws {
    _ = try execute("UPDATE counters SET value = value + 1 WHERE name = 'revocations'", [])
    guard
      let sequence = try rows("SELECT value FROM counters WHERE name = 'revocations'", [])
        .first?.integer("value")
    else { throw ForeignRow(column: "counters") }
    _ = try execute(
      "INSERT INTO revocations (sequence, kind, subject, at, expires_at) VALUES (?, ?, ?, ?, ?)",
      [
        .integer(sequence), .text(kind.rawValue), .text(id), journal.at.stored,
        (journal.at + TokenLifetimes.revocationMax).stored,
      ])
  }
}

extension IdentityStore {
  /// One access token is dead, by its `jti`.
  package func revoke(
    accessToken jti: String, subject: String, client: ClientID, journal: Journal
  ) async throws {
    try await store.write { transaction in
      try transaction.announce(.token, jti, journal: journal)
      transaction.note(
        IdentityEvent(
          "revoke", "token-revoked", subject: subject, client: "\(client)", detail: ["jti": jti]),
        in: journal)
    }
  }

  package func revocations(after sequence: Int64, kids: [String]) async throws -> RevocationPage {
    try await store.read { snapshot in
      let entries = try snapshot.rows(
        """
        SELECT sequence, kind, subject, at, expires_at FROM revocations WHERE sequence > ?
        ORDER BY sequence LIMIT ?
        """, [.integer(sequence), .integer(Int64(RevocationPage.entriesMax))]
      ).map { row in
        guard let kind = Revocation.Kind(rawValue: try row.text("kind")) else {
          throw ForeignRow(column: "kind")
        }
        return Revocation(
          sequence: try row.integer("sequence"), kind: kind, id: try row.text("subject"),
          at: Instant(milliseconds: try row.integer("at")),
          expiresAt: Instant(milliseconds: try row.integer("expires_at")))
      }
      return RevocationPage(
        entries: entries, next: entries.last?.sequence ?? sequence, kids: kids)
    }
  }

  /// Forgets what can matter to nobody any more.
  package func forget(at now: Instant) async throws {
    try await store.write { transaction in
      let expired: [SQLValue] = [now.stored]
      for table in ["revocations", "used_assertions", "sessions"] {
        _ = try transaction.execute("DELETE FROM \(table) WHERE expires_at <= ?", expired)
      }
      // A family outlives its last access token, so that a late reuse of its code or refresh token is still known.
      let gone: [SQLValue] = [(now - TokenLifetimes.revocationMax).stored]
      for table in ["codes", "refresh_tokens"] {
        _ = try transaction.execute(
          "DELETE FROM \(table) WHERE family IN (SELECT family FROM families WHERE expires_at <= ?)",
          gone)
      }
      _ = try transaction.execute("DELETE FROM families WHERE expires_at <= ?", gone)
      let quiet = now - ThrottleMachine.Limits.perLogin.forgottenAfter
      _ = try transaction.execute("DELETE FROM throttles WHERE last_at <= ?", [quiet.stored])
    }
  }
}
