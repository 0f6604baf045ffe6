package import StrictJSON
package import Vocabulary

/// What the claims of a client's assertion must say (RFC 7523 §3, OpenID Connect Core 1.0 §9 `private_key_jwt`). The
/// signature has been checked by then.
package struct AssertionClaims: Sendable, Equatable {
  /// An assertion may not live longer from now. An hour, because widespread libraries know no other life (Authlib); who
  /// takes one away in that time can do nothing with it, since it works once.
  package static let lifetimeMax: Duration = .seconds(3_600)
  /// What two clocks may disagree by.
  package static let skewMax: Duration = .seconds(10)
  package static let jtiBytesMax = 255

  package let jti: String
  package let expiresAt: Instant

  /// The client an assertion claims to be from, to find the keys by. Proves nothing yet.
  package static func claimedClient(_ claims: JSON) -> ClientID? {
    claims["sub"]?.string.flatMap { ClientID($0) }
  }

  /// - Parameter audiences: the issuer, and the token endpoint's address.
  /// - Throws: `AssertionFault`, the first that is found.
  package init(
    _ claims: JSON, client: ClientID, audiences: Set<String>, at now: Instant
  ) throws(AssertionFault) {
    guard claims["iss"]?.string == "\(client)" else { throw .issuer }
    guard claims["sub"]?.string == "\(client)" else { throw .subject }
    // Names of ours only: an assertion that is also meant for somebody else could be used here by them. Some libraries
    // send several of ours.
    let named = claims["aud"]?.string.map { [$0] } ?? claims["aud"]?.array?.compactMap(\.string)
    guard let named, !named.isEmpty, named.count == claims["aud"]?.array?.count ?? 1,
      audiences.isSuperset(of: named)
    else { throw .audience }
    guard let jti = claims["jti"]?.string, (1...Self.jtiBytesMax).contains(jti.utf8.count) else {
      throw .id
    }
    // A fraction of a second is cut off an end, and filled up at a beginning: the span never grows.
    guard let expiresAt = Self.moment(claims["exp"], .down) else { throw .expiry }
    guard now < expiresAt + Self.skewMax else { throw .expired }
    guard expiresAt <= now + Self.lifetimeMax + Self.skewMax else { throw .livesTooLong }
    for (name, fault) in [("iat", AssertionFault.issuedAt), ("nbf", .notBefore)] {
      guard let claim = claims[name] else { continue }
      guard let moment = Self.moment(claim, .up), moment <= now + Self.skewMax else { throw fault }
    }
    self.jti = jti
    // Kept a little longer than it is good, because of the allowance above.
    self.expiresAt = expiresAt + Self.skewMax
  }

  /// A NumericDate (RFC 7519 §2): seconds, a fraction allowed, up to the year 2262.
  private static func moment(_ claim: JSON?, _ rounding: FloatingPointRoundingRule) -> Instant? {
    let latest: Int64 = 9_000_000_000
    switch claim {
    case .integer(let seconds) where (0...latest).contains(seconds):
      return Instant(seconds: seconds)
    case .number(let seconds) where seconds >= 0 && seconds <= Double(latest):
      return Instant(seconds: Int64(seconds.rounded(rounding)))
    default: return nil
    }
  }
}

/// What is wrong with an assertion that the client itself signed.
package enum AssertionFault: String, Error, Equatable, Sendable, CaseIterable {
  case issuer, subject, audience, id, expiry, expired, issuedAt, notBefore, livesTooLong

  /// A word for the audit record.
  package var name: String {
    switch self {
    case .issuer: "iss"
    case .subject: "sub"
    case .audience: "aud"
    case .id: "jti"
    case .expiry: "exp"
    case .expired: "expired"
    case .issuedAt: "iat"
    case .notBefore: "nbf"
    case .livesTooLong: "lives-too-long"
    }
  }

  /// For the client's developer.
  package func text(issuer: String) -> String {
    let ahead = AssertionClaims.lifetimeMax.milliseconds / 1_000
    let skew = AssertionClaims.skewMax.milliseconds / 1_000
    return switch self {
    case .issuer: "iss must be the client_id"
    case .subject: "sub must be the client_id"
    case .audience: "aud must be \(issuer) or \(issuer)/oauth2/token, and nobody else's"
    case .id: "jti is missing, or not a text of 1 to \(AssertionClaims.jtiBytesMax) bytes"
    case .expiry: "exp is missing, or not a number of seconds since 1970"
    case .expired: "it has expired (exp)"
    case .livesTooLong: "exp may be at most \(ahead) seconds ahead"
    case .issuedAt: "iat is not a number of seconds since 1970, or more than \(skew) seconds ahead"
    case .notBefore: "nbf is not a number of seconds since 1970, or more than \(skew) seconds ahead"
    }
  }
}
