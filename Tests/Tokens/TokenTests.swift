import Crypto
import StrictJSON
import TestKit
import Testing
import Tokens
import Vocabulary

private let now = Instant(seconds: 1_800_000_000)

private func key(_ algorithm: TokenAlgorithm = .es256, seed: UInt64 = 1) -> SigningKey {
  .generate(algorithm, .seeded(seed))
}

private func compact(header: String, payload: String = "{}", signedBy key: SigningKey) throws
  -> String
{
  let input = Base64URL.encode(header.utf8) + "." + Base64URL.encode(payload.utf8)
  return input + "." + Base64URL.encode(try key.signature(for: Array(input.utf8)))
}

private func verdict(_ token: String, _ keys: KeySet) -> TokenRefusal? {
  do {
    _ = try UnverifiedToken(token).verified(by: keys, algorithms: [.es256, .edDSA])
    return nil
  } catch {
    return error
  }
}

@Suite struct `A token` {
  @Test(arguments: TokenAlgorithm.own.sorted { $0.rawValue < $1.rawValue })
  func `verifies with its own key and no other`(_ algorithm: TokenAlgorithm) throws {
    let signer = key(algorithm)
    let token = try signer.token(type: "at+jwt", claims: ["sub": "a", "n": 1])
    let verified = try UnverifiedToken(token).verified(
      by: KeySet([signer.verificationKey, key(algorithm, seed: 2).verificationKey]),
      algorithms: [algorithm])
    #expect(verified.key == signer.verificationKey)
    #expect(verified.header.type == "at+jwt")
    #expect(verified.header.keyID == signer.verificationKey.thumbprint)
    #expect(String(decoding: verified.payload, as: UTF8.self) == #"{"n":1,"sub":"a"}"#)
    let stranger = key(algorithm, seed: 2).verificationKey.identified(as: signer.id)
    #expect(try verdict(token, KeySet([stranger])) == .badSignature)
    #expect(
      throws: TokenRefusal.unknownKey,
      performing: {
        let other: TokenAlgorithm = algorithm == .es256 ? .edDSA : .es256
        _ = try UnverifiedToken(token).verified(
          by: key(other).verificationKey, algorithms: [.es256, .edDSA])
      })
  }

  @Test(arguments: TokenAlgorithm.own.sorted { $0.rawValue < $1.rawValue })
  func `changed in any single character is refused`(_ algorithm: TokenAlgorithm) throws {
    let signer = key(algorithm)
    let keys = try KeySet([signer.verificationKey])
    let token = Array(try signer.token(type: "jwt", claims: ["sub": "a"]).utf8)
    #expect(verdict(String(decoding: token, as: UTF8.self), keys) == nil)
    for position in token.indices {
      for replacement in Array("AQ_.=".utf8) where token[position] != replacement {
        var changed = token
        changed[position] = replacement
        #expect(verdict(String(decoding: changed, as: UTF8.self), keys) != nil, "at \(position)")
      }
      var shorter = token
      shorter.remove(at: position)
      #expect(verdict(String(decoding: shorter, as: UTF8.self), keys) != nil, "without \(position)")
    }
  }

  @Test func `of RFC 7515 A.3 verifies`() throws {
    let jwk = try JSON.parse(
      Array(
        """
        {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",\
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
        """.utf8))
    let token = """
      eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv\
      bS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf\
      KTUJqPP3-Kg6NU1Q
      """
    #expect(try verdict(token, KeySet([VerificationKey(jwk: jwk)])) == nil)
  }

  // In the order of precedence: each has the faults of all that follow, as it has no valid
  // signature either.
  @Test(
    arguments: [
      ("not json", .malformed), ("[]", .malformed), (#"{"alg":"none","alg":"ES256"}"#, .malformed),
      (#"{"alg":"none","jwk":{}}"#, .headerRefused("jwk")),
      (#"{"alg":"none","jku":"https://evil.example/"}"#, .headerRefused("jku")),
      (#"{"alg":"none","x5u":"https://evil.example/"}"#, .headerRefused("x5u")),
      (#"{"alg":"none","crit":["b64"],"b64":false}"#, .headerRefused("crit")),
      (#"{"alg":"none","crit":[]}"#, .headerRefused("crit")),
      (#"{"alg":"none","b64":false}"#, .headerRefused("b64")),
      (#"{"alg":"none","typ":1}"#, .headerRefused("typ")),
      (#"{"alg":"none","kid":1}"#, .headerRefused("kid")),
      (#"{"alg":"none","kid":""}"#, .headerRefused("kid")),
      (#"{"alg":"none","x5c":[]}"#, .headerRefused("x5c")),
      (#"{"alg":"none","x5c":["A-_="]}"#, .headerRefused("x5c")),
      (#"{"alg":"none"}"#, .algorithmRefused), (#"{"alg":"None"}"#, .algorithmRefused),
      (#"{"alg":"es256"}"#, .algorithmRefused), (#"{"alg":"HS256"}"#, .algorithmRefused),
      (#"{"alg":"RS256"}"#, .algorithmRefused), (#"{"alg":"ES384"}"#, .algorithmRefused),
      (#"{"alg":7}"#, .algorithmRefused), (#"{}"#, .algorithmRefused),
      (#"{"alg":"ES256","kid":"../../../dev/null"}"#, .unknownKey),
      (#"{"alg":"ES256","kid":"x' OR '1'='1"}"#, .unknownKey),
      (#"{"alg":"ES256"}"#, .unknownKey), (#"{"alg":"EdDSA","kid":"one"}"#, .unknownKey),
      (#"{"alg":"ES256","kid":"two"}"#, .badSignature),
    ] as [(String, TokenRefusal)])
  func `is refused by its header`(_ header: String, _ refusal: TokenRefusal) throws {
    let one = key().identified(as: "one")
    let keys = try KeySet([
      one.verificationKey, key(.es256, seed: 2).verificationKey.identified(as: "two"),
    ])
    #expect(try verdict(compact(header: header, signedBy: one), keys) == refusal)
  }

  @Test func `without a kid is tried against a set of one key only`() throws {
    let signer = key()
    let token = try compact(header: #"{"alg":"ES256"}"#, signedBy: signer)
    #expect(try verdict(token, KeySet([signer.verificationKey])) == nil)
    #expect(
      try verdict(token, KeySet([signer.verificationKey, key(.edDSA).verificationKey]))
        == .unknownKey)
  }

  @Test func `signed with a symmetric key made of the public one is refused`() throws {
    let signer = P256.Signing.PrivateKey()
    let verifier = VerificationKey(signer.publicKey, id: "k")
    let keys = try KeySet([verifier])
    let secrets: [[UInt8]] = [
      Array(signer.publicKey.x963Representation), Array(signer.publicKey.rawRepresentation),
      Array(signer.publicKey.compressedRepresentation), Array(signer.publicKey.derRepresentation),
      Array(signer.publicKey.pemRepresentation.utf8), verifier.jwk().canonicalBytes, [],
    ]
    for secret in secrets {
      let input = Base64URL.encode(#"{"alg":"HS256","kid":"k"}"#.utf8) + ".e30"
      let code = HMAC<SHA256>.authenticationCode(
        for: Array(input.utf8), using: SymmetricKey(data: secret))
      #expect(verdict(input + "." + Base64URL.encode(code), keys) == .algorithmRefused)
    }
  }

  @Test func `is refused when the caller's list leaves its algorithm out`() throws {
    let signer = key(.edDSA)
    let token = try UnverifiedToken(signer.token(type: "jwt", claims: [:]))
    #expect(throws: TokenRefusal.algorithmRefused) {
      try token.verified(by: KeySet([signer.verificationKey]), algorithms: [.es256])
    }
    #expect(throws: TokenRefusal.algorithmRefused) {
      try token.verified(by: signer.verificationKey, algorithms: [])
    }
  }

  @Test func `of 16 KiB is read and one byte more is not`() throws {
    let signer = key()
    let keys = try KeySet([signer.verificationKey])
    // A quarter more by Base64; then grow to the limit exactly.
    var size = 11_900
    var token = ""
    while let longer = try? signer.token(type: "j", payload: claims(ofBytes: size)) {
      token = longer
      size += 1
    }
    #expect(token.utf8.count >= TokenLimits.bytesMax - 1)
    #expect(verdict(token, keys) == nil)
    #expect(throws: SigningFailure.tooLarge) {
      try signer.token(type: "j", payload: claims(ofBytes: size))
    }
    let padded = token + String(repeating: "A", count: TokenLimits.bytesMax - token.utf8.count)
    #expect(verdict(padded, keys) != .tooLarge)
    #expect(verdict(padded + "A", keys) == .tooLarge)
  }

  private func claims(ofBytes count: Int) -> [UInt8] {
    Array(#"{"a":""#.utf8) + Array(repeating: 97, count: count - 8) + Array(#""}"#.utf8)
  }

  @Test func `carries a certificate chain for the caller to judge`() throws {
    let signer = key().identified(as: nil)
    let chain: [[UInt8]] = [[0x30, 0xff, 0xfe], [0x30], Array(repeating: 7, count: 500)]
    let token = try UnverifiedToken(
      signer.token(
        type: "txntoken+jwt", claims: ["txn": "x"], certificates: chain, header: ["cty": "x"]))
    #expect(token.header.certificates == chain)
    #expect(token.header.keyID == nil)
    #expect(token.unverifiedClaims?["txn"] == "x")
    #expect(
      try token.verified(by: signer.verificationKey, algorithms: [.es256]).header.type
        == "txntoken+jwt")
    let many = Array(repeating: [UInt8(1)], count: TokenLimits.certificatesMax + 1)
    #expect(throws: TokenRefusal.headerRefused("x5c")) {
      try UnverifiedToken(signer.token(type: "j", claims: [:], certificates: many))
    }
    #expect(throws: Never.self) {
      try UnverifiedToken(
        signer.token(type: "j", claims: [:], certificates: Array(many.dropLast())))
    }
  }
}

@Suite struct `A key` {
  @Test(arguments: TokenAlgorithm.own.sorted { $0.rawValue < $1.rawValue })
  func `survives its JWK and its private bytes`(_ algorithm: TokenAlgorithm) throws {
    let signer = key(algorithm)
    #expect(try VerificationKey(jwk: signer.verificationKey.jwk()) == signer.verificationKey)
    #expect(try SigningKey(jwk: signer.privateJWK()).verificationKey == signer.verificationKey)
    let restored = try SigningKey(algorithm, privateBytes: signer.privateBytes, id: signer.id)
    #expect(restored.verificationKey == signer.verificationKey)
    let set = try KeySet([signer.verificationKey])
    #expect(try KeySet(jwks: set.jwks) == set)
  }

  @Test func `is never printed`() {
    let signer = key().identified(as: "k")
    var text = "\(signer) \(String(reflecting: signer))"
    dump(signer, to: &text)
    #expect(!text.contains(signer.privateJWK()["d"]?.string ?? "?"))
    #expect(text.hasPrefix("SigningKey(k)"))
  }

  @Test func `has the thumbprint of RFC 8037 A.3`() throws {
    let jwk: JSON = [
      "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    ]
    #expect(
      try VerificationKey(jwk: jwk).thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
  }

  @Test func `is refused for what it is or says`() throws {
    let good = key().verificationKey.jwk().object ?? [:]
    func refusal(_ changes: [(String, JSON?)]) -> KeyRefusal? {
      var jwk = good
      for (name, value) in changes { jwk[name] = value }
      do {
        _ = try VerificationKey(jwk: .object(jwk))
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal([]) == nil)
    #expect(refusal([("alg", nil), ("use", nil), ("kid", nil)]) == nil)
    let longest = String(repeating: "k", count: TokenLimits.keyIDBytesMax)
    let cases: [(String, JSON?, KeyRefusal?)] = [
      ("key_ops", ["verify"], nil), ("extra", 1, nil), ("kid", .string(longest), nil),
      ("kid", .string(longest + "k"), .malformed("kid")), ("kid", 7, .malformed("kid")),
      ("kid", "", .malformed("kid")), ("d", "AAAA", .privateKeyExposed),
      ("k", "AAAA", .privateKeyExposed), ("kty", nil, .malformed("kty")),
      ("kty", "oct", .symmetric), ("kty", "RSA", .unsupported), ("kty", "OKP", .unsupported),
      ("crv", "P-384", .unsupported), ("alg", "ES512", .unsupported),
      ("alg", "EdDSA", .unsupported), ("use", "enc", .wrongUse),
      ("key_ops", ["encrypt"], .wrongUse), ("key_ops", "verify", .wrongUse),
      ("x", "AAAA", .malformed("x")), ("x", nil, .malformed("x")), ("y", "=", .malformed("y")),
      // Not a point of the curve.
      ("y", good["x"], .malformed("x")),
    ]
    for (name, value, expected) in cases {
      #expect(refusal([(name, value)]) == expected, "\(name)")
    }
  }

  /// All eight points whose order divides eight: the five y there are, with either sign of x; the last five rows are
  /// spellings of them, and of one other point, that RFC 8032 §5.1.3 does not allow.
  static let weakPoints = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  ]

  @Test(arguments: weakPoints)
  func `of small order, or spelt another way than its own, is neither registered nor believed`(
    _ point: String
  ) throws {
    let raw = try #require(bytes(hex: point))
    let jwk: JSON = ["kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(raw))]
    #expect(throws: KeyRefusal.weak) { try VerificationKey(jwk: jwk) }
    // R = A, S = 0 fits a message in eight at least; R = the neutral element others.
    let key = VerificationKey(try Curve25519.Signing.PublicKey(rawRepresentation: raw))
    let neutral = [1] + [UInt8](repeating: 0, count: 31)
    for message in 0..<64 {
      for first in [raw, neutral] {
        let forged = first + [UInt8](repeating: 0, count: 32)
        #expect(!key.isValid(signature: forged, for: [UInt8(message)]))
      }
    }
  }

  @Test func `of others in a set does not take ours with it`() throws {
    let ours = key().verificationKey
    let strangers: [JSON] = [
      ["kty": "RSA", "n": "AQAB", "e": "AQAB"], ["kty": "oct", "k": "c2VjcmV0"],
      ["kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"], ["kty": "EC", "crv": "P-521"],
      ["kty": "OKP", "crv": "Ed448", "x": "AAAA"], ["kty": "EC", "crv": "P-256", "alg": "ES999"],
      ["kty": "EC", "crv": "P-256", "x": "AAAA"], [:], 7, "text",
      ["kty": "OKP", "crv": "Ed25519", "x": .string(String(repeating: "A", count: 43))],
    ]
    for stranger in strangers {
      #expect(try KeySet(jwks: ["keys": [stranger, ours.jwk(), stranger]]).keys == [ours])
    }
    let most = Array(repeating: strangers[0], count: TokenLimits.keySetMembersMax - 1)
    #expect(try KeySet(jwks: ["keys": .array(most + [ours.jwk()])]).keys == [ours])
    #expect(throws: KeyRefusal.tooMany) {
      try KeySet(jwks: ["keys": .array(most + [strangers[0], ours.jwk()])])
    }
    #expect(throws: KeyRefusal.malformed("x")) {
      try KeySet(jwks: ["keys": [strangers[0], strangers[6]]])
    }
    #expect(try KeySet(jwks: ["keys": [strangers[0]]]).keys.isEmpty)
  }

  @Test func `set is bounded and unambiguous`() throws {
    let keys = (0..<TokenLimits.keysMax + 1).map { key(.edDSA, seed: UInt64($0)).verificationKey }
    #expect(throws: Never.self) { try KeySet(Array(keys.dropLast())) }
    #expect(throws: KeyRefusal.tooMany) { try KeySet(keys) }
    #expect(throws: KeyRefusal.ambiguous) { try KeySet([keys[0], keys[0]]) }
    let foreign: JSON = ["kty": "RSA", "n": "AQAB", "e": "AQAB"]
    #expect(try KeySet(jwks: ["keys": [foreign, keys[0].jwk()]]).keys == [keys[0]])
    #expect(throws: KeyRefusal.symmetric) {
      try KeySet(jwks: ["keys": [["kty": "oct", "k": "c2VjcmV0"]]])
    }
    #expect(throws: KeyRefusal.malformed("keys")) { try KeySet(jwks: [:]) }
  }
}

@Suite struct `Base64url` {
  @Test func `has one spelling per value`() {
    let seed = testSeed("Base64url")
    let random = Randomness.seeded(seed)
    for count in 0..<200 {
      let bytes = random.bytes(count)
      #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes, "seed \(seed)")
    }
    for text in ["A", "AAAAA", "AB", "AAB", "AA==", "A+AA", "A/AA", "AA A", "AA\n", "é"] {
      #expect(Base64URL.decode(text) == nil, "\(text)")
    }
    // RFC 4648 §10.
    for (plain, text) in [
      ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
    ] {
      #expect(Base64URL.encode(plain.utf8) == text)
    }
  }
}
