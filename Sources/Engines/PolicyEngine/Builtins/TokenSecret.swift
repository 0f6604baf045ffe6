import Crypto
import _CryptoExtras

/// The private half of a JWK (RFC 7517), which signs tokens.
enum TokenSecret {
  static let broken = BuiltinFailure.bare("failed to parse a JWK key (set)")

  /// A token in compact form. ES256 and PS256 and their kin draw random numbers of the system's: of
  /// all builtins only their signatures are new at each call.
  static func signed(
    _ header: String, _ payload: String, _ key: ObjectValue, _ context: inout BuiltinContext
  ) throws -> String {
    let missing = "missing or invalid 'alg' header: "
    guard !header.isEmpty else {
      throw BuiltinFailure.bare(missing + "cannot parse JSON: cannot parse empty string")
    }
    guard header.hasPrefix("{") else {
      throw BuiltinFailure.bare(missing + "jwsbb: header \"alg\" not found")
    }
    guard case .object(let members)? = try? Value.parse(json: header.utf8) else {
      throw BuiltinFailure.bare(missing + "cannot parse JSON")
    }
    guard case .string(let algorithm)? = members["alg"] else {
      throw BuiltinFailure.bare(missing + "jwsbb: header \"alg\" not found")
    }
    let type = members["typ"] ?? .string("JWT")
    if type == .string("JWT"), (try? Value.parse(json: payload.utf8)) == nil {
      throw BuiltinFailure.bare("type is JWT but payload is not JSON")
    }
    let message =
      Base64.encode(header.utf8, .url, padded: false) + "."
      + Base64.encode(payload.utf8, .url, padded: false)
    let signature = try self.signature(Array(message.utf8), algorithm, key, &context)
    return message + "." + Base64.encode(signature, .url, padded: false)
  }

  /// RFC 7518 §3.
  private static func signature(
    _ message: [UInt8], _ algorithm: String, _ key: ObjectValue, _ context: inout BuiltinContext
  ) throws -> [UInt8] {
    func bytes(_ name: String) throws -> [UInt8] {
      guard case .string(let text)? = key[name] else { throw broken }
      return try Base64.decode(text, .url)
    }
    try context.charge(10_000)
    switch algorithm {
    case "HS256":
      let secret = SymmetricKey(data: try bytes("k"))
      return Array(HMAC<SHA256>.authenticationCode(for: message, using: secret))
    case "HS384":
      let secret = SymmetricKey(data: try bytes("k"))
      return Array(HMAC<SHA384>.authenticationCode(for: message, using: secret))
    case "HS512":
      let secret = SymmetricKey(data: try bytes("k"))
      return Array(HMAC<SHA512>.authenticationCode(for: message, using: secret))
    case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
      let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"]
      let numbers = try names.map { BigInteger(bigEndian: try bytes($0)) }
      let words = numbers[0].bigEndianBytes.count / 8
      try context.charge(words * words * words)
      return try RSASecret(numbers).signature(message, algorithm)
    case "ES256", "ES384", "ES512", "EdDSA":
      guard case .string(let curve)? = key["crv"],
        let signature = try? self.signature(
          message, algorithm, curve: curve, secret: try bytes("d"))
      else { throw broken }
      return signature
    default: throw BuiltinFailure.bare("unknown signature algorithm: \(algorithm)")
    }
  }

  /// Nil where the curve is not the algorithm's.
  private static func signature(
    _ message: [UInt8], _ algorithm: String, curve: String, secret: [UInt8]
  ) throws -> [UInt8]? {
    switch (algorithm, curve) {
    case ("ES256", "P-256"):
      let key = try P256.Signing.PrivateKey(rawRepresentation: secret)
      return Array(try key.signature(for: message).rawRepresentation)
    case ("ES384", "P-384"):
      let key = try P384.Signing.PrivateKey(rawRepresentation: secret)
      return Array(try key.signature(for: message).rawRepresentation)
    case ("ES512", "P-521"):
      let key = try P521.Signing.PrivateKey(rawRepresentation: secret)
      return Array(try key.signature(for: message).rawRepresentation)
    case ("EdDSA", "Ed25519"):
      let key = try Curve25519.Signing.PrivateKey(rawRepresentation: secret)
      return Array(try key.signature(for: message))
    default: return nil
    }
  }
}

/// An RSA key that signs (RFC 7518 §3.3 and §3.5).
private struct RSASecret {
  private let key: _RSA.Signing.PrivateKey

  /// - Parameter numbers: modulus, exponents, primes and the rest, as in RFC 8017 §A.1.2.
  init(_ numbers: [BigInteger]) throws {
    func length(_ count: Int) -> [UInt8] {
      switch count {
      case ..<128: [UInt8(count)]
      case ..<256: [0x81, UInt8(count)]
      default: [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
      }
    }
    var content: [UInt8] = [DERElement.Tag.integer, 1, 0]
    for number in numbers {
      guard number.limbs.count <= 512 else { throw TokenSecret.broken }
      // A first bit that is set would make it negative; a zero before any other is refused.
      let magnitude = number.bigEndianBytes
      let bytes = (magnitude.first ?? 0x80) < 0x80 ? magnitude : [0] + magnitude
      content += [DERElement.Tag.integer] + length(bytes.count) + bytes
    }
    guard content.count < 1 << 16 else { throw TokenSecret.broken }
    let der = [DERElement.Tag.sequence] + length(content.count) + content
    guard let key = try? _RSA.Signing.PrivateKey(derRepresentation: der) else {
      throw TokenSecret.broken
    }
    self.key = key
  }

  func signature(_ message: [UInt8], _ algorithm: String) throws -> [UInt8] {
    let padding: _RSA.Signing.Padding = algorithm.hasPrefix("PS") ? .PSS : .insecurePKCS1v1_5
    let signature =
      switch algorithm.suffix(3) {
      case "256": try? key.signature(for: SHA256.hash(data: message), padding: padding)
      case "384": try? key.signature(for: SHA384.hash(data: message), padding: padding)
      default: try? key.signature(for: SHA512.hash(data: message), padding: padding)
      }
    guard let signature else { throw TokenSecret.broken }
    return Array(signature.rawRepresentation)
  }
}
