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
      // Signed in meanwhile in another tab: nothing is left to type, and where to go on the endpoint decides.
      if form["ticket"] == nil, try await session(visit) != nil,
        let request = try await pending(continuing)
      {
        return .redirect(to: try await authorizeAddress(request.query(), visit))
      }
      return try await loginForm(visit, continuing: continuing, objection: .stale)
    }
    if let cookie, form["ticket"] != nil {
      switch try await choosePassword(form, cookie: cookie, continuing: continuing, visit) {
      case .chosen(let person, let index):
        return try await begin(
          person, login: index, attempt(at: index, visit), continuing: continuing, visit)
      case .answered(let answer): return answer
      case .refused:
        return try await loginForm(visit, continuing: continuing, objection: .stale)
      }
    }
    let password = form["password"] ?? ""
    guard let index = LoginHandle.index(of: form["login"] ?? "", key: secrets.blindIndex),
      password.utf8.count <= PasswordPolicy.bytesMax
    else {
      return try await loginForm(visit, continuing: continuing, objection: .notRecognized)
    }
    let attempt = attempt(at: index, visit)
    if let seconds = try await store.attempt(attempt.subjects, at: clock.now()) {
      try await refused("sign-in-throttled", nil, visit)
      return try await loginForm(
        visit, continuing: continuing, objection: .tooOften(retryAfterSeconds: seconds))
    }
    let credential = try await store.credential(login: index)
    let hash = credential?.password ?? decoy
    let isRight: Bool
    do {
      isRight = try await pool.run(isStranger: attempt.isStranger) {
        PasswordHash.matches(hash, PasswordPolicy.normalized(password))
      }
    } catch {
      try await store.takeBack(attempt.subjects)
      return try await loginForm(visit, continuing: continuing, objection: .busy)
    }
    let isCutOff = try await store.isCutOff(person: credential?.person)
    guard let credential, isRight, !isCutOff, credential.isGood(at: clock.now()) else {
      try await refused("sign-in-refused", credential?.person, visit)
      return try await loginForm(visit, continuing: continuing, objection: .notRecognized)
    }
    if credential.isOneTime, let cookie {
      return try await newPasswordForm(
        credential, login: form["login"] ?? "", index: index, cookie: cookie,
        continuing: continuing)
    }
    return try await begin(
      credential.person, login: index, attempt, continuing: continuing, visit)
  }

  /// Whose throttles this attempt must pass.
  private func attempt(at index: [UInt8], _ visit: Visit) -> SignInAttempt {
    if countsAtLoginAlone {
      return .known(browser: ThrottledSubject(index, of: index, .perBrowser))
    }
    return SignInAttempt(
      login: index, address: visit.address,
      browser: BrowserMark.subject(
        of: Cookie.browser.value(in: visit.cookies), login: index, at: clock.now(),
        key: secrets.formTokens), key: secrets.blindIndex)
  }

  private func begin(
    _ person: PersonID, login index: [UInt8], _ attempt: SignInAttempt, continuing: String,
    _ visit: Visit
  ) async throws -> Answer {
    let journal = journal(visit)
    let session = Session(
      id: SessionID(at: journal.at, random: randomness.bits128()), person: person,
      signedInAt: journal.at, seenAt: journal.at, expiresAt: journal.at + sessionLifetime)
    let cookie = newSecret()
    try await store.begin(
      session, cookie: cookie, replacing: Cookie.session.value(in: visit.cookies),
      attempt: attempt,
      event: IdentityEvent(
        "login", "signed-in", subject: "\(person)",
        detail: ["session": "\(session.id)", "place": place(visit)]), journal: journal)
    let mark = BrowserMark.make(
      for: index, at: journal.at, salt: randomness.bytes(BrowserMark.saltBytes),
      key: secrets.formTokens)
    let cookies = [
      Cookie.session.setting(cookie), Cookie.visit.clearing, Cookie.browser.setting(mark),
    ]
    guard let request = try await pending(continuing) else {
      return .redirect(to: "/login", cookies: cookies)
    }
    return .redirect(
      to: try await authorizeAddress(
        request.query(answered: [.login, .selectAccount]), visit), cookies: cookies)
  }

  private func refused(_ outcome: String, _ person: PersonID?, _ visit: Visit) async throws {
    try await store.note(
      IdentityEvent(
        "login", outcome, subject: person.map { "\($0)" }, detail: ["place": place(visit)]),
      journal: journal(visit))
  }

  /// The request that the person came from; nil when there is none, or it is not (or no longer) valid.
  func pending(_ continuing: String) async throws -> AuthorizationRequest? {
    guard !continuing.isEmpty, let form = try await continued(continuing) else { return nil }
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
