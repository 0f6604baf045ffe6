package import IdentityAPI
import Storage
import StrictJSON
package import Vocabulary

/// What becomes of an assertion that a client brings.
package enum AssertionUse: Sendable, Equatable {
  /// Most that are remembered of one client: with assertions of an hour five tokens a second, and a token serves for five
  /// minutes.
  package static let rememberedMax: Int64 = 20_000

  case first
  /// RFC 7523 §3: `jti` against replay.
  case replayed
  /// So many are alive that one more could not be remembered.
  case tooMany
}

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

  /// Where pages of registered clients run, each once, in order.
  package func webOrigins() async throws -> [String] {
    try await store.read { snapshot in
      // Only those that name some are taken apart.
      let rows = try snapshot.rows(
        "SELECT registration FROM clients WHERE instr(registration, ?) > 0 ORDER BY client",
        [.blob(Array(#""web_origins""#.utf8))])
      let origins = try rows.flatMap {
        try StrictJSON.decode(NewClient.self, from: $0.blob("registration")).webOrigins ?? []
      }
      return Array(Set(origins).sorted().prefix(WebOrigins.originsMax))
    }
  }

  /// Remembers that an assertion was used, until it has expired by itself.
  package func use(
    assertion jti: String, of client: ClientID, until expiresAt: Instant,
    rememberedMax: Int64 = AssertionUse.rememberedMax
  ) async throws -> AssertionUse {
    try await store.write { transaction in
      let count = try transaction.rows(
        "SELECT count(*) AS n FROM used_assertions WHERE client = ?", [.text("\(client)")]
      ).first?.integer("n")
      guard count ?? 0 < rememberedMax else { return .tooMany }
      let added = try transaction.execute(
        """
        INSERT INTO used_assertions (client, jti, expires_at) VALUES (?, ?, ?)
        ON CONFLICT (client, jti) DO NOTHING
        """, [.text("\(client)"), Self.digest(jti), expiresAt.stored])
      return added == 1 ? .first : .replayed
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
