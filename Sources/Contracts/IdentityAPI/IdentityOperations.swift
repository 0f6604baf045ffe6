package import Vocabulary

/// What the identity service promises: an OpenID Connect provider for the world, and registration and key rotation for the
/// platform itself.
///
/// Browser pages and OAuth endpoints speak forms and redirects (RFC 6749, OpenID Connect Core 1.0), so their constants
/// carry no body types; the other operations are ordinary JSON.
package enum IdentityOperations {
  package static let service: ServiceName = "identity"

  /// OpenID Connect Discovery 1.0 §4, which is also RFC 8414 metadata.
  package static let getConfiguration = Operation<Nothing, Nothing>(
    "getConfiguration", of: service, .get, "/.well-known/openid-configuration")
  /// The same, at the address that RFC 8414 §3 gives it.
  package static let getServerMetadata = Operation<Nothing, Nothing>(
    "getServerMetadata", of: service, .get, "/.well-known/oauth-authorization-server")
  /// RFC 7517 §5: the public keys, the announced next one included.
  package static let getJWKS = Operation<Nothing, PublishedKeys>(
    "getJWKS", of: service, .get, "/oauth2/jwks")
  /// RFC 6749 §4.1.1 with PKCE (RFC 7636, S256 only).
  package static let authorize = Operation<Nothing, Nothing>(
    "authorize", of: service, .get, "/oauth2/authorize")
  /// The same request as a form (OpenID Connect Core 1.0 §3.1.2.1); it goes on as a GET, with which the browser sends its
  /// cookies.
  package static let authorizeByPost = Operation<Nothing, Nothing>(
    "authorizeByPost", of: service, .post, "/oauth2/authorize")
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

  /// The same by POST, as OpenID Connect Core 1.0 §5.3.1 asks.
  package static let userinfoByPost = Operation<Nothing, UserInfo>(
    "userinfoByPost", of: service, .post, "/oauth2/userinfo")

  /// Idempotent by client id; other details under the same id are refused with `client-exists`.
  package static let registerClient = Operation<NewClient, ClientReceipt>(
    "registerClient", of: service, .post, "/v1/clients")
  /// Idempotent by person id together with login and password; otherwise refused with `person-exists` or
  /// `login-taken`. No name is stored here.
  package static let createPerson = Operation<NewPerson, PersonReceipt>(
    "createPerson", of: service, .post, "/v1/people")
  /// Cuts a client off: no sign-in, refresh, token or request goes through it any more. Safe to repeat.
  package static let suspendClient = Operation<Nothing, SubjectStanding>(
    "suspendClient", of: service, .post, "/v1/clients/{id}/suspensions")
  /// Lets it in again; what was issued before stays dead.
  package static let resumeClient = Operation<Nothing, SubjectStanding>(
    "resumeClient", of: service, .post, "/v1/clients/{id}/resumptions")
  /// Ends a person's sessions, grants and tokens, and lets nobody sign in as that person. Safe to repeat.
  package static let suspendPerson = Operation<Nothing, SubjectStanding>(
    "suspendPerson", of: service, .post, "/v1/people/{id}/suspensions")
  /// Lets the person sign in again; what was issued before stays dead.
  package static let resumePerson = Operation<Nothing, SubjectStanding>(
    "resumePerson", of: service, .post, "/v1/people/{id}/resumptions")
  /// Forgets every attempt at one login, so that its owner can sign in at once.
  package static let unlockSignIn = Operation<SignInUnlock, SignInUnlockReceipt>(
    "unlockSignIn", of: service, .post, "/v1/people/unlocks")
  /// The announced key becomes the signing key, and the next one is announced.
  package static let rotateSigningKey = Operation<KeyRotation, KeyRotationReceipt>(
    "rotateSigningKey", of: service, .post, "/v1/keys/rotations")
  /// Where pages of registered clients run, which may read the OAuth endpoints' answers.
  package static let listWebOrigins = Operation<Nothing, WebOrigins>(
    "listWebOrigins", of: service, .get, "/v1/web-origins")
  /// Ids of the keys in the JWK Set just now.
  package static let listKeyIDs = Operation<Nothing, KeyIDs>(
    "listKeyIDs", of: service, .get, "/v1/keys")
}

/// A public key as JWK (RFC 7517; P-256 and RSA of RFC 7518 §6.2 and §6.3, Ed25519 of RFC 8037).
package struct PublishedKey: Codable, Sendable, Hashable {
  /// `EC`, `OKP` or `RSA`.
  package let kty: String
  /// `P-256` or `Ed25519`; absent for `RSA`.
  package let crv: String?
  /// base64url without padding, 32 bytes; absent for `RSA`.
  package let x: String?
  /// base64url without padding, 32 bytes; only for `EC`.
  package let y: String?
  /// base64url without padding, the modulus of 2,048 to 4,096 bits; only for `RSA`.
  package let n: String?
  /// `AQAB`; only for `RSA`.
  package let e: String?
  /// 1–64 visible ASCII characters.
  package let kid: String
  /// `ES256`, `EdDSA` or `RS256`.
  package let alg: String
  /// Always `sig` where present.
  package let use: String?

  package init(
    kty: String, crv: String? = nil, x: String? = nil, y: String? = nil, n: String? = nil,
    e: String? = nil, kid: String, alg: String, use: String? = "sig"
  ) {
    self.kty = kty
    self.crv = crv
    self.x = x
    self.y = y
    self.n = n
    self.e = e
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
  /// `RS256` for a library that checks ID tokens with nothing else (OpenID Connect Dynamic Client Registration 1.0 §2);
  /// absent for what the platform signs with.
  package let idTokenAlgorithm: String?
  /// Where pages of this client run, as browsers name it (`https://app.example`), at most 10: their scripts may read the
  /// answers of discovery, JWKS, token, revocation and userinfo.
  package let webOrigins: [String]?

  package init(
    id: ClientID, name: String, kind: Kind, grants: [Grant], redirectURIs: [String] = [],
    postLogoutRedirectURIs: [String]? = nil, scopes: [String], keys: [PublishedKey]? = nil,
    idTokenAlgorithm: String? = nil, webOrigins: [String]? = nil
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.grants = grants
    self.redirectURIs = redirectURIs
    self.postLogoutRedirectURIs = postLogoutRedirectURIs
    self.scopes = scopes
    self.keys = keys
    self.idTokenAlgorithm = idTokenAlgorithm
    self.webOrigins = webOrigins
  }
  private enum CodingKeys: String, CodingKey {
    case id, name, kind, grants, scopes, keys
    case redirectURIs = "redirect_uris"
    case postLogoutRedirectURIs = "post_logout_redirect_uris"
    case idTokenAlgorithm = "id_token_signed_response_alg"
    case webOrigins = "web_origins"
  }
}

package struct ClientReceipt: SnakeCased, Codable, Sendable, Hashable {
  package let id: ClientID
  package let createdAt: Instant
  /// The owner of the accounts that are this client's own, to open them with; nil where it cannot act for itself.
  package let accountOwner: PersonID?
  package init(id: ClientID, createdAt: Instant, accountOwner: PersonID? = nil) {
    self.id = id
    self.createdAt = createdAt
    self.accountOwner = accountOwner
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

package struct PersonReceipt: SnakeCased, Codable, Sendable, Hashable {
  package let id: PersonID
  package let createdAt: Instant
  package init(id: PersonID, createdAt: Instant) {
    self.id = id
    self.createdAt = createdAt
  }
}

/// Whether a client or a person is cut off.
package struct SubjectStanding: Codable, Sendable, Hashable {
  package enum State: String, Codable, Sendable, Hashable { case active, suspended }
  /// The client's or person's.
  package let id: String
  package let state: State
  /// When it was suspended or resumed; asked of one that was active already, now.
  package let since: Instant
  package init(id: String, state: State, since: Instant) {
    self.id = id
    self.state = state
    self.since = since
  }
}

/// The body of `unlockSignIn`.
package struct SignInUnlock: Codable, Sendable, Hashable {
  /// What the person types to sign in, 1–254 characters.
  package let login: Masked<String>

  package init(login: String) { self.login = Masked(login) }
  private enum CodingKeys: String, CodingKey { case login }
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(login.reveal(for: .signIn), forKey: .login)
  }
}

package struct SignInUnlockReceipt: Codable, Sendable, Hashable {
  /// Counts of attempts that were cleared; 0 when nothing stood in the way, or nobody has this login.
  package let throttles: Int
  package init(throttles: Int) { self.throttles = throttles }
}

/// The body of `rotateSigningKey`.
package struct KeyRotation: Codable, Sendable, Hashable {
  /// `ES256` (when absent) or `EdDSA`: the algorithm to sign with from now on; `RS256` for the keys of ID tokens for clients
  /// that want it, which leaves the others as they are.
  package let alg: String?
  package init(alg: String? = nil) { self.alg = alg }
}

package struct KeyRotationReceipt: SnakeCased, Codable, Sendable, Hashable {
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
}

/// The claims of `userinfo` (OpenID Connect Core 1.0 §5.1): the subject, and what the person allowed this client to see, as
/// customers holds it. The whole record is asked from customers, with `profile:read`.
package struct UserInfo: Codable, Sendable, Hashable {
  package let sub: String
  /// With the scope `profile`.
  package let name: Masked<String>?
  package let givenName: Masked<String>?
  package let familyName: Masked<String>?
  /// `YYYY-MM-DD`.
  package let birthDate: Masked<String>?
  /// With the scope `email`.
  package let email: Masked<String>?
  /// False: nobody has made sure that the address is the person's.
  package let isEmailVerified: Bool?

  package init(
    sub: String, name: Masked<String>? = nil, givenName: Masked<String>? = nil,
    familyName: Masked<String>? = nil, birthDate: Masked<String>? = nil,
    email: Masked<String>? = nil, isEmailVerified: Bool? = nil
  ) {
    self.sub = sub
    self.name = name
    self.givenName = givenName
    self.familyName = familyName
    self.birthDate = birthDate
    self.email = email
    self.isEmailVerified = isEmailVerified
  }
  private enum CodingKeys: String, CodingKey {
    case sub, name, email
    case givenName = "given_name"
    case familyName = "family_name"
    case birthDate = "birthdate"
    case isEmailVerified = "email_verified"
  }
  /// What is shown is the person's own, at the person's wish.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(sub, forKey: .sub)
    try fields.encodeIfPresent(name?.reveal(for: .subjectAccess), forKey: .name)
    try fields.encodeIfPresent(givenName?.reveal(for: .subjectAccess), forKey: .givenName)
    try fields.encodeIfPresent(familyName?.reveal(for: .subjectAccess), forKey: .familyName)
    try fields.encodeIfPresent(birthDate?.reveal(for: .subjectAccess), forKey: .birthDate)
    try fields.encodeIfPresent(email?.reveal(for: .subjectAccess), forKey: .email)
    try fields.encodeIfPresent(isEmailVerified, forKey: .isEmailVerified)
  }
}

/// Every origin that some client has registered, each once.
package struct WebOrigins: Codable, Sendable, Hashable {
  /// Most that are told; further clients cannot be registered with new ones.
  package static let originsMax = 1_000
  package let origins: [String]
  package init(origins: [String]) { self.origins = origins }
}

/// Ids of the keys in the JWK Set just now: whoever misses one fetches the set, so that a rotation is known everywhere at
/// once.
package struct KeyIDs: Codable, Sendable, Hashable {
  package let kids: [String]
  package init(kids: [String]) { self.kids = kids }
}
