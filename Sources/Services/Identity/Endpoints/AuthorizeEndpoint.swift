package import Chassis
import Vocabulary

/// The authorization endpoint and the person's consent (RFC 6749 §4.1, OpenID Connect Core 1.0 §3.1.2).
extension Provider {
  package func authorize(_ visit: Visit) async throws -> Answer {
    let request: AuthorizationRequest
    let expected: PersonID?
    do {
      var query = visit.query
      if let kept = query["continue"] {
        guard let form = try await continued(kept) else {
          return .page(.fault(400, "This sign-in took too long. Go back to the application."))
        }
        query = form
      }
      request = try await self.request(query)
      expected = try self.expected(by: request)
    } catch let fault as AuthorizationRequest.Fault {
      return answer(fault)
    }
    // Somebody else than the client expects is, to this request, not signed in (OpenID Connect Core 1.0 §3.1.2.2).
    let signedIn = try await session(visit).flatMap { found in
      expected.map { $0 == found.session.person } ?? true ? found : nil
    }
    var consented: Set<Scope> = []
    if let signedIn {
      consented = try await store.consented(by: signedIn.session.person, to: request.client.id)
    }
    let step = AuthorizationStep.next(
      for: request, signedInAt: signedIn?.session.signedInAt, consented: consented,
      at: clock.now())
    switch (step, signedIn) {
    case (.refuse(let code), _):
      return .authorization(
        OAuthError(code, "the person would have to be asked"), to: request.redirectURI,
        issuer: issuer, state: request.state)
    case (.askLogin, _), (_, nil):
      let continuing = try await continuation(request.query(), visit)
      return .redirect(to: "/login?" + Form.encode([(name: "continue", value: continuing)]))
    case (.askConsent, let signedIn?):
      let continuing = request.query(answered: [.login, .selectAccount])
      let name = await name(signedIn.session.person, visit.context)
      return .page(
        .consent(
          for: request, name: name, continuing: continuing,
          csrf: csrf(.consent, cookie: signedIn.cookie, continuing: continuing), scopes: scopes))
    case (.issueCode, let signedIn?):
      return try await issueCode(
        for: request, session: signedIn.session, consentGiven: false, visit)
    }
  }

  /// The request as a form on another site's page: the browser sends no cookie with such a POST (`SameSite=Lax`), so it goes
  /// on as a GET, with which it does.
  package func authorizeByPost(_ visit: Visit) async throws -> Answer {
    guard let form = try? visit.form() else {
      return .page(.fault(400, "The application sent you here with something that is not a form."))
    }
    do {
      let request = try await self.request(form)
      return .redirect(to: try await authorizeAddress(request.query(), visit))
    } catch let fault as AuthorizationRequest.Fault {
      return answer(fault)
    }
  }

  package func consent(_ visit: Visit) async throws -> Answer {
    guard let form = try? visit.form(), visit.isFromOurPages(issuer: issuer),
      let signedIn = try await session(visit), let continuing = form["continue"],
      accepts(form["csrf"], .consent, cookie: signedIn.cookie, continuing: continuing),
      let decision = form["decision"], ["allow", "deny"].contains(decision)
    else { return .page(.fault(403, "This form has expired, or it was not shown by this site.")) }
    let request: AuthorizationRequest
    do {
      request = try await self.request(Form(Array(continuing.utf8)))
      guard try expected(by: request).map({ $0 == signedIn.session.person }) ?? true else {
        return .page(.fault(403, "This form was shown to somebody else."))
      }
    } catch let fault as AuthorizationRequest.Fault {
      return answer(fault)
    }
    guard decision == "allow" else {
      try await store.note(
        IdentityEvent(
          "consent", "consent-denied", subject: "\(signedIn.session.person)",
          client: "\(request.client.id)", detail: ["scopes": Scopes.text(request.scopes)]),
        journal: journal(visit))
      return .authorization(
        OAuthError(.accessDenied, "the person did not allow it"), to: request.redirectURI,
        issuer: issuer, state: request.state)
    }
    return try await issueCode(for: request, session: signedIn.session, consentGiven: true, visit)
  }

  /// Whom the client expects; nil for anybody.
  /// - Throws: `AuthorizationRequest.Fault` where its hint is no ID token of ours.
  private func expected(by request: AuthorizationRequest) throws -> PersonID? {
    guard let hint = request.hint else { return nil }
    guard let person = keys.subject(ofIDToken: hint, issuer: issuer) else {
      throw AuthorizationRequest.Fault.redirect(
        to: request.redirectURI, state: request.state,
        OAuthError(.invalidRequest, "id_token_hint is no ID token of this provider"))
    }
    return person
  }

  private func issueCode(
    for request: AuthorizationRequest, session: Session, consentGiven: Bool, _ visit: Visit
  ) async throws -> Answer {
    let journal = journal(visit)
    let grant = Grant(
      family: FamilyID(at: journal.at, random: randomness.bits128()), client: request.client.id,
      person: session.person, session: session.id, scopes: request.scopes,
      signedInAt: session.signedInAt)
    let code = newSecret()
    try await store.issue(
      code: code, for: grant, request: request, consentGiven: consentGiven, journal: journal)
    return .authorization(
      to: request.redirectURI, issuer: issuer, state: request.state, [("code", code)])
  }
}
