import Chassis
import Identity
import IdentityAPI
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.onEachStore) struct `A client that expects somebody` {
  /// Of the person of the journey, who is signed in.
  private func begin() async throws -> (Journey, hint: String) {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(
      try await journey.allow(Journey.webRequest(scope: "openid"))["code"])
    let (_, tokens) = try await journey.redeem(code, ["redirect_uri": Journey.webRedirect])
    return (journey, try #require(tokens["id_token"]?.string))
  }

  private func ask(
    _ journey: Journey, hint: String, _ prompt: String? = nil
  ) async throws -> [String: String] {
    try parameters(
      of: try await journey.provider.authorize(
        journey.visit(
          query: Journey.webRequest(
            scope: "openid", ["id_token_hint": hint, "prompt": prompt]))))
  }

  @Test func `hears of that person only, whoever is signed in`() async throws {
    let (journey, hint) = try await begin()
    #expect(try await ask(journey, hint: hint, "none")["code"] != nil)
    // Long after it ended it still says who.
    journey.wait(.seconds(900))
    #expect(try await ask(journey, hint: hint, "none")["code"] != nil)

    journey.forgetCookies()
    let password = "another velvet harbour 43"
    _ = try await journey.provider.createPerson(
      NewPerson(
        id: try #require(PersonID("0194a2b0-7c1e-7d8a-9f00-3b7a5e1c2d50")),
        login: "bob@example.org", password: password), journey.visit())
    let wish = Journey.webRequest(scope: "openid")
    _ = try await journey.signIn(wish, login: "bob@example.org", password: password)
    let silent = try await ask(journey, hint: hint, "none")
    #expect(silent["error"] == "login_required" && silent["code"] == nil)
    // Asked aloud, the person whom it is about may sign in; the hint goes along.
    let asked = try await ask(journey, hint: hint)
    #expect(asked["continue"]?.contains("id_token_hint") == true)
  }

  @Test func `is told that its hint is none`() async throws {
    let (journey, hint) = try await begin()
    for odd in [
      "nonsense", String(hint.dropLast(4)) + "AAAA", String(repeating: "x", count: 4_097),
    ] {
      #expect(try await ask(journey, hint: odd)["error"] == "invalid_request")
    }
  }

  @Test func `has parameters without a value left out`() async throws {
    let (journey, _) = try await begin()
    let empty = ["max_age": "", "response_mode": "", "request": "", "request_uri": ""]
    let answer = try await journey.provider.authorize(
      journey.visit(query: Journey.webRequest(scope: "openid", empty)))
    #expect(try parameters(of: answer)["code"] != nil)
  }
}

@Suite(.onEachStore) struct `A sign-in in two tabs` {
  @Test func `goes on in the first when the second has signed in`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let wish = Journey.request(scope: "openid")
    let redirect = try await journey.provider.authorize(journey.visit(query: wish))
    let first = try await journey.provider.getLogin(
      journey.visit(query: try parameters(of: redirect)))
    journey.keep(first)
    _ = try await journey.signIn(wish)
    let answer = try await journey.provider.login(
      journey.visit(
        form: [
          ("csrf", try hidden("csrf", first)), ("continue", try hidden("continue", first)),
          ("login", "ada@example.org"), ("password", Journey.password),
        ]))
    #expect(answer.status == 303)
    #expect(answer.headers["location"]?.hasPrefix("/oauth2/authorize?") == true)
  }
}
