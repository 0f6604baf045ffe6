package import Crypto
import FoundationEssentials
package import StrictJSON
package import Vocabulary

/// JWT-SVIDs: a short signed statement that its bearer is a workload, for one audience (JWT-SVID
/// §3).
package enum JWTSVID {
  /// Longest life of a token, and the clocks' difference that is forgiven, in seconds.
  package static let lifetimeMax: Duration = .seconds(3_600)
  package static let skew: Duration = .seconds(10)
  /// Bytes of a token; audiences of one; bytes of an audience.
  package static let bytesMax = 8_192
  package static let audiencesMax = 16
  package static let audienceBytesMax = 512

  /// What a valid token says.
  package struct Claims: Sendable, Hashable {
    package let subject: SpiffeID
    package let audience: [String]
    package let expiry: Instant
    /// All claims as they stand in the token.
    package let all: [String: JSON]
  }

  /// Signs one with ES256.
  /// - Throws: `JWTRefusal.audience` for none, too many or too long, each or all together: a token beyond `bytesMax` is
  ///   one that nobody reads; `.lifetime` outside 1 s–`lifetimeMax`.
  package static func issue(
    for subject: SpiffeID, audience: [String], lifetime: Duration, at moment: Instant,
    key: P256.Signing.PrivateKey
  ) throws(JWTRefusal) -> (token: String, claims: Claims) {
    guard (1...audiencesMax).contains(audience.count),
      audience.allSatisfy(isAudience)
    else { throw .audience }
    guard lifetime >= .seconds(1), lifetime <= lifetimeMax else { throw .lifetime }
    let expiry = Instant(seconds: (moment + lifetime).seconds)
    let claims: [String: JSON] = [
      "sub": .string(subject.description), "aud": .array(audience.map { .string($0) }),
      "iat": .integer(moment.seconds), "exp": .integer(expiry.seconds),
    ]
    let header: [String: JSON] = [
      "alg": .string("ES256"), "typ": .string("JWT"),
      "kid": .string(JWTAuthority(key.publicKey).keyID),
    ]
    let signed =
      base64url(JSON.object(header).canonicalBytes) + "."
      + base64url(JSON.object(claims).canonicalBytes)
    guard let signature = try? key.signature(for: Array(signed.utf8)) else { throw .signature }
    let token = signed + "." + base64url(signature.rawRepresentation)
    guard token.utf8.count <= bytesMax else { throw .audience }
    return (token, Claims(subject: subject, audience: audience, expiry: expiry, all: claims))
  }

  /// Believes a token or says why not (JWT-SVID §4–§5, RFC 8725): ES256 only, a known key, times,
  /// audience. Who validates for no audience is told so, whatever the token says: an empty text names nobody.
  package static func validate(
    _ token: String, audience: String, authorities: [JWTAuthority], trustDomain: String,
    at moment: Instant
  ) throws(JWTRefusal) -> Claims {
    guard token.utf8.count <= bytesMax else { throw .malformed }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let header = object(parts[0]), let claims = object(parts[1]),
      let signature = bytes(base64url: parts[2])
    else { throw .malformed }
    guard header["alg"]?.string == "ES256", header["crit"] == nil else { throw .algorithm }
    if let type = header["typ"] {
      guard ["JWT", "JOSE"].contains(type.string) else { throw .malformed }
    }
    guard let keyID = header["kid"]?.string,
      let authority = authorities.first(where: { $0.keyID == keyID })
    else { throw .unknownKey }
    guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature),
      authority.publicKey.isValidSignature(parsed, for: Array("\(parts[0]).\(parts[1])".utf8))
    else { throw .signature }
    guard let expiry = claims["exp"]?.integer else { throw .malformed }
    guard moment < Instant(seconds: expiry) + skew else { throw .expired }
    for name in ["nbf", "iat"] {
      guard let claim = claims[name] else { continue }
      guard let from = claim.integer else { throw .malformed }
      guard moment + skew >= Instant(seconds: from) else { throw .notYetValid }
    }
    guard let subject = claims["sub"]?.string.flatMap({ SpiffeID($0) }), !subject.path.isEmpty,
      subject.trustDomain == trustDomain
    else { throw .subject }
    guard isAudience(audience), let audiences = audiences(claims["aud"]),
      audiences.contains(audience)
    else { throw .audience }
    return Claims(
      subject: subject, audience: audiences, expiry: Instant(seconds: expiry), all: claims)
  }

  private static func isAudience(_ text: String) -> Bool {
    (1...audienceBytesMax).contains(text.utf8.count)
  }

  /// One name or several (RFC 7519 §4.1.3); nil where there is none, or one that is no name.
  private static func audiences(_ claim: JSON?) -> [String]? {
    if let single = claim?.string { return isAudience(single) ? [single] : nil }
    guard let elements = claim?.array, (1...audiencesMax).contains(elements.count) else {
      return nil
    }
    let names = elements.compactMap(\.string).filter(isAudience)
    return names.count == elements.count ? names : nil
  }

  private static func object(_ part: String) -> [String: JSON]? {
    guard let bytes = bytes(base64url: part) else { return nil }
    return try? JSON.parse(bytes).object
  }
}

/// Why a JWT-SVID is not issued or not believed. Sorted by precedence.
package enum JWTRefusal: String, Error, Hashable, Sendable, CaseIterable {
  case malformed
  /// Not ES256, or a critical header that is not understood.
  case algorithm
  case unknownKey = "unknown-key"
  case signature
  case expired
  case notYetValid = "not-yet-valid"
  /// Not a workload of this trust domain.
  case subject
  case audience
  case lifetime
}
