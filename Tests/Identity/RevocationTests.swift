import AuthorityAPI
import Chassis
import Identity
import IdentityAPI
import StrictJSON
import TestKit
import Testing
import Vocabulary

/// An access token's claims as far as they are looked at when it is revoked.
private func token(
  _ jti: String, of subject: String = "attacker", family: String? = nil, until end: Instant
) throws -> RevokedToken {
  var claims: [String: JSON] = [
    "jti": .string(jti), "sub": .string(subject), "exp": .integer(end.seconds),
  ]
  if let family { claims["family"] = .string(family) }
  return try #require(RevokedToken(.object(claims)))
}

@Suite(.onEachStore) struct `The revocation feed` {
  private func journal(_ journey: Journey) throws -> Journal {
    Journal(
      correlation: try #require(CorrelationID(bits: 1)), caller: "gateway", at: journey.now,
      randomness: journey.randomness)
  }

  @Test func `grows by one entry, however often the same token is revoked`() async throws {
    let journey = try await Journey()
    let end = journey.now + .seconds(300)
    for _ in 0..<50 {
      try await journey.store.revoke(
        accessToken: token("t", until: end), client: Journey.clientID, journal: journal(journey))
    }
    let page = try await journey.store.feed()
    #expect(page.entries.map(\.id) == ["t"])
    #expect(page.head == 1)
    #expect(try await journey.outcomes().count { $0 == "token-revoked" } == 1)
  }

  @Test func `takes no token that has expired, and forgets one that has`() async throws {
    let journey = try await Journey()
    let slack = RevocationLimits.afterExpiry
    try await journey.store.revoke(
      accessToken: token("old", until: journey.now - slack), client: Journey.clientID,
      journal: journal(journey))
    #expect(try await journey.store.feed().head == 0)
    try await journey.store.revoke(
      accessToken: token("alive", until: journey.now - slack + .seconds(1)),
      client: Journey.clientID, journal: journal(journey))
    #expect(try await journey.store.feed().entries.count == 1)
    journey.wait(.seconds(1))
    try await journey.store.forget(at: journey.now)
    let page = try await journey.store.feed()
    #expect(page.entries.isEmpty)
    #expect(page.next == 1, "numbers do not begin again")
  }

  @Test func `holds so many entries of one subject, then one in the place of all`() async throws {
    let journey = try await Journey()
    let end = journey.now + .seconds(300)
    let limit = RevocationLimits.entriesPerSubjectMax
    for index in 0..<limit {
      try await journey.store.revoke(
        accessToken: token("t\(index)", until: end), client: Journey.clientID,
        journal: journal(journey))
    }
    try await journey.store.revoke(
      accessToken: token("other", of: "somebody", until: end), client: Journey.clientID,
      journal: journal(journey))
    #expect(try await journey.store.feed().entries.count == limit + 1)
    try await journey.store.revoke(
      accessToken: token("one-more", until: end), client: Journey.clientID,
      journal: journal(journey))
    let entries = try await journey.store.feed().entries
    #expect(entries.map(\.kind) == [.token, .person])
    #expect(entries.map(\.id) == ["other", "attacker"])
    // All that was issued until now, this second included; what comes later lives.
    #expect(entries.last?.issuedBefore == Instant(seconds: journey.now.seconds + 1))
  }

  @Test func `ends a grant whose tokens are revoked one by one without end`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let (_, tokens) = try await journey.redeem(code)
    let family = try #require(try claims(tokens["access_token"])["family"]?.string)
    let end = journey.now + .seconds(300)
    for index in 0...RevocationLimits.tokensPerFamilyMax {
      try await journey.store.revoke(
        accessToken: token("t\(index)", of: "\(journey.person)", family: family, until: end),
        client: Journey.clientID, journal: journal(journey))
    }
    let entries = try await journey.store.feed().entries
    #expect(entries.map(\.kind) == [.family])
    #expect(entries.map(\.id) == [family])
    let refreshed = try await journey.refresh(try #require(tokens["refresh_token"]?.string))
    #expect(refreshed.status == 400)
  }

  @Test func `is read to its end, whatever an attacker put before`() async throws {
    let journey = try await Journey()
    let end = journey.now + .seconds(300)
    // Twenty attackers, as many entries each as they may have: more than one page.
    for index in 0..<20 * RevocationLimits.entriesPerSubjectMax {
      try await journey.store.revoke(
        accessToken: token("t\(index)", of: "attacker-\(index % 20)", until: end),
        client: Journey.clientID, journal: journal(journey))
    }
    try await journey.store.revoke(
      accessToken: token("stolen", of: "victim", until: end), client: Journey.clientID,
      journal: journal(journey))
    var book = RevocationBook()
    var pages = 0
    var step = RevocationBook.Step.more
    while step == .more {
      #expect(!book.isWhole, "after \(pages) pages")
      let page = try await journey.store.feed(after: book.after)
      step = try book.take(page)
      pages += 1
    }
    #expect(pages == 3)
    #expect(book.refuses([RevocationHandle(.token, "stolen")], issuedAt: journey.now))
  }
}

extension IdentityStore {
  /// The feed as identity hands it over, under its own numbers.
  func feed(after number: Int64 = 0) async throws -> RevocationExtract {
    let entries = try await revocations(after: number).map(\.entry)
    let isFull = entries.count == PublishedRevocations.entriesMax
    let head = try await head()
    return RevocationExtract(
      feed: "identity", after: number, entries: entries,
      next: isFull ? entries.last?.number ?? head : head,
      head: head, asOf: Instant(seconds: 1))
  }
}
