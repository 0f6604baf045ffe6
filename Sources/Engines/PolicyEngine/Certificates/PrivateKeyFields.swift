import Crypto

/// A private key from PEM: PKCS #1 (RFC 8017), PKCS #8 (RFC 5958) or SEC 1.
enum PrivateKeyFields {
  /// Version, modulus, exponents, primes and the rest, in the order of RFC 8017 §A.1.2.
  case rsa([BigInteger])
  /// Curve by the name of RFC 7518, then x, y and d.
  case elliptic(String, x: [UInt8], y: [UInt8], d: [UInt8])
  case ed25519(seed: [UInt8], key: [UInt8])

  /// Most keys of one text.
  static let keysMax = 16

  /// The private keys of a text in PEM, or in base64 of it.
  /// - Throws: `BuiltinFailure` where one is broken.
  static func all(in text: String) throws -> [PrivateKeyFields] {
    var text = text
    if let bytes = try? Base64.decode(text, .standard) {
      text = String(decoding: bytes, as: UTF8.self)
    }
    return try PEMBlock.all(in: text).prefix(keysMax).compactMap(key)
  }

  /// Nil for a block that holds no private key.
  static func key(_ block: PEMBlock) throws -> PrivateKeyFields? {
    let key: PrivateKeyFields?
    switch block.type {
    case "RSA PRIVATE KEY": key = DERElement(first: block.bytes[...]).flatMap(rsa)
    case "PRIVATE KEY": key = pkcs8(block.bytes)
    case "EC PRIVATE KEY":
      key = DERElement(first: block.bytes[...]).flatMap { elliptic($0, curve: nil) }
    default: return nil
    }
    guard let key else { throw BuiltinFailure.bare("x509: failed to parse private key") }
    return key
  }

  static func pkcs8(_ bytes: [UInt8]) -> PrivateKeyFields? {
    guard let parts = DERElement(first: bytes[...])?.sequence(), parts.count >= 3,
      let kind = parts[1].sequence(), let identifier = kind.first?.identifier,
      let inner = DERElement(first: parts[2].content)
    else { return nil }
    switch identifier {
    case [1, 2, 840, 113_549, 1, 1, 1]: return rsa(inner)
    case [1, 2, 840, 10_045, 2, 1]:
      return elliptic(inner, curve: kind.dropFirst().first?.identifier)
    case [1, 3, 101, 112]:
      guard inner.tag == DERElement.Tag.octets,
        let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: inner.content)
      else { return nil }
      return .ed25519(seed: Array(inner.content), key: Array(key.publicKey.rawRepresentation))
    default: return nil
    }
  }

  private static func rsa(_ element: DERElement) -> PrivateKeyFields? {
    guard let numbers = element.sequence()?.compactMap(\.integer), numbers.count == 9,
      numbers.dropFirst().allSatisfy({ !$0.isNegative && !$0.isZero })
    else { return nil }
    return .rsa(numbers)
  }

  private static func elliptic(_ element: DERElement, curve: [Int]?) -> PrivateKeyFields? {
    guard let parts = element.sequence(), parts.count >= 2,
      parts[1].tag == DERElement.Tag.octets
    else { return nil }
    let named = parts.first { $0.tag == 0xa0 }?.children?.first?.identifier
    guard let curve = named ?? curve, let size = PublicKeyField.curves[curve],
      parts[1].content.count <= size
    else { return nil }
    let secret = [UInt8](repeating: 0, count: size - parts[1].content.count) + parts[1].content
    let point: [UInt8]?
    let name: String
    switch size {
    case 32:
      name = "P-256"
      point = (try? P256.Signing.PrivateKey(rawRepresentation: secret)).map {
        Array($0.publicKey.x963Representation)
      }
    case 48:
      name = "P-384"
      point = (try? P384.Signing.PrivateKey(rawRepresentation: secret)).map {
        Array($0.publicKey.x963Representation)
      }
    case 66:
      name = "P-521"
      point = (try? P521.Signing.PrivateKey(rawRepresentation: secret)).map {
        Array($0.publicKey.x963Representation)
      }
    default: return nil
    }
    guard let point else { return nil }
    return .elliptic(
      name, x: Array(point[1..<1 + size]), y: Array(point[(1 + size)...]), d: secret)
  }

  /// RFC 7517.
  var jwk: Value {
    func text(_ bytes: some Sequence<UInt8>) -> Value {
      .string(Base64.encode(bytes, .url, padded: false))
    }
    switch self {
    case .rsa(let numbers):
      let names = ["", "n", "e", "d", "p", "q", "dp", "dq", "qi"]
      var members: [String: Value] = ["kty": .string("RSA")]
      for (name, number) in zip(names, numbers).dropFirst() {
        members[name] = text(number.bigEndianBytes)
      }
      return .object(ObjectValue(named: members))
    case .elliptic(let curve, let x, let y, let d):
      return .object(
        ObjectValue(named: [
          "kty": .string("EC"), "crv": .string(curve), "x": text(x), "y": text(y), "d": text(d),
        ]))
    case .ed25519(let seed, let key):
      return .object(
        ObjectValue(named: [
          "kty": .string("OKP"), "crv": .string("Ed25519"), "d": text(seed), "x": text(key),
        ]))
    }
  }

  /// The members of Go's `rsa.PrivateKey`, `ecdsa.PrivateKey` and `ed25519.PrivateKey`.
  var value: Value {
    switch self {
    case .rsa(let numbers):
      let values = numbers.map { Value.number(Number($0)) }
      return .object(
        ObjectValue(named: [
          "N": values[1], "E": values[2], "D": values[3], "Primes": .array(Array(values[4...5])),
          "Precomputed": .object(
            ObjectValue(named: [
              "Dp": values[6], "Dq": values[7], "Qinv": values[8], "CRTValues": .array([]),
            ])),
        ]))
    case .elliptic(_, let x, let y, let d):
      func number(_ bytes: [UInt8]) -> Value { .number(Number(BigInteger(bigEndian: bytes))) }
      return .object(
        ObjectValue(named: [
          "Curve": .object(.empty), "X": number(x), "Y": number(y), "D": number(d),
        ]))
    case .ed25519(let seed, let key): return .base64(seed + key)
    }
  }

  /// What the certificate of this key shows as its public key.
  var publicValue: Value {
    guard case .object(let object) = value else {
      guard case .ed25519(_, let key) = self else { return .null }
      return .base64(key)
    }
    return .object(
      object.filter { ["N", "E", "Curve", "X", "Y"].map(Value.string).contains($0.key) })
  }
}

extension BigInteger {
  /// The magnitude, the highest byte first, without leading zeros.
  var bigEndianBytes: [UInt8] {
    let bytes = limbs.reversed().flatMap { limb in
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: limb >> $0) }
    }
    return Array(bytes.drop { $0 == 0 })
  }
}
