import AuditAPI
import AuthorityAPI
import Chassis
import Crypto
import Identity
import IdentityAPI
import StrictJSON
import TestKit
import Testing
import Tokens
import Transport
import Vocabulary

@Suite(.onEachStore) struct `Signing in for a client` {
  @Test func `gives a code, and for it tokens that say what was allowed`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let back = try await journey.allow(Journey.request())
    #expect(back["state"] == "s&1")
    #expect(back["iss"] == Journey.issuer)
    let (status, tokens) = try await journey.redeem(try #require(back["code"]))
    #expect(status == 200)
    #expect(tokens["token_type"] == "Bearer")
    #expect(tokens["expires_in"] == 300)
    let access = try claims(tokens["access_token"])
    #expect(access["iss"]?.string == Journey.issuer)
    #expect(access["aud"] == "strongroom-api")
    #expect(access["sub"]?.string == "\(journey.person)")
    #expect(access["client_id"]?.string == "\(Journey.clientID)")
    #expect(access["scope"] == "offline_access openid payments:create")
    #expect(access["exp"]?.integer == journey.now.seconds + 300)
    let header = try UnverifiedToken(try #require(tokens["access_token"]?.string)).header
    #expect(header.type == "at+jwt")
    #expect(header.algorithm == .es256)
    let identity = try claims(tokens["id_token"])
    #expect(identity["aud"]?.string == "\(Journey.clientID)")
    #expect(identity["nonce"] == "n1")
    let half = SHA256.hash(data: Array(try #require(tokens["access_token"]?.string).utf8)).prefix(
      16)
    #expect(identity["at_hash"]?.string == Base64URL.encode(half))
    #expect(journey.isGood(try #require(tokens["access_token"]?.string)))
    #expect(
      try await journey.outcomes() == [
        "signing-key-rotated", "person-created", "client-registered", "signed-in",
        "consent-given", "code-issued", "tokens-issued",
      ])
  }

  @Test func `asks once: what was allowed is remembered, more is asked again`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    _ = try await journey.allow(Journey.webRequest(scope: "openid payments:create"))
    let again = try await journey.provider.authorize(
      journey.visit(query: Journey.webRequest(scope: "openid")))
    #expect(try parameters(of: again)["code"] != nil)
    let silent = try await journey.provider.authorize(
      journey.visit(query: Journey.webRequest(scope: "openid", ["prompt": "none"])))
    #expect(try parameters(of: silent)["code"] != nil)
    let more = try await journey.provider.authorize(
      journey.visit(query: Journey.webRequest(scope: "openid accounts:read")))
    #expect(more.status == 200)
    let moreSilently = try await journey.provider.authorize(
      journey.visit(query: Journey.webRequest(scope: "openid accounts:read", ["prompt": "none"])))
    #expect(try parameters(of: moreSilently)["error"] == "consent_required")
  }

  @Test(arguments: ["http://127.0.0.1:49152/callback", "http://127.0.0.1:50000/callback"])
  func `asks each time where any program of the device may be listening`(
    _ address: String
  ) async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    _ = try await journey.allow(Journey.request())
    let silent = try await journey.provider.authorize(
      journey.visit(query: Journey.request(["prompt": "none", "redirect_uri": address])))
    let back = try parameters(of: silent)
    #expect(back["error"] == "consent_required" && back["code"] == nil)
    let shown = try await journey.provider.authorize(
      journey.visit(query: Journey.request(["redirect_uri": address])))
    #expect(shown.status == 200)
    // Allowed by the person, here and now, it goes on.
    #expect(try parameters(of: try await journey.decide("allow", on: shown))["code"] != nil)
  }

  @Test func `asks each time who answers to a scheme of the device`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    let client = NewClient(
      id: Journey.clientID, name: "App", kind: .public, grants: [.authorizationCode],
      redirectURIs: ["com.example.app:/callback"], scopes: ["openid"])
    _ = try await journey.provider.registerClient(client, journey.visit())
    let changes = ["redirect_uri": "com.example.app:/callback"]
    let request = Journey.request(scope: "openid", changes)
    _ = try await journey.allow(request)
    let silent = try await journey.provider.authorize(
      journey.visit(
        query: Journey.request(scope: "openid", changes.merging(["prompt": "none"]) { $1 })))
    #expect(silent.headers["location"]?.contains("error=consent_required") == true)
  }

  @Test func `tells the client when the person says no`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let signedIn = try await journey.signIn(Journey.request())
    let page = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    let back = try parameters(of: try await journey.decide("deny", on: page))
    #expect(back["error"] == "access_denied")
    #expect(back["code"] == nil)
    #expect(try await journey.outcomes().last == "consent-denied")
  }

  @Test func `asks for the password again when the client wants it fresh`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    _ = try await journey.allow(Journey.request())
    journey.wait(.seconds(60))
    for changes in [["prompt": "login"], ["max_age": "60"], ["prompt": "select_account"]] {
      let answer = try await journey.provider.authorize(
        journey.visit(query: Journey.request(changes)))
      #expect(answer.headers["location"]?.hasPrefix("/login?") == true, "\(changes)")
    }
    let silent = try await journey.provider.authorize(
      journey.visit(query: Journey.request(["prompt": "none", "max_age": "60"])))
    #expect(try parameters(of: silent)["error"] == "login_required")
    // And is not asked for ever: the answered prompt is gone afterwards.
    let fresh = try await journey.signIn(Journey.webRequest(["prompt": "login"]))
    let after = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: fresh)))
    #expect(try parameters(of: after)["code"] != nil)
  }

  @Test(
    arguments: [
      (["response_type": "token"], "unsupported_response_type"),
      (["response_type": nil], "invalid_request"),
      (["scope": "openid payments:read"], "invalid_scope"), (["scope": "root"], "invalid_scope"),
      (["scope": nil], "invalid_scope"), (["code_challenge": nil], "invalid_request"),
      (["code_challenge_method": "plain"], "invalid_request"),
      (["code_challenge_method": nil], "invalid_request"),
      (["prompt": "none login"], "invalid_request"),
      (["prompt": "maybe"], "invalid_request"), (["max_age": "-1"], "invalid_request"),
      (["max_age": "1e3"], "invalid_request"), (["request": "eyJ"], "request_not_supported"),
      (["request_uri": "https://x.example"], "request_uri_not_supported"),
      (["response_mode": "fragment"], "invalid_request"), (["prompt": "none"], "login_required"),
      (["state": String(repeating: "s", count: 1_025)], "invalid_request"),
      (["nonce": String(repeating: "n", count: 256)], "invalid_request"),
    ] as [([String: String?], String)]) func `tells the client what is wrong with its request`(
      _ changes: [String: String?], _ error: String
    ) async throws
  {
    let journey = try await Journey()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let answer = try await journey.provider.authorize(
      journey.visit(query: Journey.request(changes)))
    let back = try parameters(of: answer)
    #expect(back["error"] == error)
    #expect(back["iss"] == Journey.issuer)
    #expect(answer.headers["location"]?.hasPrefix(Journey.redirect + "?") == true)
  }

  @Test(
    arguments: [
      ["client_id": nil], ["client_id": "nobody"],
      ["client_id": "0194a2b0-0000-7000-8000-00000000000f"], ["redirect_uri": nil],
      ["redirect_uri": "https://evil.example/callback"],
      ["redirect_uri": "http://127.0.0.1:49152/callback/../x"],
      ["redirect_uri": "http://127.0.0.1:49152/other"],
    ] as [[String: String?]]) func `never redirects where it must not`(
      _ changes: [String: String?]
    ) async throws
  {
    let journey = try await Journey()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let answer = try await journey.provider.authorize(
      journey.visit(query: Journey.request(changes)))
    #expect(answer.status == 400)
    #expect(answer.headers["location"] == nil)
  }
}

@Suite(.onEachStore) struct `A code at the token endpoint` {
  private func begin() async throws -> (Journey, code: String) {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    return (journey, try #require(try await journey.allow(Journey.request())["code"]))
  }

  @Test(arguments: [
    ["code_verifier": String(repeating: "w", count: 43)],
    ["redirect_uri": "http://127.0.0.1/callback"],
    ["code": "unknown"],
  ]) func `is refused when something does not fit, and is spoiled by it`(
    _ changes: [String: String]
  ) async throws {
    let (journey, code) = try await begin()
    let (status, error) = try await journey.redeem(code, changes)
    #expect(status == 400)
    #expect(error["error"] == "invalid_grant")
    let (second, _) = try await journey.redeem(code)
    #expect(second == (changes["code"] == nil ? 400 : 200))
  }

  @Test func `is good for less than sixty seconds`() async throws {
    let (journey, code) = try await begin()
    journey.wait(.seconds(60))
    #expect(try await journey.redeem(code).status == 400)
  }

  @Test func `takes back what it gave when it is used twice`() async throws {
    let (journey, code) = try await begin()
    let (_, tokens) = try await journey.redeem(code)
    #expect(try await journey.redeem(code).status == 400)
    let (status, error) = try await journey.refresh(try #require(tokens["refresh_token"]?.string))
    #expect(status == 400)
    #expect(error["error"] == "invalid_grant")
    let feed = try await journey.store.feed()
    #expect(feed.entries.map(\.kind) == [.family])
    #expect(feed.entries.first?.id == (try claims(tokens["access_token"])["family"]?.string))
    #expect(try await journey.records().contains { $0.reason == "code-reused" })
  }

  @Test func `is redeemed once when it is brought many times at once`() async throws {
    let (journey, code) = try await begin()
    let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { try await journey.redeem(code).status } }
      return try await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(statuses.count { $0 == 200 } == 1)
  }
}

@Suite(.onEachStore) struct `A refresh token` {
  private func begin() async throws -> (Journey, JSON) {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    return (journey, try await journey.redeem(code).1)
  }

  @Test func `is exchanged for a new one each time`() async throws {
    let (journey, first) = try await begin()
    var token = try #require(first["refresh_token"]?.string)
    for _ in 0..<3 {
      journey.wait(.seconds(3_600))
      let (status, tokens) = try await journey.refresh(token)
      #expect(status == 200)
      let next = try #require(tokens["refresh_token"]?.string)
      #expect(next != token)
      token = next
    }
  }

  @Test func `used again costs both sides the whole family`() async throws {
    let (journey, first) = try await begin()
    let old = try #require(first["refresh_token"]?.string)
    let new = try #require(try await journey.refresh(old).1["refresh_token"]?.string)
    journey.wait(RefreshFamily.repeatMax)
    #expect(try await journey.refresh(old).1["error"] == "invalid_grant")
    #expect(try await journey.refresh(new).1["error"] == "invalid_grant")
    let feed = try await journey.store.feed()
    #expect(feed.entries.map(\.kind) == [.family])
    #expect(try await journey.records().contains { $0.reason == "token-reused" })
  }

  @Test func `can be narrowed, never widened`() async throws {
    let (journey, first) = try await begin()
    let token = try #require(first["refresh_token"]?.string)
    let wide = try await journey.refresh(token, [("scope", "openid accounts:read")])
    #expect(wide.1["error"] == "invalid_scope")
    let (status, narrow) = try await journey.refresh(token, [("scope", "payments:create")])
    #expect(status == 200)
    #expect(try claims(narrow["access_token"])["scope"] == "payments:create")
  }

  @Test func `dies of silence and of age`() async throws {
    let (journey, first) = try await begin()
    journey.wait(RefreshFamily.idleMax)
    #expect(
      try await journey.refresh(try #require(first["refresh_token"]?.string)).1["error"]
        == "invalid_grant")
  }

  @Test func `is given only where staying connected was allowed`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try await journey.allow(Journey.request(scope: "openid"))["code"]
    let (_, tokens) = try await journey.redeem(try #require(code))
    #expect(tokens["refresh_token"] == nil)
  }

  @Test func `is revoked with its family, and nobody learns of unknown ones`() async throws {
    let (journey, first) = try await begin()
    let token = try #require(first["refresh_token"]?.string)
    for candidate in ["unknown", token, token] {
      let answer = try await journey.provider.revoke(
        journey.visit(form: [("client_id", "\(Journey.clientID)"), ("token", candidate)]))
      #expect(answer.status == 200)
      #expect(answer.body.isEmpty)
    }
    #expect(try await journey.refresh(token).1["error"] == "invalid_grant")
    #expect(try await journey.store.feed().entries.count == 1)
  }
}

@Suite(.onEachStore) struct `An access token` {
  @Test func `is revoked by its jti, by its own client only`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let other = NewClient(
      id: try #require(ClientID("0194a2b0-0000-7000-8000-000000000002")), name: "Other",
      kind: .public, grants: [.authorizationCode], redirectURIs: ["https://other.example/cb"],
      scopes: ["openid"])
    _ = try await journey.provider.registerClient(other, journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let (_, tokens) = try await journey.redeem(code)
    let token = try #require(tokens["access_token"]?.string)
    func revoke(by client: ClientID) async throws {
      let answer = try await journey.provider.revoke(
        journey.visit(form: [("client_id", "\(client)"), ("token", token)]))
      #expect(answer.status == 200)
    }
    try await revoke(by: other.id)
    #expect(try await journey.store.feed().entries.isEmpty)
    try await revoke(by: Journey.clientID)
    let feed = try await journey.store.feed()
    #expect(feed.entries.map(\.kind) == [.token])
    #expect(feed.entries.first?.id == (try claims(tokens["access_token"])["jti"]?.string))
    #expect(try await journey.store.feed(after: feed.next).entries.isEmpty)
  }

  @Test func `outlives the rotation of keys, and not its five minutes`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let token = try #require(try await journey.redeem(code).1["access_token"]?.string)
    let before = try KeySet(jwks: journey.keys.published(at: journey.now))
    let rotated = try await journey.provider.rotateKey(KeyRotation(), journey.visit())
    // The key that signs now had been announced before.
    #expect(before.key(for: rotated.kid) != nil)
    #expect(journey.isGood(token))
    let edDSA = try await journey.provider.rotateKey(KeyRotation(alg: "EdDSA"), journey.visit())
    #expect(edDSA.alg == "EdDSA")
    let code2 = try parameters(
      of: try await journey.provider.authorize(journey.visit(query: Journey.webRequest())))["code"]
    let again = try #require(code2)
    let second = try #require(
      try await journey.redeem(again, ["redirect_uri": Journey.webRedirect]).1["access_token"]?
        .string)
    #expect(try UnverifiedToken(second).header.algorithm == .edDSA)
    #expect(journey.isGood(second))
    journey.wait(.seconds(306))
    #expect(!journey.isGood(token))
    journey.wait(.seconds(600))
    try await journey.keys.forget(at: journey.now)
    #expect(try KeySet(jwks: journey.keys.published(at: journey.now)).keys.count == 2)
  }
}
