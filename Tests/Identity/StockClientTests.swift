import AuditAPI
import AuthorityAPI
import Chassis
import CustomersAPI
import Foundation
import Identity
import IdentityAPI
import Storage
import StrictJSON
import TestKit
import Testing
import Tokens
import Transport
import Vocabulary

@Suite(.onEachStore) struct `What stock clients ask for:` {
  private func begin(_ client: NewClient = Journey.publicClient()) async throws -> Journey {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(client, journey.visit())
    return journey
  }

  private static let oidcClient = Journey.publicClient(
    scopes: ["openid", "profile", "email", "offline_access"])

  @Test func `scopes nobody knows are left out, and what libraries add by themselves`()
    async throws
  {
    let journey = try await begin()
    let back = try await journey.allow(
      Journey.request(scope: "openid profile email address https://api.example/x payments:create"))
    let (status, tokens) = try await journey.redeem(try #require(back["code"]))
    #expect(status == 200)
    #expect(tokens["scope"] == "openid payments:create")
  }

  @Test func `a refusal of scopes says which may be asked for`() async throws {
    let journey = try await begin()
    let answer = try await journey.provider.authorize(
      journey.visit(query: Journey.request(scope: "openid payments:read")))
    let text = try #require(try parameters(of: answer)["error_description"])
    #expect(text.contains("payments:read"))
    #expect(text.contains("accounts:read offline_access openid payments:create"))
    await #expect(throws: UnknownScopes.self) {
      try await journey.provider.registerClient(
        Journey.publicClient(scopes: ["root"]), journey.visit())
    }
  }

  @Test func `profile and email are consented, and userinfo then has what customers holds`()
    async throws
  {
    let journey = try await begin(Self.oidcClient)
    let signedIn = try await journey.signIn(Journey.request(scope: "openid profile"))
    let page = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    let html = String(decoding: page.body, as: UTF8.self)
    #expect(html.contains("See your name and date of birth") && !html.contains("e-mail address"))
    let back = try parameters(of: try await journey.decide("allow", on: page))
    let (_, tokens) = try await journey.redeem(try #require(back["code"]))
    let access = try #require(tokens["access_token"]?.string)
    let answer = try await journey.provider.userInfo(
      of: journey.person, journey.visit(authorization: "Bearer \(access)"))
    let info = try JSON.parse(answer.body)
    #expect(info["sub"]?.string == "\(journey.person)")
    #expect(info["name"] == "Ada Byron")
    #expect(info["birthdate"] == "1985-12-10")
    #expect(info["email"] == nil)
    #expect(answer.headers["cache-control"] == "no-store")
  }

  @Test func `a charter's own scopes can be granted, with its own words`() throws {
    let shelve = try #require(Scope("books:shelve"))
    let catalogue = ScopeCatalogue(operations: [
      (scopes: [shelve], summary: "Puts a book back."), (scopes: [shelve], summary: ""),
    ])
    #expect(catalogue.known == Scopes.standard.union([shelve]))
    #expect(catalogue.described.first { $0.scope == shelve }?.text == "Puts a book back")
    #expect(catalogue.described.last?.scope == Scopes.offlineAccess)
  }

  @Test func `a refresh whose answer was lost gives the same successor, once`() async throws {
    let journey = try await begin()
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let old = try #require(try await journey.redeem(code).1["refresh_token"]?.string)
    let (_, lost) = try await journey.refresh(old)
    journey.wait(RefreshFamily.repeatMax - .seconds(1))
    let (status, again) = try await journey.refresh(old)
    #expect(status == 200)
    #expect(again["refresh_token"] != nil && again["refresh_token"] == lost["refresh_token"])
    #expect(try await journey.records().contains { $0.reason == "answer-repeated" })
    // The third time is an alarm, within the moment too.
    #expect(try await journey.refresh(old).1["error"] == "invalid_grant")
    #expect(try await journey.records().contains { $0.reason == "token-reused" })
    let successor = try #require(again["refresh_token"]?.string)
    #expect(try await journey.refresh(successor).status == 400)
  }

  @Test
  func `a lost answer is not given again where the successor is in use, or to another client`()
    async throws
  {
    let journey = try await begin()
    let other = NewClient(
      id: try #require(ClientID("0194a2b0-0000-7000-8000-000000000002")), name: "Other",
      kind: .public, grants: [.authorizationCode, .refreshToken],
      redirectURIs: ["https://other.example/cb"], scopes: ["openid"])
    _ = try await journey.provider.registerClient(other, journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let old = try #require(try await journey.redeem(code).1["refresh_token"]?.string)
    let new = try #require(try await journey.refresh(old).1["refresh_token"]?.string)
    let foreign = try await journey.token([
      ("grant_type", "refresh_token"), ("client_id", "\(other.id)"), ("refresh_token", old),
    ])
    #expect(foreign.1["error"] == "invalid_grant")
    #expect(try await journey.refresh(new).status == 200)
    #expect(try await journey.refresh(old).1["error"] == "invalid_grant")
    #expect(try await journey.records().contains { $0.reason == "token-reused" })
  }

  @Test func `a state of a thousand special characters comes back, by short addresses of ours`()
    async throws
  {
    let journey = try await begin()
    let state = String(repeating: "\"€", count: AuthorizationRequest.stateBytesMax / 4)
    let query = Journey.request(["state": state])
    let first = try await journey.provider.authorize(journey.visit(query: query))
    let login = try #require(first.headers["location"])
    #expect(login.hasPrefix("/login?") && login.utf8.count < 2_048)
    let signedIn = try await journey.signIn(query)
    let onward = try #require(signedIn.headers["location"])
    #expect(onward.utf8.count < 2_048)
    let page = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    let back = try parameters(of: try await journey.decide("allow", on: page))
    #expect(back["state"] == state)
    #expect(back["code"] != nil)
    // What nobody came back to is gone.
    journey.wait(KeptRequests.lifetime)
    let late = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    #expect(late.status == 400)
  }

  @Test func `requests that are kept have a bound for each address`() async throws {
    let journey = try await begin()
    for number in 0...KeptRequests.perPlaceMax {
      try await journey.store.keep(
        request: "n=\(number)", handle: "h\(number)", place: [1],
        at: journey.now + .seconds(number))
    }
    #expect(try await journey.store.keptRequest("h0", at: journey.now) == nil)
    #expect(try await journey.store.keptRequest("h1", at: journey.now) == "n=1")
    try await journey.store.forget(at: journey.now + .seconds(2_000))
    #expect(try await journey.store.keptRequest("h1", at: journey.now) == nil)
  }

  @Test func `an ID token alone leads back after signing out`() async throws {
    let journey = try await begin()
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let token = try #require(try await journey.redeem(code).1["id_token"]?.string)
    journey.wait(.seconds(3_600))
    let wish = ["id_token_hint": token, "post_logout_redirect_uri": "https://app.example/bye"]
    func location(_ more: [String: String] = [:]) async throws -> String? {
      journey.forgetCookies()
      return try await journey.provider.getLogout(
        journey.visit(query: wish.merging(more) { $1 })
      ).headers["location"]
    }
    #expect(try await location() == "https://app.example/bye")
    #expect(try await location(["client_id": "\(Journey.clientID)"]) != nil)
    #expect(
      try await location(["client_id": "0194a2b0-0000-7000-8000-000000000002"]) == nil)
    #expect(try await location(["id_token_hint": String(token.dropLast(4)) + "AAAA"]) == nil)
    // And an application may send a form, which the browser follows as a link.
    let posted = try await journey.provider.logout(
      journey.visit(form: wish.map { ($0.key, $0.value) }, origin: "https://app.example"))
    #expect(posted.status == 303)
    #expect(posted.headers["location"]?.hasPrefix("/logout?client_id=") == true)
  }

  @Test func `the authorization request comes as a form too`() async throws {
    let journey = try await begin()
    let request = Journey.request()
    let answer = try await journey.provider.authorizeByPost(
      journey.visit(form: request.map { ($0.key, $0.value) }, origin: "https://app.example"))
    #expect(answer.status == 303)
    #expect(answer.headers["location"]?.hasPrefix("/oauth2/authorize?client_id=") == true)
    #expect(try parameters(of: answer)["state"] == "s&1")
    let wrong = try await journey.provider.authorizeByPost(
      journey.visit(form: [("client_id", "\(Journey.clientID)")]))
    #expect(wrong.status == 400)
  }

  @Test func `Basic is answered in its own scheme, and may name a public client`() async throws {
    let journey = try await begin()
    let code = try #require(try await journey.allow(Journey.request())["code"])
    func basic(_ text: String) -> String { "Basic \(PaddedBase64.encode(Array(text.utf8)))" }
    let form = [
      ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", Journey.redirect),
      ("code_verifier", Journey.verifier),
    ]
    let secret = try await journey.provider.token(
      journey.visit(form: form, authorization: basic("\(Journey.clientID):s3cret")))
    #expect(secret.status == 401)
    #expect(secret.headers["www-authenticate"] == "Basic realm=\"strongroom\"")
    let text = try JSON.parse(secret.body)["error_description"]?.string
    #expect(text?.contains("private_key_jwt") == true)
    let bare = try await journey.provider.token(
      journey.visit(form: form, authorization: basic("\(Journey.clientID):")))
    #expect(bare.status == 200)
  }

  @Test func `9 kB of other applications' cookies do not hide ours`() {
    let value = String(repeating: "A", count: Cookie.valueCharacters)
    let other = String(repeating: "x", count: 9_000)
    #expect(
      Cookie.session.value(in: "other=\(other); \(Cookie.session.rawValue)=\(value)") == value)
  }

  @Test func `discovery tells of all of it, at both addresses`() async throws {
    let journey = try await Journey()
    let members = try JSON.parse(journey.provider.configuration().body)
    let algorithms = members["id_token_signing_alg_values_supported"]?.array ?? []
    #expect(algorithms.contains("RS256"))
    #expect(members["client_assertion_lifetime_max"] == 3_600)
    for scope in ["profile", "email", "offline_access", "payments:create"] {
      #expect(members["scopes_supported"]?.array?.contains(.string(scope)) == true)
    }
    #expect(IdentityOperations.getServerMetadata.path == "/.well-known/oauth-authorization-server")
  }

  @Test(arguments: [
    ("https://app.example", true), ("https://app.example:8443", true),
    ("http://localhost:3000", true), ("http://localhost", true), ("http://127.0.0.1:5173", true),
    ("https://app.example/", false), ("https://app.example:443", false), ("null", false),
    ("*", false), ("http://app.example", false), ("https://APP.example", false),
    ("http://localhost.evil.example", false), ("http://localhost:", false), ("", false),
    ("com.example.app:/x", false), ("https://*.example", false),
  ]) func `an origin is registered as browsers send it`(_ text: String, _ isOne: Bool) {
    #expect((WebOrigin(text) != nil) == isOne)
  }

  @Test func `origins of all clients are told to the door`() async throws {
    let journey = try await begin(
      NewClient(
        id: Journey.clientID, name: "SPA", kind: .public, grants: [.authorizationCode],
        redirectURIs: ["https://app.example/cb"], scopes: ["openid"],
        webOrigins: ["https://app.example", "http://localhost:3000"]))
    #expect(
      try await journey.store.webOrigins() == ["http://localhost:3000", "https://app.example"])
  }
}

extension `What stock clients ask for:` {
  @Test func `a home of the build before keeps its keys and its refresh tokens`() async throws {
    // About files.
    guard StoreKind.current == .sqlite else { return }
    // A folder of its own: a store takes its folder's mode in hand.
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("identity-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/identity.sqlite"
    try await fillAsBefore(path)
    let new = try Store.open(path: path, migrations: IdentityService.migrations, clock: .system)
    try await new.read { snapshot in
      let keys = try snapshot.rows("SELECT kid, algorithm FROM signing_keys")
      #expect(try keys.map { try $0.text("algorithm") } == ["EdDSA"])
      let tokens = try snapshot.rows("SELECT repeatable_until FROM refresh_tokens")
      #expect(try tokens.map { try $0.optionalInteger("repeatable_until") } == [nil])
    }
    new.close()
  }

  /// The store is let go of with this: one store has one owner.
  private func fillAsBefore(_ path: String) async throws {
    let old = try Store.open(
      path: path, migrations: Array(IdentityService.migrations.prefix(4)), clock: .system)
    try await old.write { transaction in
      for (table, values) in [
        ("signing_keys", "('k', 'EdDSA', x'01', 'active', NULL)"),
        ("people", "('p', x'02', 'h', 1)"), ("clients", "('c', x'03', 1)"),
        ("families", "('f', 'c', 'p', 's', 'openid', 1, 0, NULL, 9)"),
        ("refresh_tokens", "(x'04', 'f', 0, 1)"),
      ] {
        _ = try transaction.execute("INSERT INTO \(table) VALUES \(values)", [])
      }
    }
    old.close()
  }

  @Test func `assertions that are remembered have a bound for each client`() async throws {
    let journey = try await Journey()
    let id = Journey.clientID
    func use(_ jti: String) async throws -> AssertionUse {
      try await journey.store.use(
        assertion: jti, of: id, until: journey.now + .seconds(60), rememberedMax: 2)
    }
    #expect(try await use("a") == .first)
    #expect(try await use("a") == .replayed)
    #expect(try await use("b") == .first)
    #expect(try await use("c") == .tooMany)
    try await journey.store.forget(at: journey.now + .seconds(60))
    #expect(try await use("c") == .first)
  }
}

@Suite(.onEachStore) struct `A client that knows RS256 only` {
  private let key = SigningKey.generate(.rs256, .system).identified(as: "r1")

  @Test func `gets ID tokens signed with it, and nothing else`() async throws {
    let journey = try await Journey()
    try await journey.addPerson()
    #expect(try KeySet(jwks: journey.keys.published(at: journey.now)).keys.count == 2)
    let client = NewClient(
      id: Journey.clientID, name: "Old library", kind: .public, grants: [.authorizationCode],
      redirectURIs: [Journey.webRedirect], scopes: ["openid"], idTokenAlgorithm: "RS256")
    _ = try await journey.provider.registerClient(client, journey.visit())
    let code = try await journey.allow(Journey.webRequest(scope: "openid"))["code"]
    let (_, tokens) = try await journey.redeem(
      try #require(code), ["redirect_uri": Journey.webRedirect])
    let identity = try UnverifiedToken(try #require(tokens["id_token"]?.string))
    #expect(identity.header.algorithm == .rs256)
    let published = try KeySet(jwks: journey.keys.published(at: journey.now))
    #expect(published.keys.count == 4)
    _ = try identity.verified(by: published, algorithms: [.rs256])
    let access = try UnverifiedToken(try #require(tokens["access_token"]?.string))
    #expect(access.header.algorithm == .es256)
    // Its keys change without the others, and are sealed as they are.
    let rotated = try await journey.provider.rotateKey(KeyRotation(alg: "RS256"), journey.visit())
    #expect(rotated.alg == "RS256")
    #expect(published.key(for: rotated.kid) != nil)
    #expect(journey.isGood(try #require(tokens["access_token"]?.string)))
    for (entry, sealed) in try await journey.store.signingKeys() {
      #expect(!sealed.isEmpty && (sealed.count > 1_000) == (entry.algorithm == .rs256))
    }
  }

  @Test func `proves itself with a key of 2,048 bits or more`() async throws {
    let journey = try await Journey()
    let jwk = try StrictJSON.decode(
      PublishedKey.self, from: key.verificationKey.jwk().canonicalBytes)
    let id = try #require(ClientID("0194a2b0-0000-7000-8000-0000000000aa"))
    func client(_ key: PublishedKey) -> NewClient {
      NewClient(
        id: id, name: "Batch", kind: .confidential, grants: [.clientCredentials],
        scopes: ["payments:read"], keys: [key])
    }
    let short = PublishedKey(
      kty: "RSA", n: "sXchOMpBU3fLHhTDtbCO", e: "AQAB", kid: "r1", alg: "RS256")
    await #expect(throws: ClientRefusal.badKeys) {
      try await journey.provider.registerClient(client(short), journey.visit())
    }
    _ = try await journey.provider.registerClient(client(jwk), journey.visit())
    let now = journey.now.seconds
    let claims: [String: JSON] = [
      "iss": .string("\(id)"), "sub": .string("\(id)"), "jti": "1",
      "aud": .string(Journey.issuer + "/oauth2/token"), "iat": .number(Double(now) + 0.25),
      "exp": .number(Double(now) + 3_600.75),
    ]
    func ask(_ claims: [String: JSON]) async throws -> (status: Int, JSON) {
      try await journey.token([
        ("grant_type", "client_credentials"), ("scope", "payments:read"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", try key.token(type: "JWT", claims: .object(claims))),
      ])
    }
    #expect(try await ask(claims).status == 200)
    for (changes, words) in [
      (["exp": .integer(now + 7_200)], "at most 3600 seconds ahead"),
      (["aud": "https://else.example"], "aud must be"), ([:], "jti was used before"),
      (["iss": "me"], "iss must be"), (["exp": .integer(now - 60)], "expired"),
    ] as [([String: JSON], String)] {
      let (status, error) = try await ask(claims.merging(changes) { $1 })
      #expect(status == 401)
      #expect(error["error_description"]?.string?.contains(words) == true, "\(error)")
    }
  }
}
