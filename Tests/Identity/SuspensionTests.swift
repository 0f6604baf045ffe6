import AuthorityAPI
import Chassis
import Identity
import IdentityAPI
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.onEachStore) struct `A client or person that is cut off` {
  private func begin() async throws -> (Journey, JSON) {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    return (journey, try await journey.redeem(code).1)
  }

  private func journal(_ journey: Journey) throws -> Journal {
    Journal(
      correlation: try #require(CorrelationID(bits: 1)), caller: "operator", at: journey.now,
      randomness: journey.randomness)
  }

  private func subject(_ kind: RevocationKind, _ journey: Journey) -> SuspendedSubject {
    kind == .client ? .client(Journey.clientID) : .person(journey.person)
  }

  private static let kinds: [RevocationKind] = [.client, .person]

  @Test(arguments: kinds)
  func `stands in the feed until it is resumed, once`(kind: RevocationKind) async throws {
    let (journey, _) = try await begin()
    let subject = subject(kind, journey)
    for _ in 0..<2 {
      let standing = try await journey.store.suspend(subject, journal: journal(journey))
      #expect(standing.state == .suspended)
      #expect(standing.since == journey.now - (journey.now - Journey.start))
    }
    let suspended = try #require(
      try await journey.store.feed().entries.last)
    #expect(suspended.kind == kind && suspended.number == 1)
    #expect(suspended.issuedBefore == nil && suspended.expiresAt == nil)
    journey.wait(.seconds(40 * 86_400))
    try await journey.store.forget(at: journey.now)
    #expect(try await journey.store.feed().entries.count == 1)
    let standing = try await journey.store.resume(subject, journal: journal(journey))
    #expect(standing.state == .active)
    let lifted = try await journey.store.feed().entries
    #expect(lifted.map(\.number) == [2])
    #expect(lifted.first?.issuedBefore == Instant(seconds: journey.now.seconds))
    journey.wait(TokenLifetimes.revocationMax + .seconds(1))
    try await journey.store.forget(at: journey.now)
    #expect(try await journey.store.feed().entries.isEmpty)
    #expect(try await journey.outcomes().suffix(2) == ["\(kind)-suspended", "\(kind)-resumed"])
  }

  @Test(arguments: kinds)
  func `signs nobody in and gives no token, by code or refresh`(kind: RevocationKind) async throws {
    let (journey, tokens) = try await begin()
    let refresh = try #require(tokens["refresh_token"]?.string)
    let web = ["redirect_uri": Journey.webRedirect]
    // A second code, not redeemed yet; the person is signed in and has consented.
    let second = try await journey.provider.authorize(journey.visit(query: Journey.webRequest()))
    let code = try #require(try parameters(of: second)["code"])
    let subject = subject(kind, journey)
    _ = try await journey.store.suspend(subject, journal: journal(journey))
    let expected = kind == .client ? "unauthorized_client" : "invalid_grant"
    #expect(try await journey.refresh(refresh).1["error"]?.string == expected)
    #expect(try await journey.redeem(code, web).1["error"]?.string == expected)
    let authorized = try await journey.provider.authorize(
      journey.visit(query: Journey.webRequest()))
    if kind == .client {
      #expect(authorized.status == 400)
    } else {
      // The session is gone: the person would have to sign in, and cannot, as if the password were wrong.
      #expect(authorized.headers["location"]?.hasPrefix("/login") == true)
      #expect(try await journey.signIn(Journey.webRequest()).status == 401)
    }
    _ = try await journey.store.resume(subject, journal: journal(journey))
    journey.wait(.seconds(1))
    #expect(try await journey.refresh(refresh).1["error"] == "invalid_grant", "from before")
    #expect(try await journey.redeem(code, web).1["error"] == "invalid_grant", "from before")
    if kind == .person { journey.forgetCookies() }
    let answer =
      kind == .client
      ? try await journey.provider.authorize(journey.visit(query: Journey.webRequest()))
      : try await journey.provider.authorize(
        journey.visit(
          query: try parameters(of: try await journey.signIn(Journey.webRequest()))))
    let fresh = try #require(try parameters(of: answer)["code"])
    #expect(try await journey.redeem(fresh, web).status == 200)
  }

  @Test func `dies although it was suspended and resumed within one second`() async throws {
    let (journey, tokens) = try await begin()
    let issuedAt = try #require(try claims(tokens["access_token"])["iat"]?.integer)
    let subject = SuspendedSubject.client(Journey.clientID)
    _ = try await journey.store.suspend(subject, journal: journal(journey))
    _ = try await journey.store.resume(subject, journal: journal(journey))
    let entry = try await journey.store.feed().entries.last
    let end = try #require(entry?.issuedBefore)
    #expect(issuedAt < end.seconds)
  }

  @Test func `is unknown where it was never registered`() async throws {
    let journey = try await Journey()
    for kind in Self.kinds {
      let subject = subject(kind, journey)
      await #expect(throws: Problem.notFound) {
        try await journey.store.suspend(subject, journal: self.journal(journey))
      }
      await #expect(throws: Problem.notFound) {
        try await journey.store.resume(subject, journal: self.journal(journey))
      }
    }
    #expect(try await journey.store.feed().head == 0)
  }

  @Test func `is one that the policies name as well`() async throws {
    let (journey, _) = try await begin()
    let barred = IdentityStore(journey.rawStore) { $0 == "\(Journey.clientID)" }
    #expect(try await barred.isCutOff(client: Journey.clientID))
    #expect(try await !barred.isCutOff(person: journey.person))
    #expect(try await !journey.store.isCutOff(client: Journey.clientID))
  }
}
