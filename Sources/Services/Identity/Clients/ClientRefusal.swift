import IdentityAPI
package import Vocabulary

/// Why a client cannot be registered.
package enum ClientRefusal: Refusal, Equatable, CaseIterable {
  case badName, badGrants, badRedirectURI, localhostRedirectURI, badScopes, badKeys, badAlgorithm
  case badOrigins, exists, idOfPerson, tooManyOrigins

  package var problem: Problem {
    switch self {
    case .badName: invalid("name", "1 to 60 visible characters on one line")
    case .badGrants:
      invalid(
        "grants", "each once; refresh_token needs authorization_code, client_credentials a key")
    case .badRedirectURI:
      invalid(
        "redirect_uris",
        "https, a loopback address or a private-use scheme, no fragment; only with "
          + "authorization_code, and then at least one")
    case .localhostRedirectURI:
      invalid(
        "redirect_uris",
        "localhost may be another machine (RFC 8252 §8.3): write http://127.0.0.1 with the same path; any port is then "
          + "allowed")
    case .badScopes:
      invalid("scopes", "1 to 64, each once; offline_access needs refresh_token")
    case .badKeys:
      invalid(
        "keys",
        "1 to 5 public keys for confidential clients, none for public: ES256, EdDSA, or RS256 with 2048 to "
          + "4096 bits and the exponent AQAB")
    case .badAlgorithm:
      invalid(
        "id_token_signed_response_alg",
        "RS256, or absent for what the platform signs with (ES256 or EdDSA)")
    case .badOrigins:
      invalid(
        "web_origins",
        "at most \(WebOrigin.perClientMax), each once, as a browser sends them: https://app.example, or "
          + "http://localhost:3000 while developing")
    case .exists:
      Problem(
        "client-exists", 409, "This client id is taken by a client with other details",
        kind: .differs)
    case .idOfPerson: Problem("subject-taken", 409, "This id is a person's")
    case .tooManyOrigins:
      Problem(
        "too-many-origins", 409, "No more origins can be registered",
        detail: "all clients together have \(WebOrigins.originsMax)")
    }
  }

  private func invalid(_ field: String, _ detail: String) -> Problem {
    Problem(
      "invalid-client", 422, "The client cannot be registered", detail: detail,
      fields: ["field": field])
  }
}
