import Crypto
import _CryptoExtras

/// The key of a certificate or request (RFC 5280 §4.1.2.7), and the algorithms of signatures.
struct PublicKeyField {
  /// Go's `x509.PublicKeyAlgorithm`.
  private(set) var algorithm = 0
  private(set) var value = Value.null
  private let info: [UInt8]
  private let point: ArraySlice<UInt8>

  private static let rsa = [1, 2, 840, 113_549, 1, 1, 1]
  private static let elliptic = [1, 2, 840, 10_045, 2, 1]
  private static let ed25519 = [1, 3, 101, 112]
  /// Bytes of a coordinate, by curve.
  static let curves: [[Int]: Int] = [
    [1, 2, 840, 10_045, 3, 1, 7]: 32, [1, 3, 132, 0, 34]: 48, [1, 3, 132, 0, 35]: 66,
    [1, 3, 132, 0, 33]: 28,
  ]

  /// Nil where the element is no SubjectPublicKeyInfo, or of a kind that is known but broken.
  init?(_ element: DERElement) {
    guard let parts = element.sequence(), parts.count == 2, let kind = parts[0].sequence(),
      let identifier = kind.first?.identifier, let bits = parts[1].bits
    else { return nil }
    info = Array(element.bytes)
    point = bits.bytes
    switch identifier {
    case Self.rsa:
      guard let numbers = DERElement(first: point)?.sequence(), numbers.count == 2,
        let modulus = numbers[0].integer, let exponent = numbers[1].integer?.int64
      else { return nil }
      algorithm = 1
      value = .object(
        ObjectValue(named: [
          "N": .number(Number(modulus)), "E": .number(Number(exponent)),
        ]))
    case Self.elliptic:
      guard kind.count > 1, let curve = kind[1].identifier, let size = Self.curves[curve],
        point.count == 1 + 2 * size, point.first == 4
      else { return nil }
      algorithm = 3
      let x = BigInteger(bigEndian: point.dropFirst().prefix(size))
      let y = BigInteger(bigEndian: point.suffix(size))
      value = .object(
        ObjectValue(named: [
          "Curve": .object(.empty), "X": .number(Number(x)), "Y": .number(Number(y)),
        ]))
    case Self.ed25519:
      guard point.count == 32 else { return nil }
      algorithm = 4
      value = .base64(point)
    default: break
    }
  }

  /// Whether this key signed the bytes, by Go's number of the algorithm (`x509.SignatureAlgorithm`).
  func verifies(_ signature: ArraySlice<UInt8>, of bytes: ArraySlice<UInt8>, algorithm: Int) -> Bool
  {
    let (signature, bytes) = (Array(signature), Array(bytes))
    switch (self.algorithm, algorithm) {
    case (1, 4): return rsa(signature, SHA256.hash(data: bytes), .insecurePKCS1v1_5)
    case (1, 5): return rsa(signature, SHA384.hash(data: bytes), .insecurePKCS1v1_5)
    case (1, 6): return rsa(signature, SHA512.hash(data: bytes), .insecurePKCS1v1_5)
    case (1, 13): return rsa(signature, SHA256.hash(data: bytes), .PSS)
    case (1, 14): return rsa(signature, SHA384.hash(data: bytes), .PSS)
    case (1, 15): return rsa(signature, SHA512.hash(data: bytes), .PSS)
    case (3, 10): return elliptic(signature, SHA256.hash(data: bytes))
    case (3, 11): return elliptic(signature, SHA384.hash(data: bytes))
    case (3, 12): return elliptic(signature, SHA512.hash(data: bytes))
    case (4, 16):
      return (try? Curve25519.Signing.PublicKey(rawRepresentation: point))
        .map { $0.isValidSignature(signature, for: bytes) } ?? false
    // SHA-1 and MD5 prove nothing any more; Go refuses them, too.
    default: return false
    }
  }

  private func rsa(_ signature: [UInt8], _ digest: some Digest, _ padding: _RSA.Signing.Padding)
    -> Bool
  {
    (try? _RSA.Signing.PublicKey(derRepresentation: info)).map {
      $0.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: padding)
    } ?? false
  }

  private func elliptic(_ signature: [UInt8], _ digest: some Digest) -> Bool {
    if let key = try? P256.Signing.PublicKey(x963Representation: point),
      let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
    {
      return key.isValidSignature(signature, for: digest)
    }
    if let key = try? P384.Signing.PublicKey(x963Representation: point),
      let signature = try? P384.Signing.ECDSASignature(derRepresentation: signature)
    {
      return key.isValidSignature(signature, for: digest)
    }
    if let key = try? P521.Signing.PublicKey(x963Representation: point),
      let signature = try? P521.Signing.ECDSASignature(derRepresentation: signature)
    {
      return key.isValidSignature(signature, for: digest)
    }
    return false
  }

  /// Go's `x509.SignatureAlgorithm`; 0 for an unknown one.
  static func signatureAlgorithm(_ element: DERElement) -> Int {
    guard let parts = element.sequence(), let identifier = parts.first?.identifier else { return 0 }
    switch identifier {
    case [1, 2, 840, 113_549, 1, 1, 2]: return 1
    case [1, 2, 840, 113_549, 1, 1, 4]: return 2
    case [1, 2, 840, 113_549, 1, 1, 5], [1, 3, 14, 3, 2, 29]: return 3
    case [1, 2, 840, 113_549, 1, 1, 11]: return 4
    case [1, 2, 840, 113_549, 1, 1, 12]: return 5
    case [1, 2, 840, 113_549, 1, 1, 13]: return 6
    case [1, 2, 840, 113_549, 1, 1, 10]:
      // RSASSA-PSS names its hash within its parameters: [0] { AlgorithmIdentifier }.
      let hash = parts.dropFirst().first?.sequence()?.first { $0.tag == 0xa0 }?.children?.first?
        .sequence()?.first?.identifier
      let known = [
        [2, 16, 840, 1, 101, 3, 4, 2, 1]: 13, [2, 16, 840, 1, 101, 3, 4, 2, 2]: 14,
        [2, 16, 840, 1, 101, 3, 4, 2, 3]: 15,
      ]
      return hash.flatMap { known[$0] } ?? 0
    case [1, 2, 840, 10_040, 4, 3]: return 7
    case [2, 16, 840, 1, 101, 3, 4, 3, 2]: return 8
    case [1, 2, 840, 10_045, 4, 1]: return 9
    case [1, 2, 840, 10_045, 4, 3, 2]: return 10
    case [1, 2, 840, 10_045, 4, 3, 3]: return 11
    case [1, 2, 840, 10_045, 4, 3, 4]: return 12
    case ed25519: return 16
    default: return 0
    }
  }
}
