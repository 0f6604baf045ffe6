package import StrictJSON
package import Vocabulary

/// What the claims of a client's assertion must say (RFC 7523 §3, OpenID Connect Core 1.0 §9 `private_key_jwt`). The
/// signature has been checked by then.
package struct AssertionClaims: Sendable, Equatable {
  /// An assertion may not live longer from now.
  package static let lifetimeMax: Duration = .seconds(300)
  /// What two clocks may disagree by.
  package static let skewMax: Duration = .seconds(10)
  package static let jtiBytesMax = 255

  package let jti: String
  package let expiresAt: Instant

  /// The client an assertion claims to be from, to find the keys by. Proves nothing yet.
  package static func claimedClient(_ claims: JSON) -> ClientID? {
    claims["sub"]?.string.flatMap { ClientID($0) }
  }

  /// Nil unless issuer and subject are the client, the audience is one of ours alone, and the times fit.
  /// - Parameter audiences: the issuer, and the token endpoint's address.
  package init?(_ claims: JSON, client: ClientID, audiences: Set<String>, at now: Instant) {
    guard claims["iss"]?.string == "\(client)", claims["sub"]?.string == "\(client)" else {
      return nil
    }
    // One audience only: an assertion that is also meant for somebody else could be used here by them.
    let audience =
      claims["aud"]?.string ?? claims["aud"]?.array.flatMap { $0.count == 1 ? $0[0].string : nil }
    guard let audience, audiences.contains(audience) else { return nil }
    guard let jti = claims["jti"]?.string, (1...Self.jtiBytesMax).contains(jti.utf8.count) else {
      return nil
    }
    guard let exp = claims["exp"]?.integer, (0...253_402_300_799).contains(exp) else { return nil }
    let expiresAt = Instant(seconds: exp)
    guard now < expiresAt + Self.skewMax, expiresAt <= now + Self.lifetimeMax + Self.skewMax else {
      return nil
    }
    for name in ["iat", "nbf"] {
      guard let claim = claims[name] else { continue }
      guard let seconds = claim.integer, (0...253_402_300_799).contains(seconds),
        Instant(seconds: seconds) <= now + Self.skewMax
      else { return nil }
    }
    self.jti = jti
    // Kept a little longer than it is good, because of the allowance above.
    self.expiresAt = expiresAt + Self.skewMax
  }
}
