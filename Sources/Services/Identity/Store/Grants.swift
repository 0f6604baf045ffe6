import AuthorityAPI
import IdentityAPI
import Storage
package import Vocabulary

package enum FamilyKind {}
/// All tokens of one grant: the `family` claim.
package typealias FamilyID = ID<FamilyKind>

/// What a person allowed a client, from which tokens are made.
package struct Grant: Sendable, Hashable {
  package let family: FamilyID
  package let client: ClientID
  package let person: PersonID
  package let session: SessionID
  package let scopes: Set<Scope>
  package let signedInAt: Instant
}

/// What a token request brings for a code.
package struct CodeRedemption: Sendable {
  package let code: String
  package let client: ClientID
  package let redirectURI: String
  package let verifier: String
  /// The first refresh token, if the grant allows one.
  package let refreshToken: String
}

package enum GrantOutcome: Sendable, Equatable {
  /// `nonce` is for the ID token; `refreshes` says whether the offered refresh token was kept.
  case granted(Grant, nonce: String?, refreshes: Bool)
  /// `refreshToken` is the successor: a new one, or the same once more.
  case refreshed(Grant, refreshToken: String)
  /// More was asked for than had been granted; nothing changed.
  case beyondScope
  case refused
}

extension IdentityStore {
  /// Keeps a code and the family it begins; remembers a consent given just now.
  package func issue(
    code: String, for grant: Grant, request: AuthorizationRequest, consentGiven: Bool,
    journal: Journal
  ) async throws {
    try await store.write { [isBarred] transaction in
      let isCutOff = try transaction.isCutOff(
        client: grant.client, person: grant.person, isBarred)
      guard !isCutOff else { throw Problem.forbidden }
      if consentGiven { try transaction.remember(grant, journal: journal) }
      _ = try transaction.execute(
        """
        INSERT INTO families (family, client, person, session, scopes, signed_in_at, generation,
          revoked, expires_at) VALUES (?, ?, ?, ?, ?, ?, 0, NULL, ?)
        """,
        [
          .text("\(grant.family)"), .text("\(grant.client)"), .text("\(grant.person)"),
          .text("\(grant.session)"), .text(Scopes.text(grant.scopes)), grant.signedInAt.stored,
          (journal.at + RefreshFamily.lifetime).stored,
        ])
      _ = try transaction.execute(
        """
        INSERT INTO codes (digest, family, redirect_uri, challenge, nonce, state, expires_at)
        VALUES (?, ?, ?, ?, ?, 'issued', ?)
        """,
        [
          Self.digest(code), .text("\(grant.family)"), .text(request.redirectURI.text),
          .text(request.challenge.text), request.nonce.map { .text($0) } ?? .null,
          (journal.at + CodeMachine.lifetime).stored,
        ])
      transaction.note(grant.event("authorize", "code-issued"), in: journal)
    }
  }

  /// Redeems a code, once.
  package func redeem(_ redemption: CodeRedemption, journal: Journal) async throws -> GrantOutcome {
    try await store.write { [isBarred] transaction in
      guard
        let row = try transaction.rows(
          """
          SELECT family, redirect_uri, challenge, nonce, state, expires_at FROM codes
          WHERE digest = ?
          """, [Self.digest(redemption.code)]
        ).first, let state = CodeMachine.State(rawValue: try row.text("state"))
      else { return .refused }
      let (grant, family) = try transaction.family(row.id("family"))
      let fits =
        try grant.client == redemption.client && row.text("redirect_uri") == redemption.redirectURI
        && CodeChallenge(row.text("challenge"))?.isAnswered(by: redemption.verifier) == true
      var machine = CodeMachine(
        state: state, expiresAt: Instant(milliseconds: try row.integer("expires_at")))
      let action = machine.handle(.presented(at: journal.at, fits: fits))
      _ = try transaction.execute(
        "UPDATE codes SET state = ? WHERE digest = ?",
        [.text(machine.state.rawValue), Self.digest(redemption.code)])
      switch action {
      case .issueTokens:
        guard case .live = family.state,
          try !transaction.isCutOff(client: grant.client, person: grant.person, isBarred)
        else { return .refused }
        let refreshes = grant.scopes.contains(Scopes.offlineAccess)
        if refreshes {
          try transaction.keep(
            redemption.refreshToken, of: grant.family, generation: 0, journal: journal)
        }
        transaction.note(grant.event("token", "tokens-issued"), in: journal)
        return .granted(grant, nonce: try row.optionalText("nonce"), refreshes: refreshes)
      case .refuseAndRevokeFamily:
        try transaction.revoke(family: grant.family, .codeReused, journal: journal)
        return .refused
      case .refuse, .nothing:
        transaction.note(grant.event("token", "code-refused"), in: journal)
        return .refused
      }
    }
  }

  /// Exchanges a refresh token for its successor.
  /// - Parameter salt: 32 fresh random bytes, of which with the token the successor is made.
  package func refresh(
    _ token: String, by client: ClientID, wanting wanted: Set<Scope>?, salt: [UInt8],
    journal: Journal
  ) async throws -> GrantOutcome {
    try await store.write { [isBarred] transaction in
      guard
        let row = try transaction.rows(
          """
          SELECT family, generation, issued_at, repeatable_until, salt FROM refresh_tokens
          WHERE digest = ?
          """, [Self.digest(token)]
        ).first
      else { return .refused }
      var (grant, family) = try transaction.family(row.id("family"))
      guard grant.client == client else {
        transaction.note(
          grant.event("token", "refresh-refused", reason: "wrong-client"), in: journal)
        return .refused
      }
      guard try !transaction.isCutOff(client: grant.client, person: grant.person, isBarred) else {
        transaction.note(
          grant.event("token", "refresh-refused", reason: "suspended"), in: journal)
        return .refused
      }
      guard wanted?.isSubset(of: grant.scopes) ?? true else { return .beyondScope }
      let action = family.handle(
        .presented(
          generation: try row.integer("generation"),
          issuedAt: Instant(milliseconds: try row.integer("issued_at")),
          repeatableUntil: try row.optionalInteger("repeatable_until").map {
            Instant(milliseconds: $0)
          }, at: journal.at))
      switch action {
      case .rotate(let generation):
        let successor = RefreshSuccessor.make(of: token, salt: salt)
        try transaction.rotate(
          token, to: successor, salt: salt, generation, of: grant.family, journal: journal)
        transaction.note(grant.event("token", "tokens-refreshed"), in: journal)
        return .refreshed(grant, refreshToken: successor)
      case .repeatAnswer:
        let successor = RefreshSuccessor.make(of: token, salt: try row.blob("salt"))
        try transaction.endRepeats(of: grant.family)
        transaction.note(
          grant.event("token", "tokens-refreshed", reason: "answer-repeated"), in: journal)
        return .refreshed(grant, refreshToken: successor)
      case .refuseAndAnnounce(let reason):
        try transaction.write(revoked: reason, of: grant, journal: journal)
        return .refused
      case .refuse, .announce, .nothing:
        transaction.note(grant.event("token", "refresh-refused"), in: journal)
        return .refused
      }
    }
  }

  /// Revokes the family of a refresh token, when it is this client's (RFC 7009 §2.1).
  /// - Returns: false when the token is unknown, which the client is not told.
  package func revoke(
    refreshToken: String, by client: ClientID, journal: Journal
  ) async throws -> Bool {
    try await store.write { transaction in
      guard
        let row = try transaction.rows(
          """
          SELECT f.family AS family FROM refresh_tokens t JOIN families f ON f.family = t.family
          WHERE t.digest = ? AND f.client = ?
          """, [Self.digest(refreshToken), .text("\(client)")]
        ).first
      else { return false }
      try transaction.revoke(family: try row.id("family"), .byClient, journal: journal)
      return true
    }
  }
}

extension Grant {
  func event(_ operation: String, _ outcome: String, reason: String? = nil) -> IdentityEvent {
    IdentityEvent(
      operation, outcome, reason: reason, subject: "\(person)", client: "\(client)",
      detail: ["family": "\(family)", "session": "\(session)", "scopes": Scopes.text(scopes)])
  }
}

extension Transaction {
  func family(_ id: FamilyID) throws -> (Grant, RefreshFamily) {
    guard
      let row = try rows(
        """
        SELECT client, person, session, scopes, signed_in_at, generation, revoked, expires_at
        FROM families WHERE family = ?
        """, [.text("\(id)")]
      ).first
    else { throw ForeignRow(column: "family") }
    let grant = Grant(
      family: id, client: try row.id("client"), person: try row.id("person"),
      session: try row.id("session"), scopes: Scope.set(try row.text("scopes")) ?? [],
      signedInAt: Instant(milliseconds: try row.integer("signed_in_at")))
    let state: RefreshFamily.State
    if let reason = try row.optionalText("revoked") {
      state = .revoked(RefreshFamily.Reason(rawValue: reason) ?? .tokenReused)
    } else {
      state = .live(generation: try row.integer("generation"))
    }
    return (
      grant,
      RefreshFamily(
        state: state, expiresAt: Instant(milliseconds: try row.integer("expires_at")))
    )
  }

  /// Revokes a family, if it is not revoked yet, and voids its code.
  func revoke(family id: FamilyID, _ reason: RefreshFamily.Reason, journal: Journal) throws {
    var (grant, family) = try family(id)
    guard case .announce = family.handle(.revoked(reason)) else { return }
    try write(revoked: reason, of: grant, journal: journal)
  }

  func write(
    revoked reason: RefreshFamily.Reason, of grant: Grant, journal: Journal
  ) throws {
    _ = try execute(
      "UPDATE families SET revoked = ? WHERE family = ?",
      [.text(reason.rawValue), .text("\(grant.family)")])
    _ = try execute(
      "UPDATE codes SET state = 'void' WHERE family = ?", [.text("\(grant.family)")])
    try announce(
      RevokedThing(
        kind: .family, id: "\(grant.family)", owner: "\(grant.person)",
        until: journal.at + TokenLifetimes.revocationMax), journal: journal)
    note(grant.event("revoke", "family-revoked", reason: reason.rawValue), in: journal)
  }

  /// The newest token of a family gives way to its successor, and can be answered once more for a moment.
  fileprivate func rotate(
    _ token: String, to successor: String, salt: [UInt8], _ generation: Int64,
    of family: FamilyID, journal: Journal
  ) throws {
    _ = try execute(
      "UPDATE families SET generation = ? WHERE family = ?",
      [.integer(generation), .text("\(family)")])
    try endRepeats(of: family)
    _ = try execute(
      "UPDATE refresh_tokens SET repeatable_until = ?, salt = ? WHERE digest = ?",
      [
        (journal.at + RefreshFamily.repeatMax).stored, .blob(salt), IdentityStore.digest(token),
      ])
    try keep(successor, of: family, generation: generation, journal: journal)
  }

  /// From now on no replaced token of this family is answered any more.
  fileprivate func endRepeats(of family: FamilyID) throws {
    _ = try execute(
      """
      UPDATE refresh_tokens SET repeatable_until = NULL, salt = NULL
      WHERE family = ? AND repeatable_until IS NOT NULL
      """, [.text("\(family)")])
  }

  func keep(
    _ refreshToken: String, of family: FamilyID, generation: Int64, journal: Journal
  ) throws {
    _ = try execute(
      "INSERT INTO refresh_tokens (digest, family, generation, issued_at) VALUES (?, ?, ?, ?)",
      [
        IdentityStore.digest(refreshToken), .text("\(family)"), .integer(generation),
        journal.at.stored,
      ])
  }

  func remember(_ grant: Grant, journal: Journal) throws {
    for scope in grant.scopes.sorted() {
      _ = try execute(
        """
        INSERT INTO consents (person, client, scope, given_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (person, client, scope) DO NOTHING
        """,
        [
          .text("\(grant.person)"), .text("\(grant.client)"), .text("\(scope)"),
          journal.at.stored,
        ])
    }
    note(grant.event("consent", "consent-given"), in: journal)
  }
}
