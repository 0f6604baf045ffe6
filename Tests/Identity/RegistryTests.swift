import AuthorityAPI
import Chassis
import Identity
import IdentityAPI
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

// What is registered can be changed: passwords that were lost, redirects, scopes, keys.

@Suite(.onEachStore) struct `A password that the operator resets` {
  private static let chosen = "velvet harbour lantern 42"

  /// Posts the page on which a new password is chosen.
  private func choose(
    _ password: String, on page: Answer, _ journey: Journey
  ) async throws -> Answer {
    let fields = ["csrf", "continue", "ticket", "login"]
    let answer = try await journey.provider.login(
      journey.visit(
        form: try fields.map { ($0, try hidden($0, page)) } + [("new_password", password)]))
    journey.keep(answer)
    return answer
  }

  private func reset(_ journey: Journey) async throws -> PasswordReset {
    try await journey.provider.resetPassword(of: journey.person, journey.visit())
  }

  private func begin() async throws -> Journey {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    return journey
  }

  @Test func `ends what was given, and leads to the choice of a new one, once`() async throws {
    let journey = try await begin()
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let refresh = try #require(try await journey.redeem(code).1["refresh_token"]?.string)
    let reset = try await reset(journey)
    #expect(reset.password.count == 23)
    #expect(try await journey.refresh(refresh).1["error"]?.string == "invalid_grant")
    let feed = try await journey.store.feed().entries
    #expect(feed.last?.kind == .person && feed.last?.issuedBefore != nil)
    // The session is gone too, and the old password opens nothing.
    journey.forgetCookies()
    #expect(try await journey.signIn(Journey.request()).status == 401)
    let page = try await journey.signIn(Journey.request(), password: reset.password)
    #expect(page.status == 200)
    #expect(journey.cookie(.session) == nil)
    let weak = try await choose("password1234", on: page, journey)
    #expect(weak.status == 422 && journey.cookie(.session) == nil)
    let signedIn = try await choose(Self.chosen, on: weak, journey)
    #expect(signedIn.status == 303)
    #expect(journey.cookie(.session) != nil)
    #expect(signedIn.headers["location"]?.hasPrefix("/oauth2/authorize?") == true)
    // Neither the page nor the password is good again.
    #expect(try await choose("another velvet harbour 43", on: page, journey).status == 403)
    journey.forgetCookies()
    #expect(try await journey.signIn(Journey.request(), password: reset.password).status == 401)
    #expect(try await journey.signIn(Journey.request(), password: Self.chosen).status == 303)
    let outcomes = try await journey.outcomes()
    #expect(outcomes.filter { ["password-reset", "password-chosen"].contains($0) }.count == 2)
  }

  @Test func `is good for a day, in the browser where it was typed, and until the next reset`()
    async throws
  {
    let journey = try await begin()
    let first = try await reset(journey)
    let page = try await journey.signIn(Journey.request(), password: first.password)
    #expect(page.status == 200)
    let second = try await reset(journey)
    #expect(try await choose(Self.chosen, on: page, journey).status == 403)
    #expect(try await journey.signIn(Journey.request(), password: first.password).status == 401)
    let other = try await journey.signIn(Journey.request(), password: second.password)
    journey.forgetCookies()
    #expect(try await choose(Self.chosen, on: other, journey).status == 403)
    let late = try await journey.signIn(Journey.request(), password: second.password)
    #expect(late.status == 200)
    #expect(try await journey.store.people(after: "", limit: 9).people.first?.oneTimeUntil != nil)
    journey.wait(.seconds(PasswordReset.lifetimeSeconds))
    #expect(try await choose(Self.chosen, on: late, journey).status == 403)
    #expect(try await journey.signIn(Journey.request(), password: second.password).status == 401)
  }

  @Test func `is nobody's who is not registered, and none of who is suspended`() async throws {
    let journey = try await begin()
    await #expect(throws: Problem.notFound) {
      try await journey.provider.resetPassword(of: PersonID(bits: 9), journey.visit())
    }
    let reset = try await reset(journey)
    let journal = Journal(
      correlation: try #require(CorrelationID(bits: 1)), caller: "operator", at: journey.now,
      randomness: journey.randomness)
    _ = try await journey.store.suspend(.person(journey.person), journal: journal)
    #expect(try await journey.signIn(Journey.request(), password: reset.password).status == 401)
  }
}

@Suite(.onEachStore) struct `A registered client that is changed` {
  private func journal(_ journey: Journey) throws -> Journal {
    Journal(
      correlation: try #require(CorrelationID(bits: 1)), caller: "operator", at: journey.now,
      randomness: journey.randomness)
  }

  private func change(_ change: ClientChange, _ journey: Journey) async throws -> ClientRecord {
    try await journey.store.change(
      Journey.clientID, by: change, scopes: .standard, journal: journal(journey))
  }

  private func begin() async throws -> (Journey, refresh: String) {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    return (journey, try #require(try await journey.redeem(code).1["refresh_token"]?.string))
  }

  @Test func `has its new redirects at once, and keeps what it was given`() async throws {
    let (journey, refresh) = try await begin()
    let other = "https://new.example/callback"
    let record = try await change(ClientChange(name: "Other", redirectURIs: [other]), journey)
    #expect(record.registration.redirectURIs == [other] && record.registration.name == "Other")
    #expect(record.registration.scopes == Journey.publicClient().scopes)
    #expect(
      try await journey.provider.authorize(journey.visit(query: Journey.request())).status == 400)
    let asked = Journey.request(["redirect_uri": other])
    #expect(try await journey.provider.authorize(journey.visit(query: asked)).status != 400)
    #expect(try await journey.refresh(refresh).status == 200)
    _ = try await change(ClientChange(name: "Other"), journey)
    #expect(try await journey.outcomes().filter { $0 == "client-changed" }.count == 1)
  }

  @Test func `is told that 127.0.0.1 is meant where its request says localhost`() async throws {
    let (journey, _) = try await begin()
    let asked = Journey.request(["redirect_uri": "http://localhost:49152/callback"])
    let page = try await journey.provider.authorize(journey.visit(query: asked))
    #expect(page.status == 400)
    #expect(String(decoding: page.body, as: UTF8.self).contains("http://127.0.0.1 is meant"))
  }

  @Test func `loses what it was given where it loses scopes`() async throws {
    let (journey, refresh) = try await begin()
    _ = try await change(
      ClientChange(scopes: ["openid", "accounts:read", "offline_access"]), journey)
    #expect(try await journey.refresh(refresh).1["error"]?.string == "invalid_grant")
    let entry = try #require(try await journey.store.feed().entries.last)
    #expect(entry.kind == .client && entry.issuedBefore != nil && entry.expiresAt != nil)
    let consented = try await journey.store.consented(by: journey.person, to: Journey.clientID)
    #expect(!consented.map(\.description).contains("payments:create"))
  }

  @Test func `is judged like a new one, and stays as it was where that refuses`() async throws {
    let (journey, refresh) = try await begin()
    let table: [(ClientRefusal, ClientChange)] = [
      (.localhostRedirectURI, ClientChange(redirectURIs: ["http://localhost/cb"])),
      (.badRedirectURI, ClientChange(redirectURIs: [])), (.badName, ClientChange(name: "")),
    ]
    for (refusal, change) in table {
      await #expect(throws: refusal) { try await self.change(change, journey) }
    }
    await #expect(throws: UnknownScopes.self) {
      try await self.change(ClientChange(scopes: ["root"]), journey)
    }
    await #expect(throws: Problem.notFound) {
      try await journey.store.change(
        ClientID(bits: 7), by: ClientChange(name: "x"), scopes: .standard,
        journal: journal(journey))
    }
    let record = try await journey.store.clientRecord(Journey.clientID)
    #expect(record.registration == Journey.publicClient())
    #expect(try await journey.refresh(refresh).status == 200)
  }

  @Test func `stands in lists, page by page, with people in theirs`() async throws {
    let (journey, _) = try await begin()
    let second = NewClient(
      id: ClientID(bits: .max >> 1), name: "Second", kind: .public, grants: [.authorizationCode],
      redirectURIs: ["http://127.0.0.1/b"], scopes: ["openid"])
    _ = try await journey.provider.registerClient(second, journey.visit())
    _ = try await journey.store.suspend(.client(second.id), journal: journal(journey))
    let first = try await journey.store.clients(after: "", limit: 1)
    #expect(first.clients.map(\.id) == [Journey.clientID])
    let next = try #require(first.next)
    let rest = try await journey.store.clients(after: next, limit: 1)
    #expect(rest.clients.map(\.name) == ["Second"] && rest.next == nil)
    #expect(rest.clients.first?.state == .suspended)
    let people = try await journey.store.people(after: "", limit: 5)
    #expect(people.people.map(\.id) == [journey.person] && people.next == nil)
    #expect(people.people.first?.oneTimeUntil == nil)
  }
}
