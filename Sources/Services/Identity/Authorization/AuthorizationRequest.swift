import IdentityAPI
package import Vocabulary

/// A request of the authorization endpoint (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1), checked.
package struct AuthorizationRequest: Sendable, Hashable {
  package static let stateBytesMax = 1_024
  package static let nonceBytesMax = 255
  package static let hintBytesMax = 4_096

  package enum Prompt: String, Sendable, CaseIterable {
    case none, login, consent
    case selectAccount = "select_account"
  }

  package let client: RegisteredClient
  package let redirectURI: RedirectURI
  package let scopes: Set<Scope>
  package let state: String?
  package let nonce: String?
  package let challenge: CodeChallenge
  package let prompts: Set<Prompt>
  /// Longest time since the person typed the password, in seconds.
  package let ageSecondsMax: Int64?
  /// An ID token of the person whom the client expects (OpenID Connect Core 1.0 §3.1.2.1), as it was sent.
  package let hint: String?

  /// Where it may not even be redirected, the person sees a page; otherwise the client hears of it.
  package enum Fault: Error, Hashable, Sendable {
    case page(String)
    case redirect(to: RedirectURI, state: String?, OAuthError)
  }

  /// Whether the answer goes to an address of the person's own device, to a client that proves nothing: nobody can tell
  /// which program receives it.
  package var goesToAnyProgram: Bool {
    client.kind == .public && redirectURI.kind != .https
  }

  /// The client a request names, to be looked up before `init`. Nil when there is none or it is malformed.
  package static func clientID(in form: Form) -> ClientID? {
    form["client_id"].flatMap { ClientID($0) }
  }

  /// - Throws: `.page` while client and redirect address are in doubt (RFC 6749 §4.1.2.1: an open redirector otherwise),
  ///   `.redirect` afterwards.
  package init(
    _ form: Form, client: RegisteredClient?, scopes catalogue: ScopeCatalogue = .standard
  ) throws(Fault) {
    guard let client, client.grants.contains(.authorizationCode) else {
      throw .page("The application that sent you here is not known.")
    }
    // Always named, also where only one is registered: exact comparison needs something to compare (RFC 9700 §2.1).
    guard let redirectURI = form["redirect_uri"].flatMap({ RedirectURI($0) }),
      client.redirectURIs.contains(where: { $0.allows(redirectURI) })
    else {
      // For its developer, who sees this page first.
      let hint =
        RedirectURI.isLocalhost(form["redirect_uri"] ?? "")
        ? " It says localhost where http://127.0.0.1 is meant." : ""
      throw .page(
        "The application asked to send you to an address it has not registered.\(hint)")
    }
    self.client = client
    self.redirectURI = redirectURI

    let state = form["state"]
    func refuse(_ code: OAuthError.Code, _ text: String) -> Fault {
      let kept = state.flatMap { $0.utf8.count <= Self.stateBytesMax ? $0 : nil }
      return .redirect(to: redirectURI, state: kept, OAuthError(code, text))
    }
    guard state.map({ $0.utf8.count <= Self.stateBytesMax }) ?? true else {
      throw refuse(.invalidRequest, "state is too long")
    }
    self.state = state
    guard form["request"] == nil else { throw refuse(.requestNotSupported, "no request objects") }
    guard form["request_uri"] == nil else {
      throw refuse(.requestURINotSupported, "no request objects by reference")
    }
    guard form["registration"] == nil else {
      throw refuse(.registrationNotSupported, "clients are registered by the operator")
    }
    guard let responseType = form["response_type"] else {
      throw refuse(.invalidRequest, "response_type is missing")
    }
    guard responseType == "code" else {
      throw refuse(.unsupportedResponseType, "only response_type=code")
    }
    guard form["response_mode"] ?? "query" == "query" else {
      throw refuse(.invalidRequest, "only response_mode=query")
    }
    guard form["code_challenge_method"] == "S256",
      let challenge = form["code_challenge"].flatMap({ CodeChallenge($0) })
    else { throw refuse(.invalidRequest, "PKCE with code_challenge_method=S256 is needed") }
    self.challenge = challenge
    do {
      scopes = try catalogue.granted(form["scope"], of: client.scopes)
    } catch {
      throw refuse(error.code, error.description)
    }
    guard form["nonce"].map({ $0.utf8.count <= Self.nonceBytesMax }) ?? true else {
      throw refuse(.invalidRequest, "nonce is too long")
    }
    nonce = form["nonce"]
    guard form["id_token_hint"].map({ $0.utf8.count <= Self.hintBytesMax }) ?? true else {
      throw refuse(.invalidRequest, "id_token_hint is too long")
    }
    hint = form["id_token_hint"]
    let words = (form["prompt"] ?? "").split(separator: " ")
    let prompts = Set(words.compactMap { Prompt(rawValue: String($0)) })
    guard prompts.count == words.count, !prompts.contains(.none) || prompts.count == 1 else {
      throw refuse(.invalidRequest, "prompt is not understood")
    }
    self.prompts = prompts
    guard let age = form["max_age"] else {
      ageSecondsMax = nil
      return
    }
    guard let seconds = Int64(age), (0...31_536_000).contains(seconds),
      age.utf8.allSatisfy({ (48...57).contains($0) })
    else { throw refuse(.invalidRequest, "max_age is not a number of seconds") }
    ageSecondsMax = seconds
  }

  /// The request as a query string, to come back to after a page. A prompt that has been answered is left out, or the
  /// person would be asked for ever.
  package func query(answered: Set<Prompt> = []) -> String {
    var parameters: [(name: String, value: String)] = [
      ("client_id", client.id.description), ("redirect_uri", redirectURI.text),
      ("response_type", "code"), ("scope", Scopes.text(scopes)),
      ("code_challenge", challenge.text), ("code_challenge_method", "S256"),
    ]
    if let state { parameters.append(("state", state)) }
    if let nonce { parameters.append(("nonce", nonce)) }
    if let hint { parameters.append(("id_token_hint", hint)) }
    let left = prompts.subtracting(answered).map(\.rawValue).sorted()
    if !left.isEmpty { parameters.append(("prompt", left.joined(separator: " "))) }
    if let ageSecondsMax, !answered.contains(.login) {
      parameters.append(("max_age", String(ageSecondsMax)))
    }
    return Form.encode(parameters)
  }
}

/// What to do with a checked request: pure, so that every combination is in one table.
package enum AuthorizationStep: Equatable, Sendable {
  case askLogin
  case askConsent
  case issueCode
  case refuse(OAuthError.Code)

  /// - Parameters:
  ///   - signedInAt: when the person of the live session typed the password; nil without a session.
  ///   - consented: what this person has allowed this client before.
  package static func next(
    for request: AuthorizationRequest, signedInAt: Instant?, consented: Set<Scope>, at now: Instant
  ) -> AuthorizationStep {
    let isSilent = request.prompts.contains(.none)
    let isFresh = signedInAt.map { signedIn in
      request.ageSecondsMax.map { now < signedIn + .seconds($0) } ?? true
    }
    let wantsLogin = !request.prompts.isDisjoint(with: [.login, .selectAccount])
    guard isFresh == true, !wantsLogin else {
      return isSilent ? .refuse(.loginRequired) : .askLogin
    }
    // Any program of the device can listen where a native application does, and can name that application: what the person
    // allowed once must not be handed to whoever asks next (RFC 8252 §8.6).
    guard request.scopes.isSubset(of: consented), !request.prompts.contains(.consent),
      !request.goesToAnyProgram
    else {
      return isSilent ? .refuse(.consentRequired) : .askConsent
    }
    return .issueCode
  }
}
