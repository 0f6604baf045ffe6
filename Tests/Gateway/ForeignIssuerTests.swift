import AuthorityAPI
import Chassis
import Crypto
import Gateway
import NIOCore
import NIOPosix
import StrictJSON
import Synchronization
import Testing
import Tokens
import Vocabulary

private let start = Instant(seconds: 1_800_000_000)
private let issuer = "https://idp.example/realms/staff"
private let person = "0193501d-7b00-7a3c-9d2e-000000000001"
private let client = "0193501d-7b00-7a3c-9d2e-000000000002"

/// An identity provider of others, as far as the gate can tell, and a clock that tests move.
private final class Provider: Sendable {
  struct State {
    var now = start
    var keys: [SigningKey] = [SigningKey(P256.Signing.PrivateKey(), id: "f-1")]
    var asked: [String] = []
    var isDown = false
    var issuer = "https://idp.example/realms/staff"
    var jwks = "https://keys.example/staff"
  }
  let state = Mutex(State())
  let gate: TokenGate

  init(algorithms: [String] = ["ES256"]) throws {
    let choice = IssuerChoice(
      issuer: issuer, audience: "bank-api", types: ["at+jwt"], algorithms: algorithms,
      subjectClaim: "person", clients: ["app": client], scopeClaim: "scope",
      scopes: ["view": ["accounts:read", "payments:read"], "pay": ["payments:create"]])
    #expect(choice.flaw == nil)
    let shared = Shared()
    gate = TokenGate(
      issuer: OutsideIssuer.issuer, revocations: RevocationPoint(),
      clock: Clock { shared.provider?.now ?? start },
      foreign: ForeignIssuers([choice]) { url in
        guard let provider = shared.provider else { throw Problem.defect }
        return try provider.answer(url)
      }
    ) { ["keys": []] }
    shared.set(self)
    try gate.replaceKeys(jwks: OutsideIssuer().jwks, at: start)
    try gate.revoke([], at: start)
  }

  /// The gate asks whom it makes up after itself.
  private final class Shared: Sendable {
    private let kept = Mutex<Provider?>(nil)
    var provider: Provider? { kept.withLock { $0 } }
    func set(_ provider: Provider) { kept.withLock { $0 = provider } }
  }

  var now: Instant { state.withLock { $0.now } }
  var asked: [String] { state.withLock { $0.asked } }
  func pass(_ span: Duration) { state.withLock { $0.now = $0.now + span } }

  func answer(_ url: String) throws -> (status: Int, body: [UInt8]) {
    try state.withLock { state in
      state.asked.append(url)
      guard !state.isDown else { throw Problem.unavailable() }
      switch url {
      case issuer + "/.well-known/openid-configuration":
        let document: JSON = ["issuer": .string(state.issuer), "jwks_uri": .string(state.jwks)]
        return (200, document.canonicalBytes)
      case state.jwks:
        let keys = state.keys.map { $0.verificationKey.jwk() }
        return (200, JSON.object(["keys": .array(keys)]).canonicalBytes)
      default: return (404, [])
      }
    }
  }

  func token(
    type: String = "at+jwt", by key: SigningKey? = nil, _ changes: [String: JSON?] = [:]
  ) throws -> String {
    var members: [String: JSON] = [
      "iss": .string(issuer), "sub": "x", "person": .string(person), "aud": "bank-api",
      "iat": .integer(now.seconds), "exp": .integer(now.seconds + 300), "client_id": "app",
      "scope": "view other", "jti": .string("f-\(now.nanoseconds)"),
    ]
    for (name, value) in changes { members[name] = value }
    let signer = key ?? state.withLock { $0.keys[0] }
    return try signer.token(type: type, claims: .object(members))
  }

  func verdict(_ token: String) -> EntryRefusal? {
    try? gate.revoke([], at: now)
    return switch gate.check(token[...], at: now) {
    case .success: nil
    case .failure(let refusal): refusal
    }
  }
}

@Suite struct `A token of another issuer` {
  @Test func `means here what the operator's file says, and nothing more`() async throws {
    let provider = try Provider()
    await provider.gate.followForeign()
    let known = try provider.gate.check(provider.token()[...], at: start).get()
    #expect(known.subject == person && known.clientID == client)
    #expect(known.scopes.map(\.description).sorted() == ["accounts:read", "payments:read"])
    let list = try provider.token(["scope": ["pay", "view"]])
    #expect(try provider.gate.check(list[...], at: start).get().scopes.count == 3)
    #expect(
      provider.asked == [
        issuer + "/.well-known/openid-configuration", "https://keys.example/staff",
      ])
  }

  @Test func `is refused for each wrong claim, type, algorithm and key by name`() async throws {
    let provider = try Provider()
    await provider.gate.followForeign()
    let table: [([String: JSON?], EntryRefusal)] = [
      (["iss": "https://idp.example/realms/staff/"], .token(.unknownKey)),
      (["iss": .string(OutsideIssuer.issuer)], .token(.unknownKey)),
      (["aud": "strongroom-api"], .token(.wrongAudience)),
      (["exp": .integer(start.seconds - 60)], .token(.expired)),
      (["iat": JSON?.none], .token(.claimRefused("iat"))),
      (["exp": .integer(start.seconds + 90_000)], .token(.livesTooLong)),
      (["person": "auth0|7"], .claim("person")), (["person": JSON?.none], .claim("person")),
      (["client_id": "other"], .claim("client_id")), (["jti": JSON?.none], .claim("jti")),
      (["scope": 7], .claim("scope")),
    ]
    for (change, refusal) in table {
      #expect(provider.verdict(try provider.token(change)) == refusal, "\(change)")
    }
    #expect(provider.verdict(try provider.token(type: "jwt")) == .token(.wrongType))
    let edDSA = SigningKey(Curve25519.Signing.PrivateKey(), id: "f-1")
    #expect(provider.verdict(try provider.token(by: edDSA)) == .token(.algorithmRefused))
    let forger = SigningKey(P256.Signing.PrivateKey(), id: "f-1")
    #expect(provider.verdict(try provider.token(by: forger)) == .token(.badSignature))
  }

  @Test func `is judged by keys of yesterday while its issuer is away, and no longer`() async throws
  {
    let provider = try Provider()
    await provider.gate.followForeign()
    provider.state.withLock { $0.isDown = true }
    provider.pass(ForeignIssuers.staleMax - .seconds(1))
    await provider.gate.followForeign()
    #expect(provider.verdict(try provider.token()) == nil)
    provider.pass(.seconds(1))
    #expect(provider.verdict(try provider.token()) == .token(.unknownKey))
  }

  @Test func `with an unknown key costs its issuer one question in a minute`() async throws {
    let provider = try Provider()
    await provider.gate.followForeign()
    provider.pass(.seconds(61))
    let asked = provider.asked.count
    let key = SigningKey(P256.Signing.PrivateKey(), id: "f-2")
    let token = try provider.token(by: key)
    #expect(provider.verdict(token) == .token(.unknownKey))
    provider.state.withLock { $0.keys.append(key) }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    try await provider.gate.refreshKeys(for: token[...], on: loop).get()
    #expect(provider.verdict(token) == nil)
    for number in 0..<50 {
      let other = SigningKey(P256.Signing.PrivateKey(), id: "g-\(number)")
      try await provider.gate.refreshKeys(
        for: provider.token(by: other)[...], on: loop
      ).get()
    }
    #expect(provider.asked.count == asked + 2)
  }

  @Test func `is forgotten when the key that vouched for it is gone`() async throws {
    let provider = try Provider()
    await provider.gate.followForeign()
    let token = try provider.token()
    #expect(provider.verdict(token) == nil)
    provider.state.withLock { $0.keys = [SigningKey(P256.Signing.PrivateKey(), id: "f-9")] }
    provider.pass(.seconds(299))
    await provider.gate.followForeign()
    #expect(provider.verdict(token) == nil)
    provider.pass(.milliseconds(1_000))
    await provider.gate.followForeign()
    #expect(provider.verdict(try provider.token(by: nil)) == nil)
    #expect(provider.gate.rememberedCount == 1)
  }

  @Test func `has no keys where discovery speaks of another issuer, or of no https`() async throws {
    for change in [
      { (state: inout Provider.State) in state.issuer = issuer + "/" },
      { (state: inout Provider.State) in state.jwks = "http://keys.example/staff" },
      { (state: inout Provider.State) in state.jwks = "https://u@keys.example/" },
    ] {
      let provider = try Provider()
      provider.state.withLock { change(&$0) }
      await provider.gate.followForeign()
      #expect(provider.verdict(try provider.token()) == .token(.unknownKey))
    }
    #expect(
      IssuerMetadata.oauthPath(of: issuer)
        == "https://idp.example/.well-known/oauth-authorization-server/realms/staff")
  }
}
