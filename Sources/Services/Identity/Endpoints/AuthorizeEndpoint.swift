package import Chassis
import Vocabulary

/// The authorization endpoint and the person's consent (RFC 6749 §4.1, OpenID Connect Core 1.0 §3.1.2).
extension Provider {
  package func authorize(_ visit: Visit) async throws -> Answer {
    let request: AuthorizationRequest
    do {
      request = try await self.request(visit.query)
    } catch let fault as AuthorizationRequest.Fault {
      return answer(fault)
    }
    let signedIn = try await session(visit)
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
      let continuing = Form.encode([(name: "continue", value: request.query())])
      return .redirect(to: "/login?" + continuing)
    case (.askConsent, let signedIn?):
      let continuing = request.query(answered: [.login, .selectAccount])
      let name = await name(signedIn.session.person, visit.context)
      return .page(
        .consent(
          for: request, name: name, continuing: continuing,
          csrf: csrf(.consent, cookie: signedIn.cookie, continuing: continuing)))
    case (.issueCode, let signedIn?):
      return try await issueCode(
        for: request, session: signedIn.session, consentGiven: false, visit)
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
