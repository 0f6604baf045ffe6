package import Crypto
import FoundationEssentials
package import StrictJSON
import X509

/// A trust domain's public keys in the SPIFFE bundle format: a JWK set (SPIFFE Trust Domain and
/// Bundle §4).
package struct SpiffeBundle: Sendable {
  /// Bytes of a document, and keys in it.
  package static let bytesMax = 262_144
  package static let keysMax = 64

  package let trust: TrustBundle
  package let jwtAuthorities: [JWTAuthority]
  /// Grows with every change.
  package let sequence: Int64?
  /// How often to look for a newer one, in whole seconds.
  package let refreshHintSeconds: Int64?

  package init(
    trust: TrustBundle, jwtAuthorities: [JWTAuthority], sequence: Int64? = nil,
    refreshHintSeconds: Int64? = nil
  ) {
    self.trust = trust
    self.jwtAuthorities = jwtAuthorities
    self.sequence = sequence
    self.refreshHintSeconds = refreshHintSeconds
  }

  /// Reads a bundle. Keys of a use that is not known are left out, as §4.2 demands, and JWT keys of a type, curve or
  /// algorithm that we do not take, as RFC 7517 §5 does: what they sign is not believed, what others sign is.
  package init(trustDomain: String, json bytes: some Collection<UInt8>) throws(BundleRefusal) {
    let document = try Self.document(bytes)
    let keys = try Self.keys(of: document)
    var authorities: [[UInt8]] = []
    var jwtAuthorities: [JWTAuthority] = []
    for key in keys {
      switch key["use"]?.string {
      case "x509-svid": authorities.append(try Self.certificate(of: key))
      case "jwt-svid":
        if let authority = try Self.understood(key) { jwtAuthorities.append(authority) }
      default: continue
      }
    }
    do {
      trust = try TrustBundle(trustDomain: trustDomain, der: authorities)
    } catch {
      throw .malformedCertificate
    }
    guard Set(jwtAuthorities.map(\.keyID)).count == jwtAuthorities.count else {
      throw .duplicateKeyID
    }
    self.jwtAuthorities = jwtAuthorities
    sequence = document["spiffe_sequence"]?.integer
    refreshHintSeconds = document["spiffe_refresh_hint"]?.integer
  }

  /// Reads a plain JWK set, as `FetchJWTBundles` carries it, with the same left out.
  package static func jwtAuthorities(
    json bytes: some Collection<UInt8>
  ) throws(BundleRefusal) -> [JWTAuthority] {
    var authorities: [JWTAuthority] = []
    for key in try keys(of: try document(bytes)) {
      if let authority = try understood(key) { authorities.append(authority) }
    }
    return authorities
  }

  /// Nil for a key of another kind than ours.
  private static func understood(_ key: JSON) throws(BundleRefusal) -> JWTAuthority? {
    do throws(BundleRefusal) {
      return try JWTAuthority(jwk: key)
    } catch {
      guard error == .unsupportedKey else { throw error }
      return nil
    }
  }

  /// The document, canonical.
  package var json: [UInt8] {
    var members: [String: JSON] = [:]
    members["keys"] = .array(
      trust.authorityBytes.enumerated().map { index, der in
        var key: [String: JSON] = [
          "use": .string("x509-svid"),
          "x5c": .array([.string(Data(der).base64EncodedString())]),
        ]
        if let point = P256.Signing.PublicKey(trust.authorities[index].publicKey) {
          key.merge(JWTAuthority.members(of: point)) { own, _ in own }
        }
        return .object(key)
      } + jwtAuthorities.map { .object($0.jwk) })
    if let sequence { members["spiffe_sequence"] = .integer(sequence) }
    if let refreshHintSeconds { members["spiffe_refresh_hint"] = .integer(refreshHintSeconds) }
    return JSON.object(members).canonicalBytes
  }

  /// The JWT authorities alone as a JWK set.
  package static func json(of authorities: [JWTAuthority]) -> [UInt8] {
    JSON.object(["keys": .array(authorities.map { .object($0.jwk) })]).canonicalBytes
  }

  private static func document(_ bytes: some Collection<UInt8>) throws(BundleRefusal) -> JSON {
    guard bytes.count <= bytesMax else { throw .tooLarge }
    do {
      return try JSON.parse(bytes)
    } catch {
      throw .malformedJSON
    }
  }

  private static func keys(of document: JSON) throws(BundleRefusal) -> [JSON] {
    guard let keys = document["keys"]?.array else { throw .noKeys }
    guard keys.count <= keysMax else { throw .tooLarge }
    return keys
  }

  private static func certificate(of key: JSON) throws(BundleRefusal) -> [UInt8] {
    guard let chain = key["x5c"]?.array, chain.count == 1, let text = chain[0].string else {
      throw .notOneCertificate
    }
    guard let der = Data(base64Encoded: text) else { throw .malformedCertificate }
    return Array(der)
  }
}

/// Why a bundle is not read.
package enum BundleRefusal: String, Error, Hashable, Sendable {
  case tooLarge = "too-large"
  case malformedJSON = "malformed-json"
  /// No `keys` member (RFC 7517 §5.1).
  case noKeys = "no-keys"
  /// A JWT authority without `kid`.
  case missingKeyID = "missing-key-id"
  case duplicateKeyID = "duplicate-key-id"
  /// An `x509-svid` key whose `x5c` does not hold exactly one certificate.
  case notOneCertificate = "not-one-certificate"
  case malformedCertificate = "malformed-certificate"
  /// A JWT key that is not on P-256; ours and SPIRE's default are.
  case unsupportedKey = "unsupported-key"
}

/// A public key whose JWT-SVIDs are believed.
package struct JWTAuthority: Sendable {
  package let keyID: String
  package let publicKey: P256.Signing.PublicKey

  package init(keyID: String, publicKey: P256.Signing.PublicKey) {
    self.keyID = keyID
    self.publicKey = publicKey
  }

  /// The key id is the thumbprint (RFC 7638), so that one key has one name.
  package init(_ publicKey: P256.Signing.PublicKey) {
    let members = Self.members(of: publicKey)
    let digest = SHA256.hash(data: JSON.object(members).canonicalBytes)
    self.init(keyID: base64url(digest), publicKey: publicKey)
  }

  init(jwk: JSON) throws(BundleRefusal) {
    guard let keyID = jwk["kid"]?.string, !keyID.isEmpty else { throw .missingKeyID }
    guard jwk["kty"]?.string == "EC", jwk["crv"]?.string == "P-256",
      jwk["alg"] == nil || jwk["alg"]?.string == "ES256",
      let x = jwk["x"]?.string.flatMap(bytes(base64url:)),
      let y = jwk["y"]?.string.flatMap(bytes(base64url:)), x.count == 32, y.count == 32,
      let key = try? P256.Signing.PublicKey(rawRepresentation: x + y)
    else { throw .unsupportedKey }
    self.init(keyID: keyID, publicKey: key)
  }

  /// As a JWK of the SPIFFE bundle.
  package var jwk: [String: JSON] {
    var members = Self.members(of: publicKey)
    members["kid"] = .string(keyID)
    members["use"] = .string("jwt-svid")
    members["alg"] = .string("ES256")
    return members
  }

  static func members(of key: P256.Signing.PublicKey) -> [String: JSON] {
    let raw = key.rawRepresentation
    return [
      "kty": .string("EC"), "crv": .string("P-256"), "x": .string(base64url(raw.prefix(32))),
      "y": .string(base64url(raw.suffix(32))),
    ]
  }
}

/// RFC 4648 §5 without padding.
func base64url(_ bytes: some Sequence<UInt8>) -> String {
  String(
    Data(bytes).base64EncodedString().compactMap { letter -> Character? in
      switch letter {
      case "+": "-"
      case "/": "_"
      case "=": nil
      default: letter
      }
    })
}

/// The bytes of a base64url text without padding; nil for any other spelling.
func bytes(base64url text: String) -> [UInt8]? {
  guard text.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2f && $0 != 0x3d }) else { return nil }
  var standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
  standard += String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
  guard let data = Data(base64Encoded: standard) else { return nil }
  // One value has one spelling: leftover bits must be zero.
  return base64url(data) == text ? Array(data) : nil
}
