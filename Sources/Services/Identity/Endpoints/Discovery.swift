package import Chassis
import StrictJSON
import Transport
import Vocabulary

/// OpenID Connect Discovery 1.0 §3 and RFC 8414 §2: what this provider can do, as it does it.
extension Provider {
  package func configuration() -> Answer {
    let members: JSON = [
      "issuer": .string(issuer),
      "authorization_endpoint": .string(issuer + "/oauth2/authorize"),
      "token_endpoint": .string(tokenEndpoint),
      "userinfo_endpoint": .string(issuer + "/oauth2/userinfo"),
      "jwks_uri": .string(issuer + "/oauth2/jwks"),
      "revocation_endpoint": .string(issuer + "/oauth2/revoke"),
      "end_session_endpoint": .string(issuer + "/logout"),
      "scopes_supported": .array(scopes.described.map { .string("\($0.scope)") }),
      "response_types_supported": ["code"],
      "response_modes_supported": ["query"],
      "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
      "subject_types_supported": ["public"],
      "id_token_signing_alg_values_supported": ["ES256", "EdDSA", "RS256"],
      "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
      "token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "RS256"],
      // No registered member: how far ahead the `exp` of a client's assertion may be, in seconds.
      "client_assertion_lifetime_max": .integer(
        AssertionClaims.lifetimeMax.milliseconds / 1_000),
      "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
      "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "RS256"],
      "code_challenge_methods_supported": ["S256"],
      "claims_supported": [
        "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "at_hash", "name",
        "given_name", "family_name", "birthdate", "email", "email_verified",
      ],
      "prompt_values_supported": ["none", "login", "consent", "select_account"],
      "claim_types_supported": ["normal"],
      "ui_locales_supported": ["en"],
      "authorization_response_iss_parameter_supported": true,
      "request_parameter_supported": false,
      "request_uri_parameter_supported": false,
      "claims_parameter_supported": false,
    ]
    return .published(members.canonicalBytes)
  }

  package func keySet() throws -> Answer {
    .published(try keys.published(at: clock.now()).canonicalBytes)
  }
}

extension Answer {
  /// For anybody's cache, for a minute: shorter than a key is announced ahead by far.
  fileprivate static func published(_ body: [UInt8]) -> Answer {
    Answer(
      status: 200,
      headers: ["content-type": "application/json", "cache-control": "public, max-age=60"],
      body: body)
  }
}
