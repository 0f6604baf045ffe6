import StrictJSON
import TestKit
import Testing
import Tokens
import Vocabulary

@Suite struct `RS256` {
  private static let signer = SigningKey.generate(.rs256, .system)

  @Test func `verifies with its own key, where the caller lists it, and only there`() throws {
    let signer = Self.signer
    let token = try signer.token(type: "JWT", claims: ["sub": "a"])
    let keys = try KeySet(jwks: ["keys": [signer.verificationKey.jwk()]])
    _ = try UnverifiedToken(token).verified(by: keys, algorithms: [.rs256])
    #expect(throws: TokenRefusal.algorithmRefused) {
      try UnverifiedToken(token).verified(by: keys, algorithms: TokenAlgorithm.own)
    }
    // No key serves for an algorithm that is not its own.
    let curve = SigningKey.generate(.es256, .seeded(1)).identified(as: signer.id)
    #expect(throws: TokenRefusal.unknownKey) {
      try UnverifiedToken(token).verified(
        by: curve.verificationKey, algorithms: Set(TokenAlgorithm.allCases))
    }
    let changed = String(token.dropLast(8)) + "AAAAAAAA"
    #expect(throws: TokenRefusal.badSignature) {
      try UnverifiedToken(changed).verified(by: keys, algorithms: [.rs256])
    }
  }

  @Test func `has keys that survive sealing, of 2,048 bits, and never print`() throws {
    let signer = Self.signer
    let restored = try SigningKey(.rs256, privateBytes: signer.privateBytes, id: signer.id)
    #expect(restored.verificationKey == signer.verificationKey)
    #expect(Base64URL.decode(signer.verificationKey.jwk()["n"]?.string ?? "")?.count == 256)
    #expect(signer.privateJWK()["d"] == nil)
    #expect("\(signer)".hasPrefix("SigningKey("))
    #expect(throws: KeyRefusal.malformed("d")) {
      try SigningKey(.rs256, privateBytes: Secret([1, 2, 3]), id: nil)
    }
  }

  @Test func `takes keys of 2,048 to 4,096 bits with the exponent 65,537`() throws {
    let good = Self.signer.verificationKey.jwk().object ?? [:]
    func modulus(bits: Int) -> JSON {
      var bytes = [UInt8](repeating: 0xff, count: (bits + 7) / 8)
      if bits % 8 != 0 { bytes[0] = 0xff >> (8 - bits % 8) }
      return .string(Base64URL.encode(bytes))
    }
    let cases: [(String, JSON?, KeyRefusal?)] = [
      ("extra", 1, nil), ("n", modulus(bits: 2_048), nil), ("n", modulus(bits: 4_096), nil),
      ("n", modulus(bits: 2_047), .unsupported), ("n", modulus(bits: 4_097), .unsupported),
      ("n", nil, .malformed("n")), ("n", "AAAA", .malformed("n")), ("e", "Aw", .unsupported),
      ("e", "AAEAAQ", .malformed("e")), ("e", nil, .malformed("e")),
      ("n", .string(Base64URL.encode([UInt8](repeating: 0xfe, count: 256))), .malformed("n")),
      ("d", "AQAB", .privateKeyExposed), ("p", "AQAB", .privateKeyExposed),
      ("alg", "PS256", .unsupported), ("alg", "RS512", .unsupported), ("use", "enc", .wrongUse),
      ("crv", "P-256", .unsupported),
    ]
    for (name, value, expected) in cases {
      var jwk = good
      jwk[name] = value
      do {
        _ = try VerificationKey(jwk: .object(jwk))
        #expect(expected == nil, "\(name)")
      } catch {
        #expect(error == expected, "\(name)")
      }
    }
  }

  @Test func `judges the RSA signatures of Wycheproof as they are`() throws {
    guard let text = try Testdata.file("crypto/wycheproof/json_web_signature_test.json") else {
      return
    }
    let parsed = try JSON.parse(text, limits: JSONLimits(depthMax: 64))
    var (all, valid) = (0, 0)
    for group in parsed["testGroups"]?.array ?? [] {
      let given = try #require((group["public"] ?? group["private"])?.object)
      guard given["kty"] == "RSA" else { continue }
      // The suite gives private keys where we want public ones.
      let names = ["kty", "n", "e", "alg", "use", "key_ops", "kid"]
      let jwk = given.filter { names.contains($0.key) }
      let isOurs = given["alg"] == "RS256"
      for test in group["tests"]?.array ?? [] {
        let isGood = test["result"] == "valid" && isOurs
        let verdict = try? UnverifiedToken(try #require(test["jws"]?.string)).verified(
          by: VerificationKey(jwk: .object(jwk)), algorithms: [.rs256])
        #expect((verdict != nil) == isGood, "tcId \(test["tcId"]?.integer ?? 0)")
        all += 1
        valid += isGood ? 1 : 0
      }
    }
    print("  Wycheproof, RSA: \(all) judged, \(valid) good")
    #expect(all > 100 && valid == 8)
  }
}
