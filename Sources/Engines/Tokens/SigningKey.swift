package import Crypto
import FoundationEssentials
package import StrictJSON
package import Vocabulary

/// A private key that signs tokens with exactly one algorithm. It prints as its `kid` only.
package struct SigningKey: Sendable {
  private enum Material: Sendable {
    case p256(P256.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case rsa(RSAPrivateKey)
  }
  private let material: Material
  /// The key that checks what this one signs, under the same `kid`.
  package let verificationKey: VerificationKey

  package var id: String? { verificationKey.id }
  package var algorithm: TokenAlgorithm { verificationKey.algorithm }

  package init(_ key: P256.Signing.PrivateKey, id: String? = nil) {
    material = .p256(key)
    verificationKey = VerificationKey(key.publicKey, id: id)
  }
  package init(_ key: Curve25519.Signing.PrivateKey, id: String? = nil) {
    material = .ed25519(key)
    verificationKey = VerificationKey(key.publicKey, id: id)
  }

  private init(_ key: RSAPrivateKey, id: String?) {
    material = .rsa(key)
    verificationKey = VerificationKey(key.publicKey, id: id)
  }

  /// A new key whose `kid` is its thumbprint (RFC 7638), so that equal keys have equal names. For RS256 the randomness is
  /// the system's, whatever is passed, and it takes some tenths of a second.
  package static func generate(_ algorithm: TokenAlgorithm, _ randomness: Randomness) -> SigningKey
  {
    while true {
      if algorithm == .rs256 {
        guard let made = try? RSAPrivateKey.generate() else { continue }
        let key = SigningKey(made, id: nil)
        return key.identified(as: key.verificationKey.thumbprint)
      }
      // Nearly every 32 bytes are a key; for P-256 one in 2^32 is not, and the next will be.
      guard
        let key = try? SigningKey(
          algorithm, privateBytes: Secret(randomness.bytes(32)), id: nil)
      else { continue }
      return key.identified(as: key.verificationKey.thumbprint)
    }
  }

  /// What `privateBytes` gave: 32 bytes, for RS256 a PKCS #1 structure.
  /// - Throws: `KeyRefusal.malformed("d")` for another length or a number outside the curve's
  /// order.
  package init(
    _ algorithm: TokenAlgorithm, privateBytes: borrowing Secret, id: String?
  ) throws(KeyRefusal) {
    let bytes = privateBytes.withBytes { Array($0) }
    do {
      switch algorithm {
      case .es256: self.init(try P256.Signing.PrivateKey(rawRepresentation: bytes), id: id)
      case .edDSA:
        self.init(try Curve25519.Signing.PrivateKey(rawRepresentation: bytes), id: id)
      case .rs256: self.init(try RSAPrivateKey(der: bytes), id: id)
      }
    } catch {
      throw .malformed("d")
    }
  }

  /// The same key under another `kid`.
  package func identified(as id: String?) -> SigningKey {
    switch material {
    case .p256(let key): SigningKey(key, id: id)
    case .ed25519(let key): SigningKey(key, id: id)
    case .rsa(let key): SigningKey(key, id: id)
    }
  }

  /// The private number, for sealing it into a store.
  package var privateBytes: Secret {
    switch material {
    case .p256(let key): Secret(key.rawRepresentation)
    case .ed25519(let key): Secret(key.rawRepresentation)
    case .rsa(let key): Secret(key.der)
    }
  }

  /// Reads a private JWK of a curve; its public part must belong to it.
  /// - Throws: `KeyRefusal`, `.unsupported` for RSA.
  package init(jwk: JSON) throws(KeyRefusal) {
    guard jwk["kty"] != "RSA" else { throw .unsupported }
    let shape = try KeyShape(jwk, use: "sig", operation: "sign")
    let secret = Secret(try KeyShape.coordinate("d", of: jwk))
    try self.init(shape.algorithm, privateBytes: secret, id: shape.id)
    let point = verificationKey.jwk()
    guard point["x"] == jwk["x"], shape.y.isEmpty || point["y"] == jwk["y"] else {
      throw .malformed("x")
    }
  }

  /// The private JWK, for the file of a client that keeps its own key; of RSA, whose private half stays where it was made,
  /// the public one. Never log it.
  package func privateJWK() -> JSON {
    guard algorithm != .rs256 else { return verificationKey.jwk() }
    var members = verificationKey.jwk().object ?? [:]
    members["d"] = .string(privateBytes.withBytes { Base64URL.encode($0) })
    return .object(members)
  }

  /// Sixty-four bytes; for ES256 r‖s with fresh randomness of the system; for RS256 as many as the modulus has.
  /// - Throws: `SigningFailure` when the library refuses, which no input can cause.
  package func signature(for message: [UInt8]) throws(SigningFailure) -> [UInt8] {
    do {
      switch material {
      case .p256(let key): return Array(try key.signature(for: message).rawRepresentation)
      case .ed25519(let key): return Array(try key.signature(for: message))
      case .rsa(let key): return try key.signature(for: message)
      }
    } catch {
      throw .library
    }
  }

  /// A compact JWS (RFC 7515 §3.1) over claims in canonical JSON.
  /// - Parameters:
  ///   - type: the `typ`, for example `at+jwt`.
  ///   - certificates: DER, the signer's first; they become `x5c`.
  ///   - header: more header members; they may not be `alg`, `typ`, `kid` or `x5c`.
  /// - Throws: `SigningFailure`, `.tooLarge` beyond 16 KiB.
  package func token(
    type: String, claims: JSON, certificates: [[UInt8]] = [], header: [String: JSON] = [:]
  ) throws(SigningFailure) -> String {
    try token(
      type: type, payload: claims.canonicalBytes, certificates: certificates, header: header)
  }

  /// As above, over bytes that are already spelled.
  package func token(
    type: String, payload: [UInt8], certificates: [[UInt8]] = [], header: [String: JSON] = [:]
  ) throws(SigningFailure) -> String {
    try token(
      headed: spelledHeader(type: type, certificates: certificates, header: header),
      payload: payload)
  }

  /// The first part of a token, for whoever signs many with the same.
  package func spelledHeader(
    type: String, certificates: [[UInt8]] = [], header: [String: JSON] = [:]
  ) -> [UInt8] {
    var members = header
    members["alg"] = .string(algorithm.rawValue)
    members["typ"] = .string(type)
    members["kid"] = id.map(JSON.string)
    members["x5c"] =
      certificates.isEmpty
      ? nil : .array(certificates.map { .string(PaddedBase64.encode($0)) })
    return Base64URL.encodedBytes(JSON.object(members).canonicalBytes)
  }

  /// A token with a header that this key has spelled.
  /// - Throws: as above.
  package func token(headed header: [UInt8], payload: [UInt8]) throws(SigningFailure) -> String {
    var token = header
    token.append(UInt8(ascii: "."))
    token += Base64URL.encodedBytes(payload)
    let signature = try signature(for: token)
    token.append(UInt8(ascii: "."))
    token += Base64URL.encodedBytes(signature)
    guard token.count <= TokenLimits.bytesMax else { throw .tooLarge }
    return String(decoding: token, as: UTF8.self)
  }
}

/// Why nothing was signed. Both are defects of the caller, not faults of a request.
package enum SigningFailure: Error, Hashable {
  /// The token would be longer than `TokenLimits.bytesMax`, so nobody would read it.
  case tooLarge
  /// The cryptographic library refused.
  case library
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "SigningKey(\(id ?? "unnamed"))" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
