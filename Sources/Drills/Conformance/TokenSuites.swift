import Crypto
import FoundationEssentials
import PolicyBundles
import Sealing
import StrictJSON
import Tokens
import Vocabulary

extension ConformanceSuite {
  /// Wycheproof: what signs and seals here. Files of primitives that are not offered are named as out of scope.
  static let crypto = ConformanceSuite(
    "crypto", "Wycheproof: ES256, RS256, EdDSA, JWS, AES-256-GCM", folder: "crypto/wycheproof"
  ) { folder, told in
    try webSignatures(folder, told)
    try signatures("ecdsa_secp256r1_sha256_p1363_test.json", folder, told) { group in
      let point = try hex(group["publicKey"]?["uncompressed"])
      return VerificationKey(try P256.Signing.PublicKey(x963Representation: point))
    }
    try signatures("ed25519_test.json", folder, told) { group in
      let raw = try hex(group["publicKey"]?["pk"])
      return VerificationKey(try Curve25519.Signing.PublicKey(rawRepresentation: raw))
    }
    try sealing(folder, told)
  }

  /// The cookbook of RFC 7520, 7797 and 8037; secrets that everybody knows.
  static let jwt = ConformanceSuite("jwt", "JOSE cookbook, weak secrets", folder: "jwt") {
    folder, told in
    for name in folder.names(ending: ".json") where name.hasPrefix("jose-cookbook/") {
      guard let example = try folder.json(name) else { continue }
      let refusal = cookbookRefusal(example)
      // The one example with an algorithm of ours; a public key alone is tried as a key.
      told(
        CaseResult(
          name, accepts: isOurs(example), accepted: refusal == nil, because: refusal))
    }
    try weakSecrets(folder, told)
  }

  private static func hex(_ json: JSON?) throws -> [UInt8] {
    guard let bytes = bytes(hex: json?.string ?? "-") else {
      throw CaseFileError(description: "a field of a case is not hexadecimal")
    }
    return bytes
  }

  // MARK: Wycheproof

  private static func webSignatures(_ folder: CaseFolder, _ told: (CaseResult) -> Void) throws {
    let file = "json_web_signature_test.json"
    for group in try folder.json(file)?["testGroups"]?.array ?? [] {
      guard let jwk = group["public"] ?? group["private"] else { continue }
      let isOurs = jwk["crv"] == "P-256" || jwk["alg"] == "RS256"
      for test in group["tests"]?.array ?? [] {
        let refusal = refusal(of: try test.text("jws"), jwk: jwk)
        let isValid = test["result"] == "valid"
        let result = CaseResult(
          "\(file) \(test["tcId"]?.integer ?? 0)", accepts: isOurs && isValid,
          accepted: refusal == nil, because: refusal)
        guard !isOurs, isValid, result.verdict == .passed else {
          told(result)
          continue
        }
        told(
          CaseResult(
            result.id, expected: "accepted", came: result.came, verdict: .outOfScope,
            reason: "JWS: algorithms that are not taken (PS, HS, RS384, ES512) are refused"))
      }
    }
  }

  private static func signatures(
    _ file: String, _ folder: CaseFolder, _ told: (CaseResult) -> Void,
    key: (JSON) throws -> VerificationKey
  ) throws {
    for group in try folder.json(file)?["testGroups"]?.array ?? [] {
      let key = try? key(group)
      for test in group["tests"]?.array ?? [] {
        let isValid =
          try key?.isValid(signature: hex(test["sig"]), for: hex(test["msg"])) ?? false
        let id = "\(file) \(test["tcId"]?.integer ?? 0)"
        told(
          test["result"] == "acceptable"
            ? CaseResult(
              id, expected: "either", came: isValid ? "accepted" : "refused", verdict: .passed)
            : CaseResult(id, accepts: test["result"] == "valid", accepted: isValid))
      }
    }
  }

  private static func sealing(_ folder: CaseFolder, _ told: (CaseResult) -> Void) throws {
    let file = "aes_gcm_test.json"
    for group in try folder.json(file)?["testGroups"]?.array ?? [] {
      let isOurs = group["keySize"] == 256 && group["ivSize"] == 96 && group["tagSize"] == 128
      for test in group["tests"]?.array ?? [] {
        let id = "\(file) \(test["tcId"]?.integer ?? 0)"
        let key = SymmetricKey(data: try hex(test["key"]))
        let (nonce, aad) = (try hex(test["iv"]), try hex(test["aad"]))
        let message = try hex(test["msg"])
        let sealed = try? AEAD.seal(message, key: key, nonce: nonce, associated: aad)
        guard isOurs else {
          // Another key or nonce length is refused before any byte is touched.
          told(
            sealed == nil
              ? CaseResult(
                id, expected: "sealed", came: "refused", verdict: .outOfScope,
                reason: "AES-GCM: other key or nonce lengths than 256 and 96 bits are refused")
              : CaseResult(id, accepts: false, accepted: true))
          continue
        }
        let combined = nonce + (try hex(test["ct"])) + (try hex(test["tag"]))
        let opened = try? AEAD.open(combined[...], key: key, associated: aad)
        let isValid = test["result"] == "valid"
        let isRight = isValid ? opened == message && sealed == combined : opened == nil
        told(
          CaseResult(
            id, expected: isValid ? "opened, and sealed to the same bytes" : "refused",
            came: opened == nil ? "refused" : sealed == combined ? "opened" : "other bytes",
            verdict: isRight ? .passed : .failed))
      }
    }
  }

  // MARK: JOSE

  /// Nil where the token is believed.
  private static func refusal(of token: String, jwk: JSON) -> String? {
    do {
      // The suites give private keys where we want public ones.
      let secret: Set = ["d", "p", "q", "dp", "dq", "qi"]
      let jwk = (jwk.object ?? [:]).filter { !secret.contains($0.key) }
      let keys = try KeySet([VerificationKey(jwk: .object(jwk))])
      _ = try UnverifiedToken(token).verified(by: keys, algorithms: [.es256, .edDSA, .rs256])
      return nil
    } catch let error as TokenRefusal {
      return error.name
    } catch {
      return "key: \(error)"
    }
  }

  /// Whether an example is signed with an algorithm of ours and given as a compact token, or is a public key of ours.
  private static func isOurs(_ example: JSON) -> Bool {
    guard example["output"] != nil else {
      return example["d"] == nil
        && (example["crv"] == "P-256" || example["crv"] == "Ed25519" || example["kty"] == "RSA")
    }
    let algorithm = example["input"]?["alg"]?.string
    return ["EdDSA", "ES256", "RS256"].contains(algorithm ?? "")
      && example["output"]?["compact"]?.string?.contains("..") == false
  }

  /// Nil when the example is accepted. A JWK alone is tried as a key; anything else as a compact token, and where the
  /// cookbook gives none (detached content, JSON serialisations) as the text of its JSON.
  private static func cookbookRefusal(_ example: JSON) -> String? {
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
    let own = SigningKey.generate(.es256, .system).identified(as: nil).verificationKey
    guard let reason = refusal(of: compact, jwk: own.jwk()) else { return nil }
    return refusal(of: compact, jwk: key.array?.first ?? key).map { "\($0), \(reason)" }
  }

  /// None is a key, and nothing that is signed with one is believed.
  private static func weakSecrets(_ folder: CaseFolder, _ told: (CaseResult) -> Void) throws {
    let file = "jwt.secrets.list.txt.gz"
    guard folder.has(file) else { return }
    let list = try GzipStream.unpacked(folder.bytes(file))
    var secrets = list.split(separator: 10, omittingEmptySubsequences: false)
    if secrets.last?.isEmpty == true { secrets.removeLast() }
    let signer = SigningKey.generate(.es256, .system).identified(as: "k")
    let keys = try KeySet([signer.verificationKey])
    let input = Base64URL.encode(#"{"alg":"HS256","kid":"k"}"#.utf8) + ".e30"
    for (number, secret) in secrets.enumerated() {
      let jwk: JSON = ["kty": "oct", "alg": "HS256", "k": .string(Base64URL.encode(secret))]
      let code = HMAC<SHA256>.authenticationCode(
        for: Array(input.utf8), using: SymmetricKey(data: secret))
      let token = input + "." + Base64URL.encode(code)
      let isKey = (try? VerificationKey(jwk: jwk)) != nil
      let isBelieved =
        (try? UnverifiedToken(token).verified(by: keys, algorithms: [.es256, .edDSA])) != nil
      told(
        CaseResult(
          "\(file) line \(number + 1)", accepts: false, accepted: isKey || isBelieved))
    }
  }
}
