import AuditAPI
import AuthorityAPI
import Chassis
import Crypto
import Foundation
import Identity
import IdentityAPI
import Sealing
import StrictJSON
import TestKit
import Testing
import Tokens
import Transport
import Vocabulary

@Suite(.onEachStore) struct `A client's assertion` {
  private static let id = ClientID("0194a2b0-0000-7000-8000-0000000000aa")!  // A well formed UUID.
  private let key = SigningKey.generate(.es256, .system).identified(as: "k1")

  private func begin() async throws -> Journey {
    let journey = try await Journey()
    _ = try await journey.provider.registerClient(try client(), journey.visit())
    return journey
  }

  private func client() throws -> NewClient {
    NewClient(
      id: Self.id, name: "Night batch", kind: .confidential, grants: [.clientCredentials],
      scopes: ["payments:create", "payments:read"],
      keys: [
        try StrictJSON.decode(PublishedKey.self, from: key.verificationKey.jwk().canonicalBytes)
      ])
  }

  private func assertion(
    _ journey: Journey, _ changes: [String: JSON?] = [:], key: SigningKey? = nil,
    type: String = "JWT"
  ) throws -> String {
    var claims: [String: JSON] = [
      "iss": .string("\(Self.id)"), "sub": .string("\(Self.id)"),
      "aud": .string(Journey.issuer + "/oauth2/token"), "jti": "j1",
      "iat": .integer(journey.now.seconds), "exp": .integer(journey.now.seconds + 60),
    ]
    for (name, value) in changes { claims[name] = value }
    return try (key ?? self.key).token(type: type, claims: .object(claims))
  }

  private func ask(
    _ journey: Journey, _ assertion: String, scope: String = "payments:create",
    _ more: [(String, String)] = []
  ) async throws -> (status: Int, JSON) {
    try await journey.token(
      [
        ("grant_type", "client_credentials"), ("scope", scope),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
      ] + more)
  }

  @Test func `gets a token for the client itself`() async throws {
    let journey = try await begin()
    let (status, tokens) = try await ask(journey, assertion(journey))
    #expect(status == 200)
    let access = try claims(tokens["access_token"])
    #expect(access["sub"]?.string == "\(Self.id)")
    #expect(access["client_id"]?.string == "\(Self.id)")
    #expect(tokens["refresh_token"] == nil)
    #expect(tokens["id_token"] == nil)
  }

  @Test func `is held against the keys that are registered now`() async throws {
    let journey = try await begin()
    let other = SigningKey.generate(.es256, .system).identified(as: "k2")
    let published = try StrictJSON.decode(
      PublishedKey.self, from: other.verificationKey.jwk().canonicalBytes)
    let journal = Journal(
      correlation: try #require(CorrelationID(bits: 1)), caller: "operator", at: journey.now,
      randomness: journey.randomness)
    let record = try await journey.store.change(
      Self.id, by: ClientChange(keys: [published]), scopes: .standard, journal: journal)
    #expect(record.registration.keys == [published])
    #expect(try await ask(journey, assertion(journey)).status == 401)
    let (status, _) = try await ask(journey, assertion(journey, ["jti": "j2"], key: other))
    #expect(status == 200)
    // What the lost key opened is dead.
    let entry = try #require(try await journey.store.feed().entries.last)
    #expect(entry.kind == .client && entry.issuedBefore != nil)
  }

  @Test func `works once`() async throws {
    let journey = try await begin()
    let assertion = try assertion(journey)
    #expect(try await ask(journey, assertion).status == 200)
    let (status, error) = try await ask(journey, assertion)
    #expect(status == 401)
    #expect(error["error"] == "invalid_client")
    #expect(try await journey.records().contains { $0.reason == "assertion-replayed" })
    // Also when it has been forgotten: then it has expired.
    journey.wait(.seconds(71))
    try await journey.store.forget(at: journey.now)
    #expect(try await ask(journey, assertion).status == 401)
  }

  @Test func `is refused when anything in it is off`() async throws {
    let journey = try await begin()
    let now = journey.now.seconds
    let wrong: [(String, [String: JSON?])] = [
      ("issuer", ["iss": "somebody"]), ("subject", ["sub": "somebody"]),
      ("no audience", ["aud": nil]), ("audience", ["aud": "https://evil.example"]),
      ("two audiences", ["aud": [.string(Journey.issuer), "https://evil.example"]]),
      ("a number among audiences", ["aud": [.string(Journey.issuer), 1]]), ("none", ["aud": []]),
      ("no jti", ["jti": nil]), ("empty jti", ["jti": ""]),
      ("long jti", ["jti": .string(String(repeating: "j", count: 256))]),
      ("no expiry", ["exp": nil]), ("expired", ["exp": .integer(now - 10)]),
      ("lives too long", ["exp": .integer(now + 3_611)]), ("huge expiry", ["exp": .integer(.max)]),
      ("text expiry", ["exp": .string("\(now + 60)")]),
      ("from the future", ["iat": .integer(now + 11)]),
      ("not yet", ["nbf": .integer(now + 11)]),
    ]
    for (name, changes) in wrong {
      let (status, error) = try await ask(journey, assertion(journey, changes))
      #expect(status == 401, "\(name)")
      #expect(error["error"] == "invalid_client", "\(name)")
    }
    let foreign = SigningKey.generate(.es256, .system).identified(as: "k1")
    #expect(try await ask(journey, assertion(journey, key: foreign)).status == 401)
    #expect(try await ask(journey, assertion(journey, type: "at+jwt")).status == 401)
    #expect(try await ask(journey, "a.b.c").status == 401)
    // And at the limits it is accepted.
    let right: [[String: JSON?]] = [
      ["exp": .integer(now + 3_600), "jti": "j2"], ["aud": [.string(Journey.issuer)], "jti": "j3"],
      ["jti": .string(String(repeating: "j", count: 255))], ["iat": nil, "jti": "j4"],
      ["aud": [.string(Journey.issuer), .string(Journey.issuer + "/oauth2/token")], "jti": "j5"],
    ]
    for changes in right {
      #expect(try await ask(journey, assertion(journey, changes)).status == 200)
    }
  }

  @Test func `opens only what the client is registered for`() async throws {
    let journey = try await begin()
    for (turn, scope) in ["accounts:read", "openid", "nonsense", ""].enumerated() {
      let proof = try assertion(journey, ["jti": .string("s\(turn)")])
      #expect(try await ask(journey, proof, scope: scope).1["error"] == "invalid_scope")
    }
    let proof = try assertion(journey, ["jti": "code"])
    let (_, error) = try await journey.token([
      ("grant_type", "authorization_code"),
      ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
      ("client_assertion", proof), ("code", "c"), ("redirect_uri", "r"), ("code_verifier", "v"),
    ])
    #expect(error["error"] == "unauthorized_client")
  }

  @Test func `cannot be left out by a confidential client, nor replaced by a secret`() async throws
  {
    let journey = try await begin()
    let bare = [("grant_type", "client_credentials"), ("scope", "payments:create")]
    #expect(try await journey.token(bare + [("client_id", "\(Self.id)")]).status == 401)
    #expect(try await journey.token(bare).status == 401)
    #expect(
      try await journey.token(
        bare + [("client_id", "\(Self.id)"), ("client_secret", "s")]
      ).status == 401)
    let basic = try await journey.provider.token(
      journey.visit(form: bare, authorization: "Basic YTpi"))
    #expect(basic.status == 401)
    let other = try await ask(
      journey, assertion(journey), [("client_id", "\(Journey.clientID)")])
    #expect(other.status == 401)
  }
}

extension `A client's assertion` {
  fileprivate func ask(
    _ journey: Journey, _ assertion: String, _ more: [(String, String)]
  ) async throws -> (status: Int, JSON) {
    try await ask(journey, assertion, scope: "payments:create", more)
  }
}

@Suite(.onEachStore) struct `The token endpoint` {
  @Test func `takes forms only, each parameter once`() async throws {
    let journey = try await Journey()
    let json = try await journey.provider.token(
      journey.visit(form: [("grant_type", "x")], contentType: "application/json"))
    #expect(json.status == 400)
    let twice = try await journey.token([("grant_type", "x"), ("grant_type", "x")])
    #expect(twice.1["error"] == "invalid_request")
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let client = [("client_id", "\(Journey.clientID)")]
    #expect(try await journey.token(client).1["error"] == "invalid_request")
    let password = try await journey.token(client + [("grant_type", "password")])
    #expect(password.1["error"] == "unsupported_grant_type")
    let own = try await journey.token(client + [("grant_type", "client_credentials")])
    #expect(own.1["error"] == "unauthorized_client")
  }
}

@Suite(.onEachStore) struct `Registration` {
  private let id = Journey.clientID

  private func refusal(_ client: NewClient) async throws -> ClientRefusal? {
    let journey = try await Journey()
    do {
      _ = try await journey.provider.registerClient(client, journey.visit())
      return nil
    } catch let refusal as ClientRefusal {
      return refusal
    }
  }

  private func client(
    name: String = "App", kind: NewClient.Kind = .public,
    grants: [NewClient.Grant] = [.authorizationCode], uris: [String] = ["https://app.example/cb"],
    scopes: [String] = ["openid"], keys: [PublishedKey]? = nil
  ) -> NewClient {
    NewClient(
      id: id, name: name, kind: kind, grants: grants, redirectURIs: uris, scopes: scopes,
      keys: keys)
  }

  @Test func `of a client names the first rule that is broken`() async throws {
    let offCurve = PublishedKey(
      kty: "EC", crv: "P-256", x: String(repeating: "A", count: 43),
      y: String(repeating: "A", count: 43), kid: "k", alg: "ES256")
    let table: [(ClientRefusal?, NewClient)] = [
      (nil, client()), (.badName, client(name: "")),
      (nil, client(name: String(repeating: "n", count: 60))),
      (.badName, client(name: String(repeating: "n", count: 61))),
      (.badName, client(name: "a\u{0}")), (.badGrants, client(grants: [])),
      (.badGrants, client(grants: [.refreshToken], uris: [])),
      (.badGrants, client(grants: [.clientCredentials], uris: [])),
      (.localhostRedirectURI, client(uris: ["http://localhost:3000/cb"])),
      (.badRedirectURI, client(uris: [])), (.badRedirectURI, client(uris: ["http://app.example"])),
      (.badRedirectURI, client(uris: (0...10).map { "https://app.example/\($0)" })),
      (nil, client(uris: (1...10).map { "https://app.example/\($0)" })),
      (.badScopes, client(scopes: [])),
      (.badScopes, client(scopes: ["openid", "offline_access"])),
      (.badKeys, client(kind: .confidential)), (.badKeys, client(keys: [offCurve])),
      (.badKeys, client(kind: .confidential, keys: [offCurve])),
    ]
    for (expected, client) in table {
      #expect(try await refusal(client) == expected, "\(client)")
    }
  }

  @Test func `never gives a person and a client the same subject`() async throws {
    let journey = try await Journey()
    let person = NewPerson(
      id: try #require(PersonID("\(id)")), login: "ada", password: Journey.password)
    _ = try await journey.provider.createPerson(person, journey.visit())
    await #expect(throws: ClientRefusal.idOfPerson) {
      try await journey.provider.registerClient(client(), journey.visit())
    }
    let other = try await Journey()
    _ = try await other.provider.registerClient(client(), other.visit())
    await #expect(throws: PersonRefusal.idOfClient) {
      try await other.provider.createPerson(person, other.visit())
    }
  }

  @Test func `is safe to repeat, and never changes what was there`() async throws {
    let journey = try await Journey()
    let first = try await journey.provider.registerClient(client(), journey.visit())
    journey.wait(.seconds(5))
    #expect(try await journey.provider.registerClient(client(), journey.visit()) == first)
    await #expect(throws: ClientRefusal.exists) {
      try await journey.provider.registerClient(client(name: "Other"), journey.visit())
    }
    let person = NewPerson(id: journey.person, login: "ada", password: Journey.password)
    let born = try await journey.provider.createPerson(person, journey.visit())
    #expect(try await journey.provider.createPerson(person, journey.visit()) == born)
    await #expect(throws: PersonRefusal.exists) {
      try await journey.provider.createPerson(
        NewPerson(id: journey.person, login: "ada", password: "another long word"),
        journey.visit())
    }
    await #expect(throws: PersonRefusal.loginTaken) {
      try await journey.provider.createPerson(
        NewPerson(id: PersonID(bits: 5), login: "ADA", password: Journey.password),
        journey.visit())
    }
    await #expect(throws: PasswordObjection.tooShort) {
      try await journey.provider.createPerson(
        NewPerson(id: PersonID(bits: 6), login: "eda", password: "short"), journey.visit())
    }
  }
}

@Suite struct `The identity store` {
  @Test func `holds neither login, password, cookie, code, token nor private key in the clear`()
    async throws
  {
    let journey = try await Journey()
    try await journey.addPerson(login: "ada@example.org")
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    let (_, tokens) = try await journey.redeem(code)
    var secrets = [
      "ada@example.org", Journey.password, code, try #require(tokens["refresh_token"]?.string),
      try #require(tokens["access_token"]?.string), try #require(journey.cookie(.session)),
      "192.0.2.1", "Byron",
    ]
    secrets += secrets.map { Data($0.utf8).base64EncodedString() }
    var found = 0
    for suffix in ["", "-wal"] {
      let file = try Data(contentsOf: URL(filePath: journey.folder + "/identity.sqlite" + suffix))
      #expect(!file.isEmpty)
      for secret in secrets {
        for bytes in [Data(secret.utf8), secret.data(using: .utf16LittleEndian) ?? Data()] {
          #expect(file.range(of: bytes) == nil, "\(secret)")
        }
      }
      if file.range(of: Data("\(journey.person)".utf8)) != nil { found += 1 }
    }
    // The search finds what is there.
    #expect(found > 0)
    for record in try await journey.records() {
      let text = String(decoding: try StrictJSON.encode(record), as: UTF8.self)
      for secret in secrets { #expect(!text.contains(secret)) }
    }
  }

  @Test func `is sealed anew after a rotation, and opens with the new key alone`() async throws {
    let journey = try await Journey()
    let old = journey.randomness.bytes(32)
    let new = journey.randomness.bytes(32)
    let first = try Keyring(keys: [2: old], current: 2, randomness: journey.randomness)
    #expect(journey.sealing.replace(with: first, at: journey.now))
    // Under a key that is not the one it was sealed with it does not open.
    await #expect(throws: SealingRefusal.unknownKey(version: 1)) {
      try await journey.store.reseal(first)
    }
    let fresh = try await Journey(seed: 2)
    let both = try Keyring(
      keys: [1: Randomness.seeded(2).bytes(32), 2: new], current: 2, randomness: .system)
    #expect(try await fresh.store.reseal(both) == 4)
    #expect(try await fresh.store.reseal(both) == 0)
    let alone = try Keyring(keys: [2: new], current: 2, randomness: .system)
    let secrets = try await fresh.store.secrets(alone, randomness: .system)
    #expect(secrets.blindIndex.bitCount == 256)
  }

  @Test func `forgets what has expired, and its feed never counts again from the start`()
    async throws
  {
    let journey = try await Journey()
    try await journey.addPerson()
    _ = try await journey.provider.registerClient(Journey.publicClient(), journey.visit())
    let code = try #require(try await journey.allow(Journey.request())["code"])
    _ = try await journey.redeem(code)
    _ = try await journey.redeem(code)
    #expect(try await journey.store.feed().next == 1)
    journey.wait(.seconds(40 * 86_400))
    try await journey.store.forget(at: journey.now)
    #expect(try await journey.store.feed().entries.isEmpty)
    // The session is over, the consent is remembered.
    let signedIn = try await journey.signIn(Journey.webRequest())
    let back = try await journey.provider.authorize(
      journey.visit(query: try parameters(of: signedIn)))
    let again = try #require(try parameters(of: back)["code"])
    _ = try await journey.redeem(again, ["redirect_uri": Journey.webRedirect])
    _ = try await journey.redeem(again, ["redirect_uri": Journey.webRedirect])
    #expect(try await journey.store.feed().entries.map(\.number) == [2])
  }
}
