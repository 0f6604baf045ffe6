import Crypto
import Foundation
import StrictJSON
import TestKit
import Testing
import Tokens
import Vocabulary

/// Wycheproof and the cookbook write many levels and long texts.
private let limits = JSONLimits(depthMax: 64)

private func refusal(_ token: String, jwk: JSON) -> String? {
  do {
    var jwk = jwk.object ?? [:]
    jwk["d"] = nil  // The suites give private keys where we want public ones.
    let keys = try KeySet([VerificationKey(jwk: .object(jwk))])
    _ = try UnverifiedToken(token).verified(by: keys, algorithms: [.es256, .edDSA])
    return nil
  } catch let error as TokenRefusal {
    return error.name
  } catch {
    return "key: \(error)"
  }
}

private func hex(_ text: String?) throws -> [UInt8] {
  let decoded = bytes(hex: text ?? "-")
  return try #require(decoded)
}

@Suite struct `Tokens against public suites` {
  @Test func `Wycheproof JSON web signatures`() throws {
    guard let text = try Testdata.file("crypto/wycheproof/json_web_signature_test.json") else {
      return
    }
    let groups = try JSON.parse(text, limits: limits)["testGroups"]?.array ?? []
    var (all, right, ours, oursRight, otherValid, otherInvalid) = (0, 0, 0, 0, 0, 0)
    for group in groups {
      let jwk = try #require(group["public"] ?? group["private"])
      let isOurs = jwk["kty"] == "EC" && jwk["crv"] == "P-256"
      for test in group["tests"]?.array ?? [] {
        let accepted = refusal(try #require(test["jws"]?.string), jwk: jwk) == nil
        let valid = test["result"] == "valid"
        let expected = isOurs && valid
        #expect(accepted == expected, "tcId \(test["tcId"]?.integer ?? 0)")
        all += 1
        right += accepted == expected ? 1 : 0
        if isOurs {
          ours += 1
          oursRight += accepted == expected ? 1 : 0
        } else if valid {
          otherValid += 1
        } else {
          otherInvalid += 1
        }
      }
    }
    #expect(all == 401)
    print(
      """
      Wycheproof JWS: \(right) of \(all) as required: ES256 \(oursRight) of \(ours); refused, for we do not \
      take their algorithms (RS, PS, HS, ES512): \(otherValid) valid, \(otherInvalid) invalid
      """)
  }

  @Test func `Wycheproof ECDSA signatures as r and s`() throws {
    let path = "crypto/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"
    try wycheproof(path, count: 262) { group in
      let point = try hex(group["publicKey"]?["uncompressed"]?.string)
      return VerificationKey(try P256.Signing.PublicKey(x963Representation: point))
    }
  }

  @Test func `Wycheproof Ed25519 signatures`() throws {
    try wycheproof("crypto/wycheproof/ed25519_test.json", count: 151) { group in
      let raw = try hex(group["publicKey"]?["pk"]?.string)
      return VerificationKey(try Curve25519.Signing.PublicKey(rawRepresentation: raw))
    }
  }

  private func wycheproof(
    _ path: String, count: Int, key: (JSON) throws -> VerificationKey
  ) throws {
    guard let text = try Testdata.file(path) else { return }
    var (all, right) = (0, 0)
    for group in try JSON.parse(text, limits: limits)["testGroups"]?.array ?? [] {
      let key = try key(group)
      for test in group["tests"]?.array ?? [] {
        let isValid = key.isValid(
          signature: try hex(test["sig"]?.string), for: try hex(test["msg"]?.string))
        let isRight = test["result"] == "acceptable" || isValid == (test["result"] == "valid")
        #expect(isRight, "tcId \(test["tcId"]?.integer ?? 0)")
        all += 1
        right += isRight ? 1 : 0
      }
    }
    #expect(all == count)
    print("Wycheproof \(path.split(separator: "/").last ?? ""): \(right) of \(all) passed")
  }

  @Test func `JOSE cookbook`() throws {
    guard let folder = Testdata.folder("jwt/jose-cookbook") else { return }
    var (verified, refused, right) = (0, 0, 0)
    let files = FileManager.default.enumerator(atPath: folder)?.allObjects.compactMap {
      $0 as? String
    }
    for name in (files ?? []).filter({ $0.hasSuffix(".json") }).sorted() {
      let example = try JSON.parse(
        [UInt8](Data(contentsOf: URL(filePath: "\(folder)/\(name)"))), limits: limits)
      let outcome = outcome(example)
      let expected = name == "curve25519/jws.json" ? nil : "refused"
      #expect((outcome == nil) == (expected == nil), "\(name): \(outcome ?? "accepted")")
      right += (outcome == nil) == (expected == nil) ? 1 : 0
      verified += outcome == nil ? 1 : 0
      refused += outcome == nil ? 0 : 1
      print("  cookbook \(name): \(outcome ?? "verified")")
    }
    #expect(verified + refused == 32)
    print("JOSE cookbook: \(right) of 32 as required: \(verified) verified, \(refused) refused")
  }

  /// Nil when the example is accepted. A JWK alone is tried as a key; anything else as a compact
  /// token, and where the cookbook gives none (detached content, JSON serialisations) as the text
  /// of its JSON.
  private func outcome(_ example: JSON) -> String? {
    guard let output = example["output"] else {
      do {
        _ = try VerificationKey(jwk: example)
        return nil
      } catch {
        return "key: \(error)"
      }
    }
    let compact =
      output["compact"]?.string ?? String(decoding: output.canonicalBytes, as: UTF8.self)
    let key = example["input"]?["key"] ?? .null
    // Not only their keys are refused: against a key of ours the token is refused too.
    let own = SigningKey.generate(.es256, .seeded(6)).identified(as: nil).verificationKey
    guard let reason = refusal(compact, jwk: own.jwk()) else { return nil }
    return refusal(compact, jwk: key.array?.first ?? key).map { "\($0), \(reason)" }
  }

  @Test func `Ed25519 signing gives the cookbook's bytes`() throws {
    guard let text = try Testdata.file("jwt/jose-cookbook/curve25519/jws.json") else { return }
    let example = try JSON.parse(text, limits: limits)
    let key = try SigningKey(jwk: try #require(example["input"]?["key"]))
    let input = try #require(example["signing"]?["sig-input"]?.string)
    let signature = Base64URL.encode(try key.signature(for: Array(input.utf8)))
    #expect(signature == example["signing"]?["sig"]?.string)
  }

  @Test func `weak secrets are neither keys nor signers`() throws {
    guard let folder = Testdata.folder("jwt") else { return }
    let unpacker = Process()
    unpacker.executableURL = URL(filePath: "/bin/gzip")
    unpacker.arguments = ["-dc", "\(folder)/jwt.secrets.list.txt.gz"]
    let pipe = Pipe()
    unpacker.standardOutput = pipe
    try unpacker.run()
    let list = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
    unpacker.waitUntilExit()
    var secrets = list.split(separator: 10, omittingEmptySubsequences: false)
    if secrets.last?.isEmpty == true { secrets.removeLast() }
    let signer = SigningKey.generate(.es256, .seeded(5)).identified(as: "k")
    let keys = try KeySet([signer.verificationKey])
    let input = Base64URL.encode(#"{"alg":"HS256","kid":"k"}"#.utf8) + ".e30"
    var (registered, refused) = (0, 0)
    for (index, secret) in secrets.enumerated() {
      let jwk: JSON = ["kty": "oct", "alg": "HS256", "k": .string(Base64URL.encode(secret))]
      do {
        _ = try VerificationKey(jwk: jwk)
        registered += 1
      } catch {
        #expect(error == .symmetric)
      }
      guard index % 50 == 0 else { continue }
      let code = HMAC<SHA256>.authenticationCode(
        for: Array(input.utf8), using: SymmetricKey(data: secret))
      let token = input + "." + Base64URL.encode(code)
      #expect(throws: TokenRefusal.algorithmRefused) {
        try UnverifiedToken(token).verified(by: keys, algorithms: [.es256, .edDSA])
      }
      refused += 1
    }
    #expect(registered == 0)
    print(
      "Weak secrets: \(secrets.count - registered) of \(secrets.count) refused as keys;",
      "\(refused) tokens signed with every fiftieth refused")
  }
}
