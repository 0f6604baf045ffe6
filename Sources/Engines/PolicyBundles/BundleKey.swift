import Crypto
import _CryptoExtras

/// What signs a bundle (RFC 7518 §3): the algorithms of `opa build --signing-alg`.
package struct BundleSigningKey {
  private enum Key {
    case secret(SymmetricKey)
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
  }

  package let algorithm: String
  private let key: Key

  package static let algorithms = [
    "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "PS256", "PS384", "PS512", "RS256",
    "RS384", "RS512",
  ]

  /// - Parameter text: the secret itself for HS256, HS384 and HS512; else the PEM of a private key.
  /// - Throws: `BundleError` where the key does not fit the algorithm.
  package init(_ text: String, algorithm: String) throws(BundleError) {
    self.algorithm = algorithm
    do {
      switch algorithm {
      case "HS256", "HS384", "HS512":
        key = .secret(SymmetricKey(data: Array(text.utf8)))
      case "ES256": key = .p256(try P256.Signing.PrivateKey(pemRepresentation: text))
      case "ES384": key = .p384(try P384.Signing.PrivateKey(pemRepresentation: text))
      case "ES512": key = .p521(try P521.Signing.PrivateKey(pemRepresentation: text))
      case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
        key = .rsa(try _RSA.Signing.PrivateKey(pemRepresentation: text))
      default:
        throw BundleError(
          "unknown algorithm \(algorithm); there are \(Self.algorithms.joined(separator: ", "))")
      }
    } catch let error as BundleError {
      throw error
    } catch {
      throw BundleError("the signing key is no private key for \(algorithm) in PEM")
    }
  }

  func signature(of message: [UInt8]) throws(BundleError) -> [UInt8] {
    do {
      switch key {
      case .secret(let key):
        return switch algorithm {
        case "HS384": Array(HMAC<SHA384>.authenticationCode(for: message, using: key))
        case "HS512": Array(HMAC<SHA512>.authenticationCode(for: message, using: key))
        default: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        }
      case .p256(let key): return Array(try key.signature(for: message).rawRepresentation)
      case .p384(let key): return Array(try key.signature(for: message).rawRepresentation)
      case .p521(let key): return Array(try key.signature(for: message).rawRepresentation)
      case .rsa(let key):
        let padding: _RSA.Signing.Padding = algorithm.hasPrefix("PS") ? .PSS : .insecurePKCS1v1_5
        let signature =
          switch algorithm.suffix(3) {
          case "384": try key.signature(for: SHA384.hash(data: message), padding: padding)
          case "512": try key.signature(for: SHA512.hash(data: message), padding: padding)
          default: try key.signature(for: SHA256.hash(data: message), padding: padding)
          }
        return Array(signature.rawRepresentation)
      }
    } catch {
      throw BundleError("signing failed: \(error)")
    }
  }
}

/// Who must have signed a bundle.
package struct BundleVerification: Sendable {
  package let algorithm: String
  /// PEM of a public key, a JWK, or the secret of an HS algorithm.
  package let key: String
  /// What the signature must be for; empty for any.
  package let scope: String

  package init(algorithm: String, key: String, scope: String = "") {
    self.algorithm = algorithm
    self.key = key
    self.scope = scope
  }
}
