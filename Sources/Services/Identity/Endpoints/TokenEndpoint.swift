package import Chassis
import Crypto
import IdentityAPI
import StrictJSON
import Tokens
import Vocabulary

/// The token endpoint (RFC 6749 §3.2). Errors are OAuth's own, not problem+json, because clients expect them.
extension Provider {
  package func token(_ visit: Visit) async throws -> Answer {
    do {
      let form = try form(visit)
      let client = try await authenticate(form, visit)
      guard try await !store.isCutOff(client: client.id) else { throw Self.cutOff }
      switch form["grant_type"] {
      case "authorization_code": return try await exchangeCode(form, client, visit)
      case "refresh_token": return try await exchangeRefreshToken(form, client, visit)
      case "client_credentials": return try await grantToClient(form, client, visit)
      case nil: throw OAuthError(.invalidRequest, "grant_type is missing")
      default: throw OAuthError(.unsupportedGrantType, "this grant type is not supported")
      }
    } catch let error as OAuthError {
      return .oauth(error)
    }
  }

  /// RFC 6749 §5.2: this client may not use this grant type, and no other.
  private static let cutOff = OAuthError(.unauthorizedClient, "the client is suspended")

  func form(_ visit: Visit) throws(OAuthError) -> Form {
    do {
      return try visit.form()
    } catch {
      throw OAuthError(.invalidRequest, error.text)
    }
  }

  private func exchangeCode(
    _ form: Form, _ client: RegisteredClient, _ visit: Visit
  ) async throws -> Answer {
    try require(.authorizationCode, of: client)
    guard let code = form["code"], let uri = form["redirect_uri"],
      let verifier = form["code_verifier"]
    else { throw OAuthError(.invalidRequest, "code, redirect_uri and code_verifier are needed") }
    let journal = journal(visit)
    let refreshToken = newSecret()
    let outcome = try await store.redeem(
      CodeRedemption(
        code: code, client: client.id, redirectURI: uri, verifier: verifier,
        refreshToken: refreshToken), journal: journal)
    guard case .granted(let grant, let nonce, let refreshes) = outcome else {
      throw OAuthError(.invalidGrant, "the code is not good (any more)")
    }
    return try answer(
      to: grant, scopes: grant.scopes, nonce: nonce,
      refreshToken: refreshes ? refreshToken : nil, client, journal)
  }

  private func exchangeRefreshToken(
    _ form: Form, _ client: RegisteredClient, _ visit: Visit
  ) async throws -> Answer {
    try require(.refreshToken, of: client)
    guard let token = form["refresh_token"] else {
      throw OAuthError(.invalidRequest, "refresh_token is missing")
    }
    let wanted = try form["scope"].map { text throws(OAuthError) in
      // What a library asks for by itself at every refresh was left out when it signed in, or is in the grant.
      try scopes.granted(text, of: client.scopes)
    }
    let journal = journal(visit)
    let outcome = try await store.refresh(
      token, by: client.id, wanting: wanted,
      salt: randomness.bytes(RefreshSuccessor.saltBytes), journal: journal)
    switch outcome {
    case .refreshed(let grant, let successor):
      return try answer(
        to: grant, scopes: wanted ?? grant.scopes, nonce: nil, refreshToken: successor, client,
        journal)
    case .beyondScope: throw OAuthError(.invalidScope, "scope is more than was granted")
    case .granted, .refused:
      throw OAuthError(.invalidGrant, "the refresh token is not good (any more)")
    }
  }

  private func grantToClient(
    _ form: Form, _ client: RegisteredClient, _ visit: Visit
  ) async throws -> Answer {
    try require(.clientCredentials, of: client)
    let scopes = try scopes.granted(
      form["scope"], of: client.scopes.subtracting(Scopes.personal))
    let journal = journal(visit)
    let jti = newTokenID(journal)
    let isAdmitted = try await store.admit(
      client.id,
      IdentityEvent(
        "token", "tokens-issued", subject: "\(client.id)", client: "\(client.id)",
        detail: ["scopes": Scopes.text(scopes), "jti": jti]), journal: journal)
    guard isAdmitted else { throw Self.cutOff }
    let token = try keys.sign(
      IssuedClaims.accessType,
      IssuedClaims.access(
        issuer: issuer, client: client.id, scopes: scopes, jti: jti, at: journal.at))
    return .uncached(200, .object(members(token, scopes)))
  }

  private func require(_ grant: NewClient.Grant, of client: RegisteredClient) throws(OAuthError) {
    guard client.grants.contains(grant) else {
      throw OAuthError(.unauthorizedClient, "the client is not registered for this grant type")
    }
  }

  private func answer(
    to grant: Grant, scopes: Set<Scope>, nonce: String?, refreshToken: String?,
    _ client: RegisteredClient, _ journal: Journal
  ) throws -> Answer {
    let access = try keys.sign(
      IssuedClaims.accessType,
      IssuedClaims.access(
        issuer: issuer, grant: grant, scopes: scopes, jti: newTokenID(journal), at: journal.at))
    var members = members(access, scopes)
    if scopes.contains(Scopes.openid) {
      let digest = SHA256.hash(data: Array(access.utf8)).prefix(16)
      members["id_token"] = .string(
        try keys.sign(
          IssuedClaims.identityType,
          IssuedClaims.identity(
            issuer: issuer, grant: grant, nonce: nonce, accessTokenDigest: Base64URL.encode(digest),
            at: journal.at), by: client.wantsRS256 ? .rsa : .own))
    }
    if let refreshToken { members["refresh_token"] = .string(refreshToken) }
    return .uncached(200, .object(members))
  }

  private func members(_ access: String, _ scopes: Set<Scope>) -> [String: JSON] {
    [
      "access_token": .string(access), "token_type": "Bearer",
      "expires_in": .integer(TokenLifetimes.access.milliseconds / 1_000),
      "scope": .string(Scopes.text(scopes)),
    ]
  }

  private func newTokenID(_ journal: Journal) -> String {
    "\(AccessTokenID(at: journal.at, random: randomness.bits128()))"
  }
}

enum AccessTokenKind {}
/// The `jti` of an access token.
typealias AccessTokenID = ID<AccessTokenKind>
