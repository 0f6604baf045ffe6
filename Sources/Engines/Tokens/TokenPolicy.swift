package import StrictJSON
package import Vocabulary

/// What a receiver demands of a token's claims (RFC 7519 §4.1, RFC 8725). A pure rule: the time is
/// passed in.
package struct TokenPolicy: Hashable, Sendable {
  /// `iss`, compared exactly.
  package let issuer: String
  /// Names of the receiver; `aud` must hold at least one of them.
  package let audiences: Set<String>
  /// Accepted `typ` values, in lower case and without `application/`: a token of one kind must not
  /// pass for another.
  package let types: Set<String>
  /// Accept a token without `typ` as well. Only for assertions of foreign clients, many of which
  /// send none.
  package let allowsMissingType: Bool
  /// How far the clocks of issuer and receiver may differ (0–300 s).
  package let clockSkew: Duration
  /// Longest span from `iat` to `exp`; with it, `iat` is mandatory. Nil leaves both open.
  package let lifetimeMax: Duration?

  package static let clockSkewMax: Duration = .seconds(300)

  package init(
    issuer: String, audiences: Set<String>, types: Set<String>, allowsMissingType: Bool = false,
    clockSkew: Duration = .seconds(5), lifetimeMax: Duration? = nil
  ) {
    self.issuer = issuer
    self.audiences = audiences
    self.types = types
    self.allowsMissingType = allowsMissingType
    self.clockSkew = min(max(clockSkew, .zero), Self.clockSkewMax)
    self.lifetimeMax = lifetimeMax
  }

  /// The claims of a token that may be believed now.
  /// - Throws: `TokenRefusal` in this order: `.wrongType`, `.malformed`, `.claimRefused` (`iss`,
  /// `sub`, `aud`, `exp`,
  ///   `nbf`, `iat`, `jti`), `.wrongIssuer`, `.wrongAudience`, `.expired`, `.notYetValid`, `.issuedInFuture`,
  ///   `.livesTooLong`.
  package func claims(
    of token: VerifiedToken, at now: Instant
  ) throws(TokenRefusal) -> TokenClaims {
    if let type = token.header.type {
      guard types.contains(type) else { throw .wrongType }
    } else {
      guard allowsMissingType else { throw .wrongType }
    }
    let claims = try TokenClaims(claimsObject(token.payload))
    guard claims.issuer == issuer else { throw .wrongIssuer }
    guard !audiences.isDisjoint(with: claims.audiences) else { throw .wrongAudience }
    guard now < claims.expiresAt + clockSkew else { throw .expired }
    if let notBefore = claims.notBefore, now + clockSkew < notBefore { throw .notYetValid }
    if let issuedAt = claims.issuedAt, now + clockSkew < issuedAt { throw .issuedInFuture }
    if let lifetimeMax {
      guard let issuedAt = claims.issuedAt else { throw .claimRefused("iat") }
      guard claims.expiresAt - issuedAt <= lifetimeMax else { throw .livesTooLong }
    }
    return claims
  }
}

/// Claims that hold: the registered ones as values, the others by name.
package struct TokenClaims: Sendable {
  package let issuer: String
  package let subject: String?
  package let audiences: [String]
  package let expiresAt: Instant
  package let notBefore: Instant?
  package let issuedAt: Instant?
  /// `jti`, the name by which a token can be remembered as used.
  package let id: String?
  /// All claims, registered ones included.
  package let members: JSON

  package subscript(_ claim: String) -> JSON? { members[claim] }

  fileprivate init(_ members: JSON) throws(TokenRefusal) {
    func text(_ name: String) throws(TokenRefusal) -> String? {
      guard let value = members[name] else { return nil }
      guard let text = value.string, !text.isEmpty else { throw .claimRefused(name) }
      return text
    }
    guard let issuer = try text("iss") else { throw .claimRefused("iss") }
    self.issuer = issuer
    subject = try text("sub")
    audiences = try Self.audiences(members["aud"])
    guard let expiresAt = try Self.instant("exp", members, .down) else {
      throw .claimRefused("exp")
    }
    self.expiresAt = expiresAt
    notBefore = try Self.instant("nbf", members, .up)
    issuedAt = try Self.instant("iat", members, .up)
    id = try text("jti")
    self.members = members
  }

  /// One string or an array of strings (RFC 7519 §4.1.3); mandatory here.
  private static func audiences(_ claim: JSON?) throws(TokenRefusal) -> [String] {
    if case .string(let single) = claim { return [single] }
    guard let elements = claim?.array, (1...TokenLimits.audiencesMax).contains(elements.count)
    else { throw .claimRefused("aud") }
    let audiences = elements.compactMap(\.string)
    guard audiences.count == elements.count else { throw .claimRefused("aud") }
    return audiences
  }

  /// A NumericDate (RFC 7519 §2), a fraction rounded so that the span of validity never grows; from
  /// 1970 to 2262, the range of `Instant`.
  private static func instant(
    _ name: String, _ members: JSON, _ rounding: FloatingPointRoundingRule
  ) throws(TokenRefusal) -> Instant? {
    guard let claim = members[name] else { return nil }
    let latest: Int64 = 9_223_372_036
    switch claim {
    case .integer(let seconds) where (0...latest).contains(seconds):
      return Instant(seconds: seconds)
    case .number(let seconds) where seconds >= 0 && seconds <= Double(latest):
      return Instant(seconds: Int64(seconds.rounded(rounding)))
    case .null, .bool, .integer, .number, .string, .array, .object: throw .claimRefused(name)
    }
  }
}

#if DEBUG
  extension TokenClaims {
    /// For the test of a drill that must notice when nothing is checked; not in a release.
    package static func believed(_ token: VerifiedToken) throws -> TokenClaims {
      try TokenClaims(JSON.parse(token.payload))
    }
  }
#endif
