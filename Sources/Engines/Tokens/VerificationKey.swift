package import Crypto
import FoundationEssentials
package import StrictJSON
import Vocabulary
import _CryptoExtras

/// The signature algorithms of this platform. There is no `none` and nothing symmetric. A key is of one algorithm, so
/// none can be confused with another; whoever checks a token lists what it takes.
package enum TokenAlgorithm: String, Hashable, Sendable, CaseIterable {
  /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
  case es256 = "ES256"
  /// Ed25519 (RFC 8037 §3.1, RFC 8032).
  case edDSA = "EdDSA"
  /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3): for ID tokens and keys of clients that know nothing else. No
  /// access token and nothing inside the platform is signed with it.
  case rs256 = "RS256"

  /// What the platform itself signs with, where nobody asks for something else.
  package static let own: Set<TokenAlgorithm> = [.es256, .edDSA]
}

/// What an RSA key must be like.
package enum RSAKeyRules {
  /// RFC 7518 §3.3 wants 2,048 bits at least; beyond 4,096 checking one signature costs more than it should.
  package static let modulusBits = 2_048...4_096
  /// 65,537, which everybody uses. Others are slow, or known for their faults.
  static let exponent: [UInt8] = [1, 0, 1]
}

/// A public key that checks signatures of exactly one algorithm.
package struct VerificationKey: Sendable {
  private enum Material: Sendable {
    case p256(P256.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    case rsa(RSAPublicKey)
  }
  private let material: Material
  /// The `kid` under which tokens ask for this key. It is only ever compared, never opened, fetched
  /// or put into a path.
  package let id: String?

  package init(_ key: P256.Signing.PublicKey, id: String? = nil) {
    material = .p256(key)
    self.id = id
  }
  package init(_ key: Curve25519.Signing.PublicKey, id: String? = nil) {
    material = .ed25519(key)
    self.id = id
  }

  init(_ key: RSAPublicKey, id: String?) {
    material = .rsa(key)
    self.id = id
  }

  package var algorithm: TokenAlgorithm {
    switch material {
    case .p256: .es256
    case .ed25519: .edDSA
    case .rsa: .rs256
    }
  }

  /// The same key under another `kid`.
  package func identified(as id: String?) -> VerificationKey {
    VerificationKey(material: material, id: id)
  }
  private init(material: Material, id: String?) {
    self.material = material
    self.id = id
  }

  /// Reads a public JWK (RFC 7517, RFC 8037).
  /// - Parameter use: what `use` must say if it is there; SPIFFE bundles have words of their own.
  /// - Throws: `KeyRefusal`, also for a JWK that holds the private part, and for an Ed25519 point that anybody can
  ///   sign for.
  package init(jwk: JSON, use: String = "sig") throws(KeyRefusal) {
    // A prime of an RSA key tells the rest of it.
    guard jwk["d"] == nil, jwk["p"] == nil, jwk["q"] == nil,
      jwk["k"] == nil || jwk["kty"] == "oct"
    else {
      throw .privateKeyExposed
    }
    let shape = try KeyShape(jwk, use: use, operation: "verify")
    id = shape.id
    guard shape.algorithm != .edDSA || Ed25519Encoding.isSound(shape.x) else { throw .weak }
    do {
      switch shape.algorithm {
      case .es256:
        material = .p256(try .init(rawRepresentation: shape.x + shape.y))
      case .edDSA: material = .ed25519(try .init(rawRepresentation: shape.x))
      case .rs256: material = .rsa(try RSAPublicKey(modulus: shape.x, exponent: shape.y))
      }
    } catch let refusal as KeyRefusal {
      throw refusal
    } catch {
      throw .malformed("x")
    }
  }

  /// The public JWK, with `alg`, `use` and, where there is one, `kid`.
  package func jwk(use: String = "sig") -> JSON {
    var members = requiredMembers
    members["alg"] = .string(algorithm.rawValue)
    members["use"] = .string(use)
    members["kid"] = id.map(JSON.string)
    return .object(members)
  }

  /// SHA-256 over the members that make the key, Base64url (RFC 7638).
  package var thumbprint: String {
    Base64URL.encode(SHA256.hash(data: JSON.object(requiredMembers).canonicalBytes))
  }

  private var requiredMembers: [String: JSON] {
    switch material {
    case .p256(let key):
      let point = Array(key.rawRepresentation)
      return [
        "kty": "EC", "crv": "P-256", "x": .string(Base64URL.encode(point.prefix(32))),
        "y": .string(Base64URL.encode(point.suffix(32))),
      ]
    case .ed25519(let key):
      return [
        "kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(key.rawRepresentation)),
      ]
    case .rsa(let key):
      return [
        "kty": "RSA", "n": .string(Base64URL.encode(key.modulus)),
        "e": .string(Base64URL.encode(RSAKeyRules.exponent)),
      ]
    }
  }

  /// Sixty-four bytes, r‖s for ES256 (RFC 7518 §3.4), as many as the modulus has for RS256; any other length is false. For an Ed25519 key of small order, or
  /// in a spelling that is not its own, everything is false: it may have come here without passing `init(jwk:)`.
  package func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
    switch material {
    case .p256(let key):
      guard signature.count == 64,
        let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
      else {
        return false
      }
      return key.isValidSignature(parsed, for: message)
    case .ed25519(let key):
      return signature.count == 64 && Ed25519Encoding.isSound(key.rawRepresentation)
        && key.isValidSignature(signature, for: message)
    case .rsa(let key): return key.isValid(signature: signature, for: message)
    }
  }
}

extension VerificationKey: Hashable {
  package static func == (left: VerificationKey, right: VerificationKey) -> Bool {
    left.id == right.id && left.requiredMembers == right.requiredMembers
  }
  package func hash(into hasher: inout Hasher) {
    hasher.combine(id)
    hasher.combine(thumbprint)
  }
}

/// What a JWK says about itself, checked, before its numbers become a key.
struct KeyShape {
  let algorithm: TokenAlgorithm
  let id: String?
  /// Of RSA the modulus.
  let x: [UInt8]
  /// Empty for Ed25519; of RSA the exponent.
  let y: [UInt8]

  init(_ jwk: JSON, use: String, operation: String) throws(KeyRefusal) {
    guard jwk.object != nil, let type = jwk["kty"]?.string else { throw .malformed("kty") }
    switch (type, jwk["crv"]?.string) {
    case ("oct", _): throw .symmetric
    case ("EC", "P-256"): algorithm = .es256
    case ("OKP", "Ed25519"): algorithm = .edDSA
    case ("RSA", nil): algorithm = .rs256
    default: throw .unsupported
    }
    if let named = jwk["alg"], named != .string(algorithm.rawValue) { throw .unsupported }
    if let named = jwk["use"], named != .string(use) { throw .wrongUse }
    if let operations = jwk["key_ops"] {
      guard operations.array?.contains(.string(operation)) == true else { throw .wrongUse }
    }
    switch jwk["kid"] {
    case nil: id = nil
    case .string(let text) where (1...TokenLimits.keyIDBytesMax).contains(text.utf8.count):
      id = text
    default: throw .malformed("kid")
    }
    guard algorithm != .rs256 else {
      x = try KeyShape.number("n", of: jwk)
      y = try KeyShape.number("e", of: jwk)
      return
    }
    x = try KeyShape.coordinate("x", of: jwk)
    y = algorithm == .es256 ? try KeyShape.coordinate("y", of: jwk) : []
  }

  /// Base64urlUInt (RFC 7518 §2): no leading zero byte, so that a number has one spelling.
  static func number(_ name: String, of jwk: JSON) throws(KeyRefusal) -> [UInt8] {
    guard let text = jwk[name]?.string, let bytes = Base64URL.decode(text), let first = bytes.first,
      first != 0
    else { throw .malformed(name) }
    return bytes
  }

  /// Always the full 32 bytes (RFC 7518 §6.2.1.2): a number has one spelling.
  static func coordinate(_ name: String, of jwk: JSON) throws(KeyRefusal) -> [UInt8] {
    guard let text = jwk[name]?.string, let bytes = Base64URL.decode(text), bytes.count == 32 else {
      throw .malformed(name)
    }
    return bytes
  }
}
