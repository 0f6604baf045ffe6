package import StrictJSON
package import Vocabulary

/// How long what we sign is good.
package enum TokenLifetimes {
  /// Short, so that a stolen token is soon worthless even where nobody noticed.
  package static let access: Duration = .seconds(300)
  package static let identity: Duration = .seconds(300)
  /// How long a revocation must be known: the longest access token, and a minute for clocks that disagree.
  package static let revocationMax: Duration = .seconds(360)
}

/// The claims of what we sign. Pure: ids and time come in.
package enum IssuedClaims {
  /// The audience of every access token: the platform's API as a whole; what it opens is said by its scopes.
  package static let audience = "strongroom-api"
  package static let accessType = "at+jwt"
  package static let identityType = "JWT"
  /// The longest life of anything signed here.
  package static let longest = max(TokenLifetimes.access, TokenLifetimes.identity)

  /// An access token for a person's grant (RFC 9068 §2.2). Without `sid` where the person let the client stay connected:
  /// such a grant does not end with the browser session.
  package static func access(
    issuer: String, grant: Grant, scopes: Set<Scope>, jti: String, at now: Instant
  ) -> JSON {
    var claims: [String: JSON] = [
      "iss": .string(issuer), "sub": .string("\(grant.person)"), "aud": .string(audience),
      "client_id": .string("\(grant.client)"), "scope": .string(Scopes.text(scopes)),
      "jti": .string(jti), "family": .string("\(grant.family)"),
      "auth_time": .integer(grant.signedInAt.seconds), "iat": .integer(now.seconds),
      "exp": .integer((now + TokenLifetimes.access).seconds),
    ]
    if !grant.scopes.contains(Scopes.offlineAccess) { claims["sid"] = .string("\(grant.session)") }
    return .object(claims)
  }

  /// An access token for a client that acts for itself: its own id is the subject (RFC 9068 §2.2).
  package static func access(
    issuer: String, client: ClientID, scopes: Set<Scope>, jti: String, at now: Instant
  ) -> JSON {
    [
      "iss": .string(issuer), "sub": .string("\(client)"), "aud": .string(audience),
      "client_id": .string("\(client)"), "scope": .string(Scopes.text(scopes)),
      "jti": .string(jti), "iat": .integer(now.seconds),
      "exp": .integer((now + TokenLifetimes.access).seconds),
    ]
  }

  /// An ID token (OpenID Connect Core 1.0 §2).
  /// - Parameter accessTokenDigest: `at_hash`, base64url of the left half of the access token's SHA-256.
  package static func identity(
    issuer: String, grant: Grant, nonce: String?, accessTokenDigest: String, at now: Instant
  ) -> JSON {
    var claims: [String: JSON] = [
      "iss": .string(issuer), "sub": .string("\(grant.person)"),
      "aud": .string("\(grant.client)"), "sid": .string("\(grant.session)"),
      "auth_time": .integer(grant.signedInAt.seconds), "at_hash": .string(accessTokenDigest),
      "iat": .integer(now.seconds), "exp": .integer((now + TokenLifetimes.identity).seconds),
    ]
    if let nonce { claims["nonce"] = .string(nonce) }
    return .object(claims)
  }
}
