import AuthorityAPI
import IdentityAPI
import Storage
package import Vocabulary

package enum SessionKind {}
/// A browser session: the `sid` of tokens that came from it (OpenID Connect Front-Channel Logout 1.0 §3).
package typealias SessionID = ID<SessionKind>

/// A signed-in browser.
package struct Session: Sendable, Hashable {
  /// It ends after this, however busy it was.
  package static let lifetime: Duration = .seconds(8 * 3_600)
  /// It ends after this without a request.
  package static let idleMax: Duration = .seconds(1_800)
  /// How stale `seenAt` may become: not every request is worth a write.
  package static let seenPrecision: Duration = .seconds(60)

  package let id: SessionID
  package let person: PersonID
  /// When the password was typed.
  package let signedInAt: Instant
  package let seenAt: Instant
  package let expiresAt: Instant

  package func isLive(at now: Instant) -> Bool { now < expiresAt && now < seenAt + Self.idleMax }
}

extension IdentityStore {
  /// The live session behind a cookie's value.
  package func session(cookie: String, at now: Instant) async throws -> Session? {
    let found: Session? = try await store.read { snapshot in
      try snapshot.rows(
        """
        SELECT session, person, signed_in_at, seen_at, expires_at FROM sessions WHERE digest = ?
        """, [Self.digest(cookie)]
      ).first.map { row in
        Session(
          id: try row.id("session"), person: try row.id("person"),
          signedInAt: Instant(milliseconds: try row.integer("signed_in_at")),
          seenAt: Instant(milliseconds: try row.integer("seen_at")),
          expiresAt: Instant(milliseconds: try row.integer("expires_at")))
      }
    }
    guard let found, found.isLive(at: now) else { return nil }
    if now >= found.seenAt + Session.seenPrecision {
      _ = try await store.write { transaction in
        try transaction.execute(
          "UPDATE sessions SET seen_at = ? WHERE session = ?",
          [now.stored, .text("\(found.id)")])
      }
    }
    return found
  }

  /// Begins a session, ends the browser's former one (a session id never survives a sign-in: no fixation), and tells the
  /// throttles that the attempt was right.
  package func begin(
    _ session: Session, cookie: String, replacing former: String?, attempt: SignInAttempt,
    event: IdentityEvent, journal: Journal
  ) async throws {
    try await store.write { [isBarred] transaction in
      guard try !transaction.isCutOff(client: nil, person: session.person, isBarred) else {
        throw Problem.forbidden
      }
      if let former {
        _ = try transaction.execute(
          "DELETE FROM sessions WHERE digest = ?", [Self.digest(former)])
      }
      _ = try transaction.execute(
        """
        INSERT INTO sessions (digest, session, person, signed_in_at, seen_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        [
          Self.digest(cookie), .text("\(session.id)"), .text("\(session.person)"),
          session.signedInAt.stored, session.seenAt.stored, session.expiresAt.stored,
        ])
      try transaction.succeed(attempt)
      transaction.note(event, in: journal)
    }
  }

  /// Ends a session: its codes and its tokens go with it, except what the person allowed to stay connected
  /// (`offline_access`), as OpenID Connect Core 1.0 §11 has it.
  package func end(_ session: Session, journal: Journal) async throws {
    try await store.write { transaction in
      _ = try transaction.execute(
        "DELETE FROM sessions WHERE session = ?", [.text("\(session.id)")])
      let families = try transaction.rows(
        "SELECT family, scopes FROM families WHERE session = ? AND revoked IS NULL",
        [.text("\(session.id)")])
      for row in families {
        let scopes = Scope.set(try row.text("scopes")) ?? []
        guard !scopes.contains(Scopes.offlineAccess) else { continue }
        try transaction.revoke(family: try row.id("family"), .signedOut, journal: journal)
      }
      try transaction.announce(
        RevokedThing(
          kind: .session, id: "\(session.id)", owner: "\(session.person)",
          until: journal.at + TokenLifetimes.revocationMax), journal: journal)
      transaction.note(
        IdentityEvent(
          "logout", "signed-out", subject: "\(session.person)",
          detail: ["session": "\(session.id)"]), in: journal)
    }
  }

  /// Notes something that changed no state: a refused sign-in, a denied consent.
  package func note(_ event: IdentityEvent, journal: Journal) async throws {
    try await store.write { $0.note(event, in: journal) }
  }
}
