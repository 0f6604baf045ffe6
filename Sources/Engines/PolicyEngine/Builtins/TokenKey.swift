import Crypto
import _CryptoExtras

/// A key that checks the signature of a token: from PEM (certificate or public key) or a JWK.
enum TokenKey {
  case rsa(_RSA.Signing.PublicKey)
  case p256(P256.Signing.PublicKey)
  case p384(P384.Signing.PublicKey)
  case p521(P521.Signing.PublicKey)
  case ed25519(Curve25519.Signing.PublicKey)

  /// Most keys of one set.
  static let keysMax = 100

  /// A key with what its JWK says of it.
  struct Listed {
    let key: TokenKey
    var identifier: String?
    var algorithm: String?
  }

  /// - Throws: `BuiltinFailure` for a text that holds no key.
  static func keys(in text: String) throws -> [Listed] {
    if text.contains("-----BEGIN") { return [Listed(key: try pem(text))] }
    guard let value = try? Value.parse(json: text.utf8), case .object(let object) = value else {
      throw BuiltinFailure.bare("failed to parse a JWK key (set)")
    }
    guard case .array(let elements)? = object["keys"] else {
      guard let key = listed(object) else {
        throw BuiltinFailure.bare("failed to parse a JWK key (set)")
      }
      return [key]
    }
    return elements.prefix(keysMax).compactMap { element in
      if case .object(let members) = element { listed(members) } else { nil }
    }
  }

  private static func listed(_ members: ObjectValue) -> Listed? {
    func text(_ name: String) -> String? {
      if case .string(let text)? = members[name] { text } else { nil }
    }
    return jwk(members).map { Listed(key: $0, identifier: text("kid"), algorithm: text("alg")) }
  }

  /// Whether one of the keys made a signature. The one that the token names is the only one tried;
  /// one that is for another algorithm never is.
  static func verifies(
    _ keys: [Listed], _ signature: [UInt8], _ message: [UInt8], algorithm: String,
    identifier: Value?
  ) -> Bool {
    if case .string(let name)? = identifier,
      let named = keys.first(where: { $0.identifier == name })
    {
      return named.key.verifies(signature, message, algorithm: algorithm)
    }
    return keys.contains { listed in
      (listed.algorithm ?? algorithm) == algorithm
        && listed.key.verifies(signature, message, algorithm: algorithm)
    }
  }

  private static func pem(_ text: String) throws -> TokenKey {
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    guard let first = lines.first(where: { $0.hasPrefix("-----BEGIN ") }),
      let last = lines.firstIndex(where: { $0.hasPrefix("-----END ") })
    else { throw BuiltinFailure.bare("failed to extract a Key from the PEM certificate") }
    guard lines[(last + 1)...].allSatisfy({ $0.allSatisfy(\.isWhitespace) }) else {
      throw BuiltinFailure.bare("extra data after a PEM certificate block")
    }
    let body = lines[..<last].filter { !$0.hasPrefix("-----") }.joined()
    let der = (try? Base64.decode(body, .standard)) ?? []
    switch first {
    case "-----BEGIN CERTIFICATE-----":
      guard let info = DERReader.publicKeyInfo(ofCertificate: der), let key = key(info: info) else {
        throw BuiltinFailure.bare("failed to parse a PEM certificate")
      }
      return key
    case "-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----":
      guard let key = key(info: der) else {
        throw BuiltinFailure.bare("failed to parse a PEM key")
      }
      return key
    default: throw BuiltinFailure.bare("failed to extract a Key from the PEM certificate")
    }
  }

  /// SubjectPublicKeyInfo (RFC 5280 §4.1).
  private static func key(info: [UInt8]) -> TokenKey? {
    if let key = try? _RSA.Signing.PublicKey(derRepresentation: info) { return .rsa(key) }
    if let key = try? P256.Signing.PublicKey(derRepresentation: info) { return .p256(key) }
    if let key = try? P384.Signing.PublicKey(derRepresentation: info) { return .p384(key) }
    if let key = try? P521.Signing.PublicKey(derRepresentation: info) { return .p521(key) }
    return nil
  }

  /// RFC 7517.
  private static func jwk(_ members: ObjectValue) -> TokenKey? {
    func bytes(_ name: String) -> [UInt8]? {
      guard case .string(let text)? = members[name] else { return nil }
      return try? Base64.decode(text, .url)
    }
    // What kind of key it is says this member only; a kind that is not known is not believed.
    guard case .string(let kind)? = members["kty"] else { return nil }
    if kind == "RSA" {
      guard let modulus = bytes("n"), let exponent = bytes("e") else { return nil }
      return (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)).map(TokenKey.rsa)
    }
    guard case .string(let curve)? = members["crv"], let x = bytes("x") else { return nil }
    if kind == "OKP", curve == "Ed25519" {
      return (try? Curve25519.Signing.PublicKey(rawRepresentation: x)).map(TokenKey.ed25519)
    }
    guard kind == "EC", let y = bytes("y") else { return nil }
    let point = [4] + x + y
    switch curve {
    case "P-256": return (try? P256.Signing.PublicKey(x963Representation: point)).map(TokenKey.p256)
    case "P-384": return (try? P384.Signing.PublicKey(x963Representation: point)).map(TokenKey.p384)
    case "P-521": return (try? P521.Signing.PublicKey(x963Representation: point)).map(TokenKey.p521)
    default: return nil
    }
  }

  /// RFC 7518 §3. A key of another kind than the algorithm's never fits.
  func verifies(_ signature: [UInt8], _ message: [UInt8], algorithm: String) -> Bool {
    switch (self, algorithm) {
    case (.rsa(let key), "RS256"):
      return rsa(key, signature, SHA256.hash(data: message), .insecurePKCS1v1_5)
    case (.rsa(let key), "RS384"):
      return rsa(key, signature, SHA384.hash(data: message), .insecurePKCS1v1_5)
    case (.rsa(let key), "RS512"):
      return rsa(key, signature, SHA512.hash(data: message), .insecurePKCS1v1_5)
    case (.rsa(let key), "PS256"): return rsa(key, signature, SHA256.hash(data: message), .PSS)
    case (.rsa(let key), "PS384"): return rsa(key, signature, SHA384.hash(data: message), .PSS)
    case (.rsa(let key), "PS512"): return rsa(key, signature, SHA512.hash(data: message), .PSS)
    case (.p256(let key), "ES256"):
      return (try? P256.Signing.ECDSASignature(rawRepresentation: signature))
        .map { key.isValidSignature($0, for: message) } ?? false
    case (.p384(let key), "ES384"):
      return (try? P384.Signing.ECDSASignature(rawRepresentation: signature))
        .map { key.isValidSignature($0, for: message) } ?? false
    case (.p521(let key), "ES512"):
      return (try? P521.Signing.ECDSASignature(rawRepresentation: signature))
        .map { key.isValidSignature($0, for: message) } ?? false
    case (.ed25519(let key), "EdDSA"): return key.isValidSignature(signature, for: message)
    default: return false
    }
  }

  private func rsa(
    _ key: _RSA.Signing.PublicKey, _ signature: [UInt8], _ digest: some Digest,
    _ padding: _RSA.Signing.Padding
  ) -> Bool {
    key.isValidSignature(
      _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: padding)
  }
}

/// Just enough DER (X.690) to find the key in a certificate.
struct DERReader {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  private init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  private mutating func element() -> (tag: UInt8, whole: Range<Int>, content: Range<Int>)? {
    let start = position
    guard position + 2 <= end else { return nil }
    let tag = bytes[position]
    var length = Int(bytes[position + 1])
    position += 2
    if length >= 0x80 {
      let count = length & 0x7f
      guard (1...3).contains(count), position + count <= end else { return nil }
      length = bytes[position..<position + count].reduce(0) { $0 << 8 | Int($1) }
      position += count
    }
    guard position + length <= end else { return nil }
    let content = position..<position + length
    position += length
    return (tag, start..<position, content)
  }

  /// The SubjectPublicKeyInfo of a certificate (RFC 5280 §4.1), whole; nil where it is none.
  static func publicKeyInfo(ofCertificate bytes: [UInt8]) -> [UInt8]? {
    var outer = DERReader(bytes, 0..<bytes.count)
    guard let certificate = outer.element(), certificate.tag == 0x30 else { return nil }
    var inner = DERReader(bytes, certificate.content)
    guard let content = inner.element(), content.tag == 0x30 else { return nil }
    var fields = DERReader(bytes, content.content)
    guard let first = fields.element() else { return nil }
    // The version is left out in the first version of X.509; then the serial number is first.
    let skipped = first.tag == 0xa0 ? 5 : 4
    for _ in 0..<skipped where fields.element() == nil { return nil }
    return fields.element().map { Array(bytes[$0.whole]) }
  }
}
