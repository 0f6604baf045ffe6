import IdentityAPI
import Chassis
import StrictJSON
import Tokens
import Vocabulary

/// Who is asking at the token and revocation endpoints: public clients by name (PKCE protects the code), confidential
/// ones by `private_key_jwt` (RFC 7523 §2.2). There are no shared secrets, so there is none to leak.
extension Provider {
  static let assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

  /// - Throws: `OAuthError`; the same text whether the client is unknown or its signature is not its own. What is wrong
  ///   with an assertion that it did sign is named, for its developer.
  func authenticate(_ form: Form, _ visit: Visit) async throws -> RegisteredClient {
    let named = try nameByField(visit.authorization) ?? form["client_id"]
    guard (form["client_secret"] ?? "").isEmpty else {
      throw OAuthError(.invalidClient, Self.noSecrets)
    }
    let id = named.map { ClientID($0) }
    if let id, id == nil { throw Self.unproven }
    if let named, let own = form["client_id"], named != own { throw Self.unproven }
    if let assertion = form["client_assertion"] {
      guard form["client_assertion_type"] == Self.assertionType else {
        throw OAuthError(
          .invalidClient, "client_assertion_type must be \(Self.assertionType)")
      }
      let client = try await proven(assertion, visit)
      guard id == nil || id == client.id else { throw Self.unproven }
      return client
    }
    guard form["client_assertion_type"] == nil, let id = id ?? nil,
      let client = try await store.client(id), client.kind == .public
    else { throw Self.unproven }
    return client
  }

  private static let unproven = OAuthError(
    .invalidClient, "the client is unknown or has not proven who it is")
  private static let noSecrets =
    "there are no client secrets here: public clients send client_id, confidential ones client_assertion "
    + "(private_key_jwt)"

  /// Whom an `Authorization` field names: only a public client, which has no secret to show.
  private func nameByField(_ field: String?) throws -> String? {
    guard let field else { return nil }
    guard let basic = BasicCredentials(field), !basic.hasSecret else {
      // RFC 6749 §5.2: the challenge names the scheme that was tried.
      let scheme = field.prefix { $0 != " " }.lowercased() == "bearer" ? "Bearer" : "Basic"
      throw OAuthError(
        .invalidClient, Self.noSecrets, challenge: "\(scheme) realm=\"strongroom\"")
    }
    return basic.name
  }

  private func proven(_ assertion: String, _ visit: Visit) async throws -> RegisteredClient {
    guard let token = ClientAssertion(assertion) else {
      throw OAuthError(
        .invalidClient,
        "client_assertion is not a JWT of typ JWT or client-authentication+jwt, signed with ES256, EdDSA or "
          + "RS256")
    }
    guard let id = AssertionClaims.claimedClient(token.claims),
      let client = try await store.client(id), client.kind == .confidential
    else { throw Self.unsigned }
    let journal = journal(visit)
    guard token.isSigned(by: client.keys) else {
      try await refused(id, "bad-assertion", journal)
      throw Self.unsigned
    }
    let claims: AssertionClaims
    do {
      claims = try AssertionClaims(
        token.claims, client: id, audiences: [issuer, tokenEndpoint, issuer + "/oauth2/revoke"],
        at: journal.at)
    } catch {
      try await refused(id, "assertion-\(error.name)", journal)
      throw OAuthError(.invalidClient, "client_assertion: \(error.text(issuer: issuer))")
    }
    switch try await store.use(assertion: claims.jti, of: id, until: claims.expiresAt) {
    case .first: return client
    case .replayed:
      try await refused(id, "assertion-replayed", journal)
      throw OAuthError(.invalidClient, "client_assertion: this jti was used before")
    case .tooMany:
      try await refused(id, "assertions-too-many", journal)
      throw OAuthError(
        .invalidClient,
        "client_assertion: too many are alive; keep access tokens until they expire, or let exp be sooner"
      )
    }
  }

  private static let unsigned = OAuthError(
    .invalidClient,
    "client_assertion: sub names no confidential client, or the signature is by none of its keys (see kid)"
  )

  private func refused(_ id: ClientID, _ reason: String, _ journal: Journal) async throws {
    try await store.note(
      IdentityEvent("token", "client-refused", reason: reason, client: "\(id)"),
      journal: journal)
  }
}
