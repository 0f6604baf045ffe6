import IdentityAPI
import Chassis
import StrictJSON
import Tokens
import Vocabulary

/// Who is asking at the token and revocation endpoints: public clients by name (PKCE protects the code), confidential
/// ones by `private_key_jwt` (RFC 7523 §2.2). There are no shared secrets, so there is none to leak.
extension Provider {
  static let assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

  /// - Throws: `OAuthError`; the same text whether the client is unknown or its proof is bad.
  func authenticate(_ form: Form, _ visit: Visit) async throws -> RegisteredClient {
    guard visit.authorization == nil, form["client_secret"] == nil else {
      throw OAuthError(.invalidClient, "clients authenticate by private_key_jwt")
    }
    let named = form["client_id"].map { ClientID($0) }
    if let named, named == nil { throw Self.unproven }
    if let assertion = form["client_assertion"] {
      guard form["client_assertion_type"] == Self.assertionType else {
        throw OAuthError(.invalidClient, "this client_assertion_type is not supported")
      }
      let client = try await proven(assertion, visit)
      guard named == nil || named == client.id else { throw Self.unproven }
      return client
    }
    guard form["client_assertion_type"] == nil, let id = named ?? nil,
      let client = try await store.client(id), client.kind == .public
    else { throw Self.unproven }
    return client
  }

  private static let unproven = OAuthError(
    .invalidClient, "the client is unknown or has not proven who it is")

  private func proven(_ assertion: String, _ visit: Visit) async throws -> RegisteredClient {
    guard let token = ClientAssertion(assertion),
      let id = AssertionClaims.claimedClient(token.claims),
      let client = try await store.client(id), client.kind == .confidential
    else { throw Self.unproven }
    let journal = journal(visit)
    guard token.isSigned(by: client.keys),
      let claims = AssertionClaims(
        token.claims, client: id, audiences: [issuer, tokenEndpoint], at: journal.at)
    else {
      try await store.note(
        IdentityEvent("token", "client-refused", reason: "bad-assertion", client: "\(id)"),
        journal: journal)
      throw Self.unproven
    }
    guard try await store.use(assertion: claims.jti, of: id, until: claims.expiresAt) else {
      try await store.note(
        IdentityEvent("token", "client-refused", reason: "assertion-replayed", client: "\(id)"),
        journal: journal)
      throw Self.unproven
    }
    return client
  }
}
