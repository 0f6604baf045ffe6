import AuthorityAPI
package import IdentityAPI
import Storage
import StrictJSON
package import Vocabulary

// What is registered, page by page, and its changes.

extension IdentityStore {
  /// At most `limit` clients after an id, by id.
  package func clients(after id: String, limit: Int) async throws -> ClientPage {
    let isBarred = isBarred
    return try await store.read { snapshot in
      let rows = try snapshot.rows(
        """
        SELECT client, registration, created_at, since FROM clients LEFT JOIN suspensions
        ON kind = 'client' AND subject = client WHERE client > ? ORDER BY client LIMIT ?
        """, [.text(id), .count(limit + 1)])
      let found = try rows.prefix(limit).map { row in
        let registration = try StrictJSON.decode(NewClient.self, from: row.blob("registration"))
        return ClientSummary(
          id: registration.id, name: registration.name, kind: registration.kind,
          state: try row.state("client", isBarred),
          createdAt: Instant(milliseconds: try row.integer("created_at")))
      }
      return ClientPage(
        clients: found, next: rows.count > limit ? found.last.map { "\($0.id)" } : nil)
    }
  }

  /// - Throws: `Problem.notFound`.
  package func clientRecord(_ id: ClientID) async throws -> ClientRecord {
    let isBarred = isBarred
    return try await store.read { try $0.clientRecord(id, isBarred) }
  }

  /// Changes what is registered of a client. Where it loses scopes or keys, its grants, codes and tokens end, and the
  /// consents to those scopes are forgotten.
  /// - Throws: `Problem.notFound`; `ClientRefusal` with the first rule that is broken; `UnknownScopes`.
  package func change(
    _ id: ClientID, by change: ClientChange, scopes catalogue: ScopeCatalogue, journal: Journal
  ) async throws -> ClientRecord {
    let isBarred = isBarred
    return try await store.write { transaction in
      let known = try transaction.snapshot.clientRecord(id, isBarred)
      let former = known.registration
      let new = former.changed(by: change)
      guard new != former else { return known }
      let client = try RegisteredClient(new)
      if let unknown = catalogue.unknown(client.scopes) { throw unknown }
      guard ClientAssertion.canUse(client.keys) else { throw ClientRefusal.badKeys }
      _ = try transaction.execute(
        "UPDATE clients SET registration = ? WHERE client = ?",
        [.blob(try StrictJSON.encode(new)), .text("\(id)")])
      let lostScopes = Set(former.scopes).subtracting(new.scopes)
      let losesKeys = !Set(former.keys ?? []).isSubset(of: new.keys ?? [])
      for scope in lostScopes {
        _ = try transaction.execute(
          "DELETE FROM consents WHERE client = ? AND scope = ?", [.text("\(id)"), .text(scope)])
      }
      if !lostScopes.isEmpty || losesKeys {
        try transaction.endGrants(of: .client(id), .changed, journal: journal)
      }
      transaction.note(
        IdentityEvent(
          "changeClient", "client-changed", client: "\(id)",
          detail: ["members": former.members(changedIn: new).joined(separator: " ")]),
        in: journal)
      return ClientRecord(registration: new, state: known.state, createdAt: known.createdAt)
    }
  }

  /// At most `limit` people after an id, by id.
  package func people(after id: String, limit: Int) async throws -> PersonPage {
    let isBarred = isBarred
    return try await store.read { snapshot in
      let rows = try snapshot.rows(
        """
        SELECT people.person AS person, created_at, since, expires_at FROM people
        LEFT JOIN suspensions ON kind = 'person' AND subject = people.person
        LEFT JOIN password_resets ON password_resets.person = people.person
        WHERE people.person > ? ORDER BY people.person LIMIT ?
        """, [.text(id), .count(limit + 1)])
      let found = try rows.prefix(limit).map { row in
        PersonSummary(
          id: try row.id("person"), state: try row.state("person", isBarred),
          createdAt: Instant(milliseconds: try row.integer("created_at")),
          oneTimeUntil: try row.optionalInteger("expires_at").map { Instant(milliseconds: $0) })
      }
      return PersonPage(
        people: found, next: rows.count > limit ? found.last.map { "\($0.id)" } : nil)
    }
  }

  /// Puts a one-time password in the place of a person's own; sessions, grants, codes and tokens end, and counted
  /// attempts at the login are forgotten.
  /// - Throws: `Problem.notFound`.
  package func reset(
    passwordOf person: PersonID, to hash: String, until end: Instant, journal: Journal
  ) async throws {
    try await store.write { transaction in
      let who: [SQLValue] = [.text("\(person)")]
      guard
        let login = try transaction.rows(
          "SELECT login_index FROM people WHERE person = ?", who
        ).first?.blob("login_index")
      else { throw Problem.notFound }
      _ = try transaction.execute(
        "UPDATE people SET password = ? WHERE person = ?", [.text(hash)] + who)
      _ = try transaction.execute(
        """
        INSERT INTO password_resets (person, expires_at) VALUES (?, ?)
        ON CONFLICT (person) DO UPDATE SET expires_at = excluded.expires_at
        """, who + [end.stored])
      _ = try transaction.execute("DELETE FROM sessions WHERE person = ?", who)
      _ = try transaction.execute(
        "DELETE FROM throttles WHERE login = ? OR subject = ?", [.blob(login), .blob(login)])
      try transaction.endGrants(of: .person(person), .passwordReset, journal: journal)
      transaction.note(
        IdentityEvent("resetPassword", "password-reset", subject: "\(person)"), in: journal)
    }
  }

  /// Puts the password that a person chose in the place of the one-time one.
  /// - Returns: false, and nothing changed, where it is not the one-time password any more.
  package func choose(
    password hash: String, of person: PersonID, insteadOf former: String, journal: Journal
  ) async throws -> Bool {
    try await store.write { transaction in
      let who: [SQLValue] = [.text("\(person)")]
      let known = try transaction.execute(
        "DELETE FROM password_resets WHERE person = ? AND expires_at > ?",
        who + [journal.at.stored])
      guard known == 1,
        try transaction.execute(
          "UPDATE people SET password = ? WHERE person = ? AND password = ?",
          [.text(hash)] + who + [.text(former)]) == 1
      else { return false }
      transaction.note(
        IdentityEvent("login", "password-chosen", subject: "\(person)"), in: journal)
      return true
    }
  }
}

extension Transaction {
  /// Ends what hangs on a client or person: codes, refresh tokens and, by one entry of the feed, access tokens.
  fileprivate func endGrants(
    of subject: SuspendedSubject, _ reason: RefreshFamily.Reason, journal: Journal
  ) throws {
    let column =
      switch subject {
      case .client: "client"
      case .person: "person"
      }
    _ = try execute(
      """
      UPDATE codes SET state = 'void' WHERE family IN
        (SELECT family FROM families WHERE \(column) = ? AND revoked IS NULL)
      """, [.text(subject.id)])
    _ = try execute(
      "UPDATE families SET revoked = ? WHERE \(column) = ? AND revoked IS NULL",
      [.text(reason.rawValue), .text(subject.id)])
    // Whole seconds, as tokens have them; the one that has begun is part of before.
    try announce(
      RevokedThing(
        kind: subject.kind, id: subject.id, issuedBefore: Instant(seconds: journal.at.seconds + 1),
        until: journal.at + TokenLifetimes.revocationMax), journal: journal)
  }
}

extension Snapshot {
  fileprivate func clientRecord(
    _ id: ClientID, _ isBarred: (String) -> Bool
  ) throws -> ClientRecord {
    guard
      let row = try rows(
        """
        SELECT client, registration, created_at, since FROM clients LEFT JOIN suspensions
        ON kind = 'client' AND subject = client WHERE client = ?
        """, [.text("\(id)")]
      ).first
    else { throw Problem.notFound }
    return ClientRecord(
      registration: try StrictJSON.decode(NewClient.self, from: row.blob("registration")),
      state: try row.state("client", isBarred),
      createdAt: Instant(milliseconds: try row.integer("created_at")))
  }
}

extension Row {
  fileprivate func state(
    _ column: String, _ isBarred: (String) -> Bool
  ) throws -> SubjectStanding.State {
    let id = try text(column)
    return try optionalInteger("since") != nil || isBarred(id) ? .suspended : .active
  }
}

extension NewClient {
  fileprivate func changed(by change: ClientChange) -> NewClient {
    NewClient(
      id: id, name: change.name ?? name, kind: kind, grants: grants,
      redirectURIs: change.redirectURIs ?? redirectURIs,
      postLogoutRedirectURIs: change.postLogoutRedirectURIs ?? postLogoutRedirectURIs,
      scopes: change.scopes ?? scopes, keys: change.keys ?? keys,
      idTokenAlgorithm: idTokenAlgorithm, webOrigins: webOrigins)
  }

  fileprivate func members(changedIn new: NewClient) -> [String] {
    [
      ("keys", keys != new.keys), ("name", name != new.name),
      ("post_logout_redirect_uris", postLogoutRedirectURIs != new.postLogoutRedirectURIs),
      ("redirect_uris", redirectURIs != new.redirectURIs), ("scopes", scopes != new.scopes),
    ].filter(\.1).map(\.0)
  }
}
