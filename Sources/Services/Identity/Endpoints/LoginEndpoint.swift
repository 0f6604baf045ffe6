package import Chassis
import Vocabulary

/// Signing in: one form, one answer for every way of being wrong, and as much work for a login that does not exist.
extension Provider {
  package func getLogin(_ visit: Visit) async throws -> Answer {
    let continuing = visit.query["continue"] ?? ""
    if continuing.isEmpty, try await session(visit) != nil { return .page(.signedIn) }
    return try await loginForm(visit, continuing: continuing)
  }

  package func login(_ visit: Visit) async throws -> Answer {
    guard let form = try? visit.form(), visit.isFromOurPages(issuer: issuer) else {
      return .page(.fault(403, "This form was not shown by this site."))
    }
    let continuing = form["continue"] ?? ""
    let cookie = Cookie.visit.value(in: visit.cookies)
    guard accepts(form["csrf"], .login, cookie: cookie, continuing: continuing) else {
      return try await loginForm(visit, continuing: continuing, objection: .stale)
    }
    let password = form["password"] ?? ""
    guard let index = LoginHandle.index(of: form["login"] ?? "", key: secrets.blindIndex),
      password.utf8.count <= PasswordPolicy.bytesMax
    else {
      return try await loginForm(visit, continuing: continuing, objection: .notRecognized)
    }
    let address = LoginHandle.index(ofAddress: visit.address, key: secrets.blindIndex)
    if let seconds = try await store.attempt(
      [(index, .perLogin), (address, .perAddress)], at: clock.now())
    {
      try await refused("sign-in-throttled", nil, visit)
      return try await loginForm(
        visit, continuing: continuing, objection: .tooOften(retryAfterSeconds: seconds))
    }
    let credential = try await store.credential(login: index)
    let hash = credential?.password ?? decoy
    let isRight: Bool
    do {
      isRight = try await pool.run {
        PasswordHash.matches(hash, PasswordPolicy.normalized(password))
      }
    } catch {
      try await store.takeBack([index, address])
      return try await loginForm(visit, continuing: continuing, objection: .busy)
    }
    guard let credential, isRight else {
      try await refused("sign-in-refused", credential?.person, visit)
      return try await loginForm(visit, continuing: continuing, objection: .notRecognized)
    }
    return try await begin(
      credential.person, login: index, address: address, continuing: continuing, visit)
  }

  private func begin(
    _ person: PersonID, login index: [UInt8], address: [UInt8], continuing: String,
    _ visit: Visit
  ) async throws -> Answer {
    let journal = journal(visit)
    let session = Session(
      id: SessionID(at: journal.at, random: randomness.bits128()), person: person,
      signedInAt: journal.at, seenAt: journal.at, expiresAt: journal.at + Session.lifetime)
    let cookie = newSecret()
    try await store.begin(
      session, cookie: cookie, replacing: Cookie.session.value(in: visit.cookies), throttle: index,
      address: address,
      event: IdentityEvent(
        "login", "signed-in", subject: "\(person)",
        detail: ["session": "\(session.id)", "place": place(visit)]), journal: journal)
    let cookies = [Cookie.session.setting(cookie), Cookie.visit.clearing]
    guard let request = try await pending(continuing) else {
      return .redirect(to: "/login", cookies: cookies)
    }
    return .redirect(
      to: "/oauth2/authorize?" + request.query(answered: [.login, .selectAccount]),
      cookies: cookies)
  }

  private func refused(_ outcome: String, _ person: PersonID?, _ visit: Visit) async throws {
    try await store.note(
      IdentityEvent(
        "login", outcome, subject: person.map { "\($0)" }, detail: ["place": place(visit)]),
      journal: journal(visit))
  }

  /// The request that the person came from; nil when there is none, or it is not (or no longer) valid.
  private func pending(_ continuing: String) async throws -> AuthorizationRequest? {
    guard !continuing.isEmpty, let form = try? Form(Array(continuing.utf8)) else { return nil }
    do {
      return try await request(form)
    } catch is AuthorizationRequest.Fault {
      return nil
    }
  }

  private func loginForm(
    _ visit: Visit, continuing: String, objection: LoginObjection? = nil
  ) async throws -> Answer {
    let request = try await pending(continuing)
    // What cannot be continued is not carried along: the page would promise what it cannot do.
    let continuing = request == nil ? "" : continuing
    let known = Cookie.visit.value(in: visit.cookies)
    let cookie = known ?? newSecret()
    let page = Page.login(
      for: request?.client.name, continuing: continuing,
      csrf: csrf(.login, cookie: cookie, continuing: continuing),
      formTarget: request?.redirectURI, objection: objection)
    return .page(page, cookies: known == nil ? [Cookie.visit.setting(cookie)] : [])
  }
}
