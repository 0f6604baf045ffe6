package import Chassis
package import Crypto
package import CustomersAPI
import Tokens
package import Vocabulary

/// The OpenID Connect provider: what its endpoints share. The endpoints are extensions, one file each.
package struct Provider: Sendable {
  /// `https://localhost:8443`: also the origin of the pages.
  let issuer: String
  let store: IdentityStore
  let keys: SigningKeys
  let secrets: IdentitySecrets
  let pool: HashingPool
  let clock: Clock
  let randomness: Randomness
  /// How to greet a person; nil when it cannot be found out just now.
  let name: @Sendable (PersonID, CallContext) async -> Masked<String>?
  /// What customers holds of the person whose token is in the call; nil where it knows nobody.
  let claims: @Sendable (CallContext) async throws -> CustomerClaims?
  /// Verified when a login is unknown, so that it takes as long as a known one.
  let decoy: String
  /// Every scope there is.
  let scopes: ScopeCatalogue
  /// How long one is signed in, in use or not.
  let sessionLifetime: Duration
  /// In test builds only: everybody's attempts count at the login itself (`Weakness.signInFairness`).
  let countsAtLoginAlone: Bool

  package init(
    issuer: String, store: IdentityStore, keys: SigningKeys, secrets: IdentitySecrets,
    pool: HashingPool, clock: Clock, randomness: Randomness, countsAtLoginAlone: Bool = false,
    scopes: ScopeCatalogue = .standard, sessionLifetime: Duration = Session.lifetime,
    claims: @escaping @Sendable (CallContext) async throws -> CustomerClaims? = { _ in nil },
    name: @escaping @Sendable (PersonID, CallContext) async -> Masked<String>?
  ) throws {
    self.issuer = issuer
    self.store = store
    self.keys = keys
    self.secrets = secrets
    self.pool = pool
    self.clock = clock
    self.randomness = randomness
    self.name = name
    self.claims = claims
    self.scopes = scopes
    self.sessionLifetime = sessionLifetime
    self.countsAtLoginAlone = countsAtLoginAlone
    let salt = randomness.bytes(PasswordHash.saltBytes)
    guard let decoy = PasswordHash.make(of: Base64URL.encode(randomness.bytes(32)), salt: salt)
    else {
      throw Problem.defect
    }
    self.decoy = decoy
  }

  var tokenEndpoint: String { issuer + "/oauth2/token" }

  func journal(_ visit: Visit) -> Journal {
    Journal(
      correlation: visit.context.correlation, caller: visit.caller, at: clock.now(),
      randomness: randomness)
  }

  /// 256 random bits as text: codes, refresh tokens, cookies.
  func newSecret() -> String { Base64URL.encode(randomness.bytes(32)) }

  /// From where, without saying where: the first half of the address's blind index. The same place reads the same.
  func place(_ visit: Visit) -> String {
    let index = LoginHandle.index(ofAddress: visit.address, key: secrets.blindIndex)
    return hexText(index.prefix(8))
  }

  /// A form's token: tied to the browser's cookie, to the form's purpose and to what the form was shown for, so the
  /// decision is about what the person saw.
  func csrf(_ purpose: FormPurpose, cookie: String, continuing: String) -> String {
    let text = "\(purpose.rawValue)\u{0}\(cookie)\u{0}\(continuing)"
    return Base64URL.encode(
      HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: secrets.formTokens))
  }

  func accepts(_ token: String?, _ purpose: FormPurpose, cookie: String?, continuing: String)
    -> Bool
  {
    guard let token, let cookie else { return false }
    let expected = csrf(purpose, cookie: cookie, continuing: continuing)
    return constantTimeEqual(Array(token.utf8), Array(expected.utf8))
  }

  func session(_ visit: Visit) async throws -> (session: Session, cookie: String)? {
    guard let cookie = Cookie.session.value(in: visit.cookies) else { return nil }
    guard let session = try await store.session(cookie: cookie, at: clock.now()),
      try await !store.isCutOff(person: session.person)
    else { return nil }
    return (session, cookie)
  }

  /// A checked request out of its parameters.
  func request(_ form: Form) async throws -> AuthorizationRequest {
    let client: RegisteredClient?
    if let id = AuthorizationRequest.clientID(in: form) {
      client = try await store.client(id)
      guard try await !store.isCutOff(client: id) else {
        throw AuthorizationRequest.Fault.page(
          "The application that sent you here cannot be used at the moment.")
      }
    } else {
      client = nil
    }
    return try AuthorizationRequest(form, client: client, scopes: scopes)
  }

  func answer(_ fault: AuthorizationRequest.Fault) -> Answer {
    switch fault {
    case .page(let text): .page(.fault(400, text))
    case .redirect(let uri, let state, let error):
      .authorization(error, to: uri, issuer: issuer, state: state)
    }
  }
}

/// What a form asks for; a token for one is no good for another.
package enum FormPurpose: String, Sendable, CaseIterable {
  case login, consent, logout
  case newPassword = "new-password"
}

/// Keys that must stay the same for as long as the store lives; kept sealed.
package struct IdentitySecrets: Sendable {
  /// Of login names and addresses.
  package let blindIndex: SymmetricKey
  /// Of the tokens in forms.
  package let formTokens: SymmetricKey

  package init(blindIndex: SymmetricKey, formTokens: SymmetricKey) {
    self.blindIndex = blindIndex
    self.formTokens = formTokens
  }
}
