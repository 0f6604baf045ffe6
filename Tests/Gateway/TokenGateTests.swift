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

private let now = Instant(seconds: 1_800_000_000)
private let clock = Clock { now }

private func gate(
  _ issuer: OutsideIssuer, clock: Clock = clock,
  fetch: @escaping @Sendable () async throws -> JSON = { ["keys": []] }
) throws -> TokenGate {
  let gate = TokenGate(
    issuer: OutsideIssuer.issuer, revocations: RevocationPoint(), clock: clock, fetch: fetch)
  try gate.replaceKeys(jwks: issuer.jwks, at: clock.now())
  try gate.revoke([], at: clock.now())
  return gate
}

private func verdict(
  _ gate: TokenGate, _ token: String, at moment: Instant = now
) -> EntryRefusal? {
  switch gate.check(token[...], at: moment) {
  case .success: nil
  case .failure(let refusal): refusal
  }
}

@Suite struct `The token gate` {
  @Test func `lets in a token of identity, by either algorithm, and knows what it says`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let tokens = [
      try issuer.token(at: now),
      try issuer.edDSA.token(type: "at+jwt", claims: OutsideIssuer.claims(at: now)),
      try issuer.token(at: now, type: "application/AT+JWT"),
      try issuer.token(at: now, ["aud": ["other", "strongroom-api"]]),
    ]
    for token in tokens {
      let known = try gate.check(token[...], at: now).get()
      #expect(known.subject == OutsideIssuer.subject)
      #expect(known.clientID == OutsideIssuer.client)
      #expect(known.scopes.map(\.description).sorted() == ["payments:create", "payments:read"])
    }
  }

  @Test func `takes no access token by a key for ID tokens, though identity publishes it`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let rsa = SigningKey.generate(.rs256, .system)
    let all = (issuer.jwks["keys"]?.array ?? []) + [rsa.verificationKey.jwk()]
    try gate.replaceKeys(jwks: ["keys": .array(all)], at: now)
    #expect(verdict(gate, try issuer.token(at: now)) == nil)
    let token = try rsa.token(type: "at+jwt", claims: OutsideIssuer.claims(at: now))
    #expect(verdict(gate, token) == .token(.algorithmRefused))
  }

  @Test func `refuses each wrong claim by name`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let table: [([String: JSON?], EntryRefusal)] = [
      (["iss": "https://evil.example"], .token(.wrongIssuer)),
      (["iss": JSON?.none], .token(.claimRefused("iss"))),
      (["aud": "another-api"], .token(.wrongAudience)),
      (["aud": JSON?.none], .token(.claimRefused("aud"))),
      (["exp": .integer(now.seconds - 3)], .token(.expired)),
      (["exp": "tomorrow"], .token(.claimRefused("exp"))),
      (["exp": .integer(now.seconds + 100_000)], .token(.livesTooLong)),
      (["nbf": .integer(now.seconds + 60)], .token(.notYetValid)),
      (["iat": .integer(now.seconds + 60)], .token(.issuedInFuture)),
      (["sub": JSON?.none], .claim("sub")),
      (["client_id": JSON?.none], .claim("client_id")),
      (["jti": JSON?.none], .claim("jti")),
      (["scope": JSON?.none], .claim("scope")),
    ]
    for (changes, expected) in table {
      #expect(verdict(gate, try issuer.token(at: now, changes)) == expected, "\(changes)")
    }
  }

  @Test func `withstands the attacks of RFC 8725`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let claims = OutsideIssuer.claims(at: now)
    let mallory = P256.Signing.PrivateKey()
    let byMallory: ([UInt8]) throws -> [UInt8] = {
      Array(try mallory.signature(for: $0).rawRepresentation)
    }
    // The public key as an HMAC secret: what a library that trusts `alg` would accept.
    let publicBytes = SymmetricKey(data: issuer.es256.verificationKey.jwk().canonicalBytes)
    let byHMAC: ([UInt8]) -> [UInt8] = {
      Array(HMAC<SHA256>.authenticationCode(for: $0, using: publicBytes))
    }
    let nothing: ([UInt8]) -> [UInt8] = { _ in [] }
    func header(_ more: [String: JSON]) -> JSON {
      .object(
        ["alg": "ES256", "typ": "at+jwt", "kid": "es-1"].merging(more) { _, new in new })
    }
    let key = VerificationKey(mallory.publicKey).jwk()
    let table: [(String, String, EntryRefusal)] = [
      (
        "alg none",
        OutsideIssuer.forged(header: header(["alg": "none"]), claims: claims, sign: nothing),
        .token(.algorithmRefused)
      ),
      (
        "alg nOnE",
        OutsideIssuer.forged(header: header(["alg": "nOnE"]), claims: claims, sign: nothing),
        .token(.algorithmRefused)
      ),
      (
        "HMAC with the public key",
        OutsideIssuer.forged(header: header(["alg": "HS256"]), claims: claims, sign: byHMAC),
        .token(.algorithmRefused)
      ),
      (
        "RS256",
        try OutsideIssuer.forged(header: header(["alg": "RS256"]), claims: claims, sign: byMallory),
        .token(.algorithmRefused)
      ),
      (
        "algorithm of another key",
        try OutsideIssuer.forged(header: header(["alg": "EdDSA"]), claims: claims, sign: byMallory),
        .token(.unknownKey)
      ),
      (
        "another key under a known kid",
        try OutsideIssuer.forged(header: header([:]), claims: claims, sign: byMallory),
        .token(.badSignature)
      ),
      (
        "empty signature", OutsideIssuer.forged(header: header([:]), claims: claims, sign: nothing),
        .token(.badSignature)
      ),
      (
        "all zero signature (CVE-2022-21449)",
        OutsideIssuer.forged(
          header: header([:]), claims: claims, sign: { _ in Array(repeating: 0, count: 64) }),
        .token(.badSignature)
      ),
      (
        "unknown kid",
        try OutsideIssuer.forged(header: header(["kid": "other"]), claims: claims, sign: byMallory),
        .token(.unknownKey)
      ),
      (
        "path in kid",
        try OutsideIssuer.forged(
          header: header(["kid": "../../../../dev/null"]), claims: claims, sign: byMallory),
        .token(.unknownKey)
      ),
      (
        "SQL in kid",
        try OutsideIssuer.forged(
          header: header(["kid": "' UNION SELECT 'x"]), claims: claims, sign: byMallory),
        .token(.unknownKey)
      ),
      (
        "kid is a number",
        try OutsideIssuer.forged(header: header(["kid": 1]), claims: claims, sign: byMallory),
        .token(.headerRefused("kid"))
      ),
      (
        "own key in jwk",
        try OutsideIssuer.forged(header: header(["jwk": key]), claims: claims, sign: byMallory),
        .token(.headerRefused("jwk"))
      ),
      (
        "own key by jku",
        try OutsideIssuer.forged(
          header: header(["jku": "https://evil.example/jwks"]), claims: claims, sign: byMallory),
        .token(.headerRefused("jku"))
      ),
      (
        "own key by x5u",
        try OutsideIssuer.forged(
          header: header(["x5u": "https://evil.example/c.pem"]), claims: claims, sign: byMallory),
        .token(.headerRefused("x5u"))
      ),
      (
        "unknown crit",
        try OutsideIssuer.forged(
          header: header(["crit": ["b64"], "b64": false]), claims: claims, sign: byMallory),
        .token(.headerRefused("crit"))
      ),
      ("an ID token", try issuer.token(at: now, type: "JWT"), .token(.wrongType)),
      ("a transaction token", try issuer.token(at: now, type: "txntoken+jwt"), .token(.wrongType)),
      ("not a token", "hello", .token(.malformed)),
      ("four parts", try issuer.token(at: now) + ".x", .token(.malformed)),
      ("padding", try issuer.token(at: now) + "=", .token(.malformed)),
      ("no signature", String(try issuer.token(at: now).prefix { $0 != "." }), .token(.malformed)),
    ]
    for (name, token, expected) in table {
      #expect(verdict(gate, token) == expected, "\(name)")
    }
    print("token attacks: \(table.count) of \(table.count) refused")
  }

  @Test func `refuses one changed bit anywhere in a token`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let token = Array(try issuer.token(at: now).utf8)
    for index in stride(from: 0, to: token.count, by: 7) {
      var changed = token
      changed[index] ^= 1
      #expect(verdict(gate, String(decoding: changed, as: UTF8.self)) != nil)
    }
  }

  @Test func `reads a token of its longest length and not one byte more`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    #expect(
      verdict(gate, String(repeating: "a", count: TokenGate.tokenBytesMax)) == .token(.malformed))
    #expect(
      verdict(gate, String(repeating: "a", count: TokenGate.tokenBytesMax + 1)) == .token(.tooLarge)
    )
  }

  @Test func `forgets a token when it expires, although it was verified before`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let token = try issuer.token(at: now)
    #expect(verdict(gate, token) == nil)
    #expect(verdict(gate, token, at: now + .seconds(299)) == nil)
    #expect(verdict(gate, token, at: now + .seconds(300)) == .token(.expired))
  }

  @Test(arguments: [
    RevocationHandle(.token, "token-1"), RevocationHandle(.family, "family-1"),
    RevocationHandle(.session, "session-1"), RevocationHandle(.client, OutsideIssuer.client),
  ])
  func `refuses a revoked token at once, remembered or new`(handle: RevocationHandle) throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let changes: [String: JSON?] = ["jti": "token-1", "sid": "session-1"]
    let remembered = try issuer.token(at: now, changes)
    let fresh = try issuer.token(at: now, changes)
    #expect(verdict(gate, remembered) == nil)
    try gate.revoke([(handle, now + .seconds(300))], at: now)
    #expect(verdict(gate, remembered) == .revoked)
    #expect(verdict(gate, fresh) == .revoked)
  }

  @Test func `keeps other tokens when one is revoked`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let token = try issuer.token(at: now)
    #expect(verdict(gate, token) == nil)
    try gate.revoke([(RevocationHandle(.family, "family-2"), now + .seconds(300))], at: now)
    #expect(verdict(gate, token) == nil)
    #expect(gate.rememberedCount == 1)
  }

  @Test func `refuses tokens of a key that identity no longer publishes`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let token = try issuer.token(at: now)
    #expect(verdict(gate, token) == nil)
    try gate.replaceKeys(jwks: ["keys": .array([issuer.edDSA.verificationKey.jwk()])], at: now)
    #expect(verdict(gate, token) == .token(.unknownKey))
  }

  @Test func `knows when identity has a key that it has not`() throws {
    let issuer = OutsideIssuer()
    let gate = try gate(issuer)
    let kids = issuer.jwks["keys"]?.array?.compactMap { $0["kid"]?.string } ?? []
    #expect(!kids.isEmpty && gate.knows(kids: kids))
    #expect(!gate.knows(kids: kids + ["announced"]))
  }

  @Test func `is informed only with all keys that identity announces and news of revocations`()
    throws
  {
    let issuer = OutsideIssuer()
    let kids = issuer.jwks["keys"]?.array?.compactMap { $0["kid"]?.string } ?? []
    let empty = TokenGate(
      issuer: "https://localhost", revocations: RevocationPoint(), clock: Clock { now }
    ) { [:] }
    try empty.revoke([], at: now)
    #expect(!empty.isInformed(at: now))
    let gate = try gate(issuer)
    #expect(gate.isInformed(at: now))
    #expect(!gate.isInformed(at: now + TokenGate.silenceForChangesMax))
    // Identity has a key that we cannot have: its set does not come, or cannot be read.
    #expect(!gate.knows(kids: kids + ["announced"]))
    #expect(throws: KeyRefusal.self) { try gate.replaceKeys(jwks: [:], at: now) }
    try gate.revoke([], at: now)
    #expect(!gate.isInformed(at: now))
    #expect(gate.knows(kids: kids) && gate.isInformed(at: now))
  }

  @Test func `shuts when it hears nothing of revocations, for changes first`() throws {
    let gate = try gate(OutsideIssuer())
    let changes = now + TokenGate.silenceForChangesMax
    let reads = now + TokenGate.silenceForReadsMax
    #expect(gate.knowsRevocations(forChanges: true, at: changes - .nanoseconds(1)))
    #expect(!gate.knowsRevocations(forChanges: true, at: changes))
    #expect(gate.knowsRevocations(forChanges: false, at: reads - .nanoseconds(1)))
    #expect(!gate.knowsRevocations(forChanges: false, at: reads))
  }

  @Test func `asks identity once in five seconds, however many unknown keys come`() async throws {
    let asked = Mutex(0)
    let time = Mutex(now)
    let moving = Clock { time.withLock { $0 } }
    let issuer = OutsideIssuer()
    let jwks = issuer.jwks
    let gate = try gate(issuer, clock: moving) {
      asked.withLock { $0 += 1 }
      return jwks
    }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    for _ in 0..<100 { try await gate.refreshKeys(on: loop).get() }
    #expect(asked.withLock { $0 } == 0, "the keys are fresh already")
    time.withLock { $0 = $0 + TokenGate.unknownKeyPause }
    for _ in 0..<100 { try await gate.refreshKeys(on: loop).get() }
    #expect(asked.withLock { $0 } == 1)
  }

  @Test(
    arguments: [
      ("Bearer abc", "abc"), ("bearer  abc", "abc"), ("Basic abc", nil), ("Bearer ", nil),
      ("Bearer", nil), ("", nil), ("DPoP abc", nil),
    ] as [(String, String?)])
  func `finds the bearer token in its field only`(field: String, expected: String?) {
    #expect(TokenGate.bearer(in: field).map(String.init) == expected)
  }
}
