package import Vocabulary

/// What the identity service promises: an OpenID Connect provider for the world, and registration, key rotation and the
/// revocation feed for the platform itself.
///
/// Browser pages and OAuth endpoints speak forms and redirects (RFC 6749, OpenID Connect Core 1.0), so their constants
/// carry no body types; the registration operations and the feed are ordinary JSON.
package enum IdentityOperations {
  package static let service: ServiceName = "identity"

  /// OpenID Connect Discovery 1.0 §4, which is also RFC 8414 metadata.
  package static let getConfiguration = Operation<Nothing, Nothing>(
    "getConfiguration", of: service, .get, "/.well-known/openid-configuration")
  /// RFC 7517 §5: the public keys, the announced next one included.
  package static let getJWKS = Operation<Nothing, PublishedKeys>(
    "getJWKS", of: service, .get, "/oauth2/jwks")
  /// RFC 6749 §4.1.1 with PKCE (RFC 7636, S256 only).
  package static let authorize = Operation<Nothing, Nothing>(
    "authorize", of: service, .get, "/oauth2/authorize")
  /// The page with the login form.
  package static let getLogin = Operation<Nothing, Nothing>("getLogin", of: service, .get, "/login")
  package static let login = Operation<Nothing, Nothing>("login", of: service, .post, "/login")
  package static let consent = Operation<Nothing, Nothing>(
    "consent", of: service, .post, "/consent")
  /// The page that asks whether to sign out (OpenID Connect RP-Initiated Logout 1.0 §2).
  package static let getLogout = Operation<Nothing, Nothing>(
    "getLogout", of: service, .get, "/logout")
  package static let logout = Operation<Nothing, Nothing>("logout", of: service, .post, "/logout")
  /// RFC 6749 §3.2: authorization code, refresh token, client credentials.
  package static let token = Operation<Nothing, Nothing>(
    "token", of: service, .post, "/oauth2/token")
  /// RFC 7009.
  package static let revoke = Operation<Nothing, Nothing>(
    "revoke", of: service, .post, "/oauth2/revoke")
  /// OpenID Connect Core 1.0 §5.3; the subject comes from the transaction token.
  package static let userinfo = Operation<Nothing, UserInfo>(
    "userinfo", of: service, .get, "/oauth2/userinfo")

  /// Idempotent by client id; other details under the same id are refused with `client-exists`.
  package static let registerClient = Operation<NewClient, ClientReceipt>(
    "registerClient", of: service, .post, "/v1/clients")
  /// Idempotent by person id together with login and password; otherwise refused with `person-exists` or
  /// `login-taken`. No name is stored here.
  package static let createPerson = Operation<NewPerson, PersonReceipt>(
    "createPerson", of: service, .post, "/v1/people")
  /// The announced key becomes the signing key, and the next one is announced.
  package static let rotateSigningKey = Operation<KeyRotation, KeyRotationReceipt>(
    "rotateSigningKey", of: service, .post, "/v1/keys/rotations")
  /// Query `after`: the last sequence the caller has seen (0 at first). At most `RevocationPage.entriesMax` entries,
  /// oldest first.
  package static let listRevocations = Operation<Nothing, RevocationPage>(
    "listRevocations", of: service, .get, "/v1/revocations")
}

/// A public key as JWK (RFC 7517; P-256 of RFC 7518 §6.2, Ed25519 of RFC 8037).
package struct PublishedKey: Codable, Sendable, Hashable {
  /// `EC` or `OKP`.
  package let kty: String
  /// `P-256` or `Ed25519`.
  package let crv: String
  /// base64url without padding, 32 bytes.
  package let x: String
  /// base64url without padding, 32 bytes; only for `EC`.
  package let y: String?
  /// 1–64 visible ASCII characters.
  package let kid: String
  /// `ES256` or `EdDSA`.
  package let alg: String
  /// Always `sig` where present.
  package let use: String?

  package init(
    kty: String, crv: String, x: String, y: String?, kid: String, alg: String, use: String? = "sig"
  ) {
    self.kty = kty
    self.crv = crv
    self.x = x
    self.y = y
    self.kid = kid
    self.alg = alg
    self.use = use
  }
}

/// A JWK Set (RFC 7517 §5).
package struct PublishedKeys: Codable, Sendable, Hashable {
  package let keys: [PublishedKey]
  package init(keys: [PublishedKey]) { self.keys = keys }
}

/// The body of `registerClient`.
package struct NewClient: Codable, Sendable, Hashable {
  /// RFC 6749 §2.1.
  package enum Kind: String, Codable, Sendable, Hashable {
    /// An application on the person's device: no credential, PKCE only.
    case `public`
    /// A server: authenticates by `private_key_jwt` with one of `keys`.
    case confidential
  }
  package enum Grant: String, Codable, Sendable, Hashable, CaseIterable {
    case authorizationCode = "authorization_code"
    case refreshToken = "refresh_token"
    case clientCredentials = "client_credentials"
  }

  package let id: ClientID
  /// Shown on the login and consent pages; 1–60 characters.
  package let name: String
  package let kind: Kind
  package let grants: [Grant]
  /// Compared as exact strings (RFC 9700 §2.1); at most 10.
  package let redirectURIs: [String]
  /// Where the browser may be sent after logout; at most 10.
  package let postLogoutRedirectURIs: [String]?
  /// The most this client may ever ask for.
  package let scopes: [String]
  /// At most 5, with distinct `kid`; needed for confidential clients, refused for public ones.
  package let keys: [PublishedKey]?

  package init(
    id: ClientID, name: String, kind: Kind, grants: [Grant], redirectURIs: [String] = [],
    postLogoutRedirectURIs: [String]? = nil, scopes: [String], keys: [PublishedKey]? = nil
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.grants = grants
    self.redirectURIs = redirectURIs
    self.postLogoutRedirectURIs = postLogoutRedirectURIs
    self.scopes = scopes
    self.keys = keys
  }
  private enum CodingKeys: String, CodingKey {
    case id, name, kind, grants, scopes, keys
    case redirectURIs = "redirect_uris"
    case postLogoutRedirectURIs = "post_logout_redirect_uris"
  }
}

package struct ClientReceipt: Codable, Sendable, Hashable {
  package let id: ClientID
  package let createdAt: Instant
  package init(id: ClientID, createdAt: Instant) {
    self.id = id
    self.createdAt = createdAt
  }
  private enum CodingKeys: String, CodingKey {
    case id
    case createdAt = "created_at"
  }
}

/// The body of `createPerson`.
package struct NewPerson: Codable, Sendable, Hashable {
  package let id: PersonID
  /// What the person types to sign in, 1–254 characters; kept only as a keyed blind index.
  package let login: Masked<String>
  /// 12–128 characters; see `PasswordPolicy`.
  package let password: Masked<String>

  package init(id: PersonID, login: String, password: String) {
    self.id = id
    self.login = Masked(login)
    self.password = Masked(password)
  }
  private enum CodingKeys: String, CodingKey { case id, login, password }
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(login.reveal(for: .signIn), forKey: .login)
    try fields.encode(password.reveal(for: .signIn), forKey: .password)
  }
}

package struct PersonReceipt: Codable, Sendable, Hashable {
  package let id: PersonID
  package let createdAt: Instant
  package init(id: PersonID, createdAt: Instant) {
    self.id = id
    self.createdAt = createdAt
  }
  private enum CodingKeys: String, CodingKey {
    case id
    case createdAt = "created_at"
  }
}

/// The body of `rotateSigningKey`.
package struct KeyRotation: Codable, Sendable, Hashable {
  /// `ES256` (when absent) or `EdDSA`: the algorithm to sign with from now on.
  package let alg: String?
  package init(alg: String? = nil) { self.alg = alg }
}

package struct KeyRotationReceipt: Codable, Sendable, Hashable {
  /// The key that signs from now on.
  package let kid: String
  package let alg: String
  /// The key announced for the next rotation.
  package let nextKid: String
  package init(kid: String, alg: String, nextKid: String) {
    self.kid = kid
    self.alg = alg
    self.nextKid = nextKid
  }
  private enum CodingKeys: String, CodingKey {
    case kid, alg
    case nextKid = "next_kid"
  }
}

/// The claims of `userinfo`. Only the subject: personal data is asked from customers, by the person, with `profile:read`.
package struct UserInfo: Codable, Sendable, Hashable {
  package let sub: String
  package init(sub: String) { self.sub = sub }
}

/// One entry of the revocation feed: tokens that carry this value in that claim are dead.
package struct Revocation: Codable, Sendable, Hashable {
  package enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
    /// One access token, by `jti`.
    case token
    /// All tokens of one grant, by `family`.
    case family
    /// All tokens from one browser session, by `sid`.
    case session
    /// All tokens of one client, by `client_id`.
    case client
  }
  /// 1, 2, 3 … without gaps.
  package let sequence: Int64
  package let kind: Kind
  package let id: String
  package let at: Instant
  /// After this every token concerned has expired by itself, and the entry may be forgotten.
  package let expiresAt: Instant

  package init(sequence: Int64, kind: Kind, id: String, at: Instant, expiresAt: Instant) {
    self.sequence = sequence
    self.kind = kind
    self.id = id
    self.at = at
    self.expiresAt = expiresAt
  }
  private enum CodingKeys: String, CodingKey {
    case sequence, kind, id, at
    case expiresAt = "expires_at"
  }
}

package struct RevocationPage: Codable, Sendable, Hashable {
  package static let entriesMax = 1_000
  package let entries: [Revocation]
  /// The sequence to ask `after` next time.
  package let next: Int64
  /// Ids of the keys in the JWK Set just now: whoever misses one fetches the set, so that a rotation is known everywhere
  /// as soon as a revocation.
  package let kids: [String]
  package init(entries: [Revocation], next: Int64, kids: [String]) {
    self.entries = entries
    self.next = next
    self.kids = kids
  }
}
