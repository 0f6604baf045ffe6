package import Chassis
package import Crypto
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
  /// Verified when a login is unknown, so that it takes as long as a known one.
  let decoy: String

  package init(
    issuer: String, store: IdentityStore, keys: SigningKeys, secrets: IdentitySecrets,
    pool: HashingPool, clock: Clock, randomness: Randomness,
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
    return try await store.session(cookie: cookie, at: clock.now()).map { ($0, cookie) }
  }

  /// A checked request out of its parameters.
  func request(_ form: Form) async throws -> AuthorizationRequest {
    let client: RegisteredClient?
    if let id = AuthorizationRequest.clientID(in: form) {
      client = try await store.client(id)
    } else {
      client = nil
    }
    return try AuthorizationRequest(form, client: client)
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
