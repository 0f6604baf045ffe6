/// An error in OAuth's own words (RFC 6749 §4.1.2.1 and §5.2; OpenID Connect Core 1.0 §3.1.2.6). The description is for
/// the client's developer; it never tells which of several secrets was wrong.
package struct OAuthError: Error, Hashable, Sendable {
  package enum Code: String, Sendable, CaseIterable {
    case invalidRequest = "invalid_request"
    case invalidClient = "invalid_client"
    case invalidGrant = "invalid_grant"
    case unauthorizedClient = "unauthorized_client"
    case unsupportedGrantType = "unsupported_grant_type"
    case unsupportedResponseType = "unsupported_response_type"
    case unsupportedTokenType = "unsupported_token_type"
    case invalidScope = "invalid_scope"
    case accessDenied = "access_denied"
    case loginRequired = "login_required"
    case consentRequired = "consent_required"
    case requestNotSupported = "request_not_supported"
    case requestURINotSupported = "request_uri_not_supported"
    case registrationNotSupported = "registration_not_supported"
  }

  package let code: Code
  package let description: String

  /// `WWW-Authenticate`, where the client tried an `Authorization` field (RFC 6749 §5.2); else nil.
  package let challenge: String?

  package init(_ code: Code, _ description: String, challenge: String? = nil) {
    self.code = code
    self.description = description
    self.challenge = challenge
  }

  /// On the token endpoint.
  package var status: Int { code == .invalidClient ? 401 : 400 }
}
