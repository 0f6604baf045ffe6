package import AuthorityAPI
import Storage
package import StrictJSON
package import Vocabulary

/// How long the feed may become by what one person, or one client that acts for itself, does.
package enum RevocationLimits {
  /// Access tokens of one grant that are revoked one by one; the next one takes the grant with it.
  package static let tokensPerFamilyMax = 8
  /// Entries about one subject's tokens, grants and sessions; beyond, one entry says that all its access tokens from
  /// before are dead, in the place of all of them. Clients then refresh, which costs nobody anything.
  package static let entriesPerSubjectMax = 64
  /// A revoked access token is remembered for so long after it has expired: for clocks that disagree.
  package static let afterExpiry: Duration = .seconds(60)
}

/// An access token that is to be revoked, as its claims say.
package struct RevokedToken: Sendable {
  package let jti: String
  package let subject: String
  /// Nil where a client acts for itself.
  package let family: FamilyID?
  package let expiresAt: Instant

  /// Nil when a claim is missing that every token of ours has.
  package init?(_ claims: JSON) {
    guard let jti = claims["jti"]?.string, let subject = claims["sub"]?.string,
      let end = claims["exp"]?.integer
    else { return nil }
    self.jti = jti
    self.subject = subject
    family = claims["family"]?.string.flatMap { FamilyID($0) }
    expiresAt = Instant(seconds: end)
  }
}

/// What an entry of the feed is about.
struct RevokedThing {
  let kind: RevocationKind
  let id: String
  /// Whose tokens it concerns; nil where nobody outside can make such entries.
  var owner: String?
  /// The grant of a token.
  var family: FamilyID?
  /// Only what was issued before; nil: all.
  var issuedBefore: Instant?
  /// Nil: until it is lifted.
  var until: Instant?
}

extension Transaction {
  /// Puts an entry in the feed, with the next number. What stands there already, and is alive, adds nothing.
  /// - Returns: whether it is new.
  @discardableResult
  func announce(_ thing: RevokedThing, journal: Journal) throws -> Bool {
    let standing = try rows(
      """
      SELECT issued_before, expires_at FROM revoked
      WHERE kind = ? AND subject = ? AND (expires_at IS NULL OR expires_at > ?)
      """, [.text(thing.kind.description), .text(thing.id), journal.at.stored]
    ).first
    // Nothing is deader than what is dead whenever it was issued, and a suspension ends only by being lifted.
    if let standing, try standing.optionalInteger("issued_before") == nil,
      try standing.optionalInteger("expires_at") == nil || thing.until != nil
    {
      return false
    }
    try write(thing, journal: journal)
    try bound(thing, journal: journal)
    return true
  }

  /// Replaces a suspension, and nothing else, by the end of it.
  func lift(_ thing: RevokedThing, journal: Journal) throws { try write(thing, journal: journal) }

  private func write(_ thing: RevokedThing, journal: Journal) throws {
    _ = try execute("UPDATE counters SET value = value + 1 WHERE name = 'revocations'", [])
    guard let number = try rows(Self.head).first?.integer("value") else {
      throw ForeignRow(column: "counters")
    }
    _ = try execute(
      """
      INSERT INTO revoked (kind, subject, sequence, owner, grant_family, at, issued_before, expires_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (kind, subject) DO UPDATE SET sequence = excluded.sequence,
        at = excluded.at, issued_before = excluded.issued_before, expires_at = excluded.expires_at
      """,
      [
        .text(thing.kind.description), .text(thing.id), .integer(number), .optional(thing.owner),
        .optional(thing.family.map { "\($0)" }), journal.at.stored,
        thing.issuedBefore.map(\.stored) ?? .null, thing.until.map(\.stored) ?? .null,
      ])
    // It leaves for the platform's feed with what it tells of, or not at all.
    let entry = RevocationEntry(
      number: number, kind: thing.kind, id: thing.id, at: journal.at,
      issuedBefore: thing.issuedBefore, expiresAt: thing.until)
    append(
      OutboxMessage(
        id: "revocation-\(number)", topic: AuthorityOperations.revocationsTopic,
        body: try StrictJSON.encode(
          NewRevocation(
            entry: entry, owner: thing.owner, family: thing.family.map { "\($0)" })),
        at: journal.at))
  }

  /// The highest number that was given.
  static let head = "SELECT value FROM counters WHERE name = 'revocations'"

  /// Many small entries of one grant or one subject become a large one: nobody makes the feed as long as he likes.
  private func bound(_ thing: RevokedThing, journal: Journal) throws {
    if let family = thing.family {
      let of: [SQLValue] = [.text("\(family)")]
      let tokens = try rows("SELECT count(*) AS n FROM revoked WHERE grant_family = ?", of)
      if try tokens.first?.integer("n") ?? 0 > RevocationLimits.tokensPerFamilyMax {
        try revoke(family: family, .byClient, journal: journal)
        _ = try execute("DELETE FROM revoked WHERE grant_family = ?", of)
      }
    }
    guard let owner = thing.owner else { return }
    let count = try rows("SELECT count(*) AS n FROM revoked WHERE owner = ?", [.text(owner)])
    guard try count.first?.integer("n") ?? 0 > RevocationLimits.entriesPerSubjectMax else { return }
    _ = try execute("DELETE FROM revoked WHERE owner = ?", [.text(owner)])
    // Whole seconds, as tokens have them; the one that has begun is part of before.
    try announce(
      RevokedThing(
        kind: .person, id: owner, issuedBefore: Instant(seconds: journal.at.seconds + 1),
        until: journal.at + TokenLifetimes.revocationMax), journal: journal)
  }
}

extension IdentityStore {
  /// One access token is dead, by its `jti`. Again, or when it has expired, it adds nothing.
  package func revoke(
    accessToken token: RevokedToken, client: ClientID, journal: Journal
  ) async throws {
    try await store.write { transaction in
      let until = token.expiresAt + RevocationLimits.afterExpiry
      guard until > journal.at else { return }
      let isNew = try transaction.announce(
        RevokedThing(
          kind: .token, id: token.jti, owner: token.subject, family: token.family, until: until),
        journal: journal)
      guard isNew else { return }
      transaction.note(
        IdentityEvent(
          "revoke", "token-revoked", subject: token.subject, client: "\(client)",
          detail: ["jti": token.jti]),
        in: journal)
    }
  }

  /// The highest number that was given.
  package func head() async throws -> Int64 {
    try await store.read { try $0.row(Transaction.head)?.integer("value") ?? 0 }
  }

  /// What is revoked and alive, by our own numbers: at most as many as can be published at a time, oldest first.
  package func revocations(after number: Int64) async throws -> [NewRevocation] {
    try await store.read { snapshot in
      try snapshot.rows(
        """
        SELECT sequence, kind, subject, owner, grant_family, at, issued_before, expires_at
        FROM revoked WHERE sequence > ? ORDER BY sequence LIMIT ?
        """, [.integer(number), .count(PublishedRevocations.entriesMax)]
      ).map { row in
        guard let kind = RevocationKind(name: try row.text("kind")) else {
          throw ForeignRow(column: "kind")
        }
        return NewRevocation(
          entry: RevocationEntry(
            number: try row.integer("sequence"), kind: kind, id: try row.text("subject"),
            at: Instant(milliseconds: try row.integer("at")),
            issuedBefore: try row.optionalInteger("issued_before").map {
              Instant(milliseconds: $0)
            }, expiresAt: try row.optionalInteger("expires_at").map { Instant(milliseconds: $0) }),
          owner: try row.optionalText("owner"), family: try row.optionalText("grant_family"))
      }
    }
  }

  /// Forgets what can matter to nobody any more.
  package func forget(at now: Instant) async throws {
    try await store.write { transaction in
      let expired: [SQLValue] = [now.stored]
      for table in ["revoked", "used_assertions", "sessions", "kept_requests"] {
        _ = try transaction.execute("DELETE FROM \(table) WHERE expires_at <= ?", expired)
      }
      // With the salt goes the way from a replaced refresh token to its successor.
      _ = try transaction.execute(
        """
        UPDATE refresh_tokens SET repeatable_until = NULL, salt = NULL WHERE repeatable_until <= ?
        """, expired)
      // A family outlives its last access token, so that a late reuse of its code or refresh token is still known.
      let gone: [SQLValue] = [(now - TokenLifetimes.revocationMax).stored]
      for table in ["codes", "refresh_tokens"] {
        _ = try transaction.execute(
          "DELETE FROM \(table) WHERE family IN (SELECT family FROM families WHERE expires_at <= ?)",
          gone)
      }
      _ = try transaction.execute("DELETE FROM families WHERE expires_at <= ?", gone)
    }
  }
}
