package import IdentityAPI
import Storage
import StrictJSON
package import Vocabulary

extension IdentityStore {
  package func client(_ id: ClientID) async throws -> RegisteredClient? {
    try await store.read { snapshot in
      guard
        let row = try snapshot.rows(
          "SELECT registration FROM clients WHERE client = ?", [.text("\(id)")]
        ).first
      else { return nil }
      return try RegisteredClient(
        StrictJSON.decode(NewClient.self, from: row.blob("registration")))
    }
  }

  /// - Returns: when it was registered, now or before.
  /// - Throws: `ClientRefusal.exists` when other details stand under this id, `.idOfPerson` when it is a person's: both
  ///   are subjects of access tokens (RFC 9068 §5, "sub" must not collide).
  package func register(_ new: NewClient, journal: Journal) async throws -> Instant {
    let registration = try StrictJSON.encode(new)
    return try await store.write { transaction in
      if let row = try transaction.rows(
        "SELECT registration, created_at FROM clients WHERE client = ?", [.text("\(new.id)")]
      ).first {
        guard try row.blob("registration") == registration else { throw ClientRefusal.exists }
        return Instant(milliseconds: try row.integer("created_at"))
      }
      let people = try transaction.rows(
        "SELECT person FROM people WHERE person = ?", [.text("\(new.id)")])
      guard people.isEmpty else { throw ClientRefusal.idOfPerson }
      _ = try transaction.execute(
        "INSERT INTO clients (client, registration, created_at) VALUES (?, ?, ?)",
        [.text("\(new.id)"), .blob(registration), journal.at.stored])
      transaction.note(
        IdentityEvent(
          "registerClient", "client-registered", client: "\(new.id)",
          detail: ["kind": new.kind.rawValue, "scopes": new.scopes.sorted().joined(separator: " ")]
        ), in: journal)
      return Instant(milliseconds: journal.at.milliseconds)
    }
  }

  /// Remembers that an assertion was used, until it has expired by itself.
  /// - Returns: false when it was used before (RFC 7523 §3: `jti` against replay).
  package func use(
    assertion jti: String, of client: ClientID, until expiresAt: Instant
  ) async throws -> Bool {
    try await store.write { transaction in
      try transaction.execute(
        """
        INSERT INTO used_assertions (client, jti, expires_at) VALUES (?, ?, ?)
        ON CONFLICT (client, jti) DO NOTHING
        """, [.text("\(client)"), Self.digest(jti), expiresAt.stored]) == 1
    }
  }

  /// What this person has allowed this client before.
  package func consented(by person: PersonID, to client: ClientID) async throws -> Set<Scope> {
    try await store.read { snapshot in
      Set(
        try snapshot.rows(
          "SELECT scope FROM consents WHERE person = ? AND client = ?",
          [.text("\(person)"), .text("\(client)")]
        ).compactMap { Scope(try $0.text("scope")) })
    }
  }
}
