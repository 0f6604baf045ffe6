package import Chassis
import Vocabulary

/// Signing out (OpenID Connect RP-Initiated Logout 1.0). The person is always asked: a link on a foreign page must not be
/// able to sign anybody out.
extension Provider {
  package func getLogout(_ visit: Visit) async throws -> Answer {
    guard let signedIn = try await session(visit) else {
      guard let target = try await target(visit.query) else { return .page(.signedOut) }
      return .redirect(to: target.location)
    }
    // Only what is needed to come back, and only if it is registered.
    let target = try await target(visit.query)
    let continuing = target?.continuing ?? ""
    return .page(
      .logout(
        csrf: csrf(.logout, cookie: signedIn.cookie, continuing: continuing),
        continuing: continuing, formTarget: target?.uri))
  }

  package func logout(_ visit: Visit) async throws -> Answer {
    guard let form = try? visit.form() else {
      return .page(.fault(403, "This form was not shown by this site."))
    }
    // An application's own form (RP-Initiated Logout 1.0 §2 allows POST): it goes on as a GET, which asks the person.
    if form["csrf"] == nil {
      let query = try await target(form)?.continuing ?? ""
      return .redirect(to: query.isEmpty ? "/logout" : "/logout?" + query)
    }
    guard visit.isFromOurPages(issuer: issuer) else {
      return .page(.fault(403, "This form was not shown by this site."))
    }
    guard let signedIn = try await session(visit) else { return .page(.signedOut) }
    let continuing = form["continue"] ?? ""
    guard accepts(form["csrf"], .logout, cookie: signedIn.cookie, continuing: continuing) else {
      return .page(.fault(403, "This form has expired, or it was not shown by this site."))
    }
    try await store.end(signedIn.session, journal: journal(visit))
    let cookies = [Cookie.session.clearing]
    guard let parameters = try? Form(Array(continuing.utf8)),
      let target = try await target(parameters)
    else { return .page(.signedOut, cookies: cookies) }
    return .redirect(to: target.location, cookies: cookies)
  }

  /// Which client signs somebody out: as it says itself, or as the ID token says that it was given (§2). Where both are
  /// there they must agree. Neither is proof; the address must be that client's, and the person is asked.
  private func client(leaving form: Form) -> ClientID? {
    let named = AuthorizationRequest.clientID(in: form)
    guard let hint = form["id_token_hint"] else { return named }
    guard let hinted = keys.audience(ofIDToken: hint, issuer: issuer).flatMap({ ClientID($0) })
    else { return nil }
    guard form["client_id"] == nil || named == hinted else { return nil }
    return hinted
  }

  private struct LogoutTarget {
    let uri: RedirectURI
    let location: String
    let continuing: String
  }

  /// Where to go afterwards: only an address that the named client has registered for it.
  private func target(_ form: Form) async throws -> LogoutTarget? {
    guard let id = client(leaving: form),
      let uri = form["post_logout_redirect_uri"].flatMap({ RedirectURI($0) }),
      let client = try await store.client(id),
      client.postLogoutRedirectURIs.contains(where: { $0.allows(uri) })
    else { return nil }
    var kept = [
      (name: "client_id", value: "\(id)"), (name: "post_logout_redirect_uri", value: uri.text),
    ]
    guard let state = form["state"], state.utf8.count <= AuthorizationRequest.stateBytesMax else {
      return LogoutTarget(uri: uri, location: uri.text, continuing: Form.encode(kept))
    }
    kept.append((name: "state", value: state))
    return LogoutTarget(
      uri: uri, location: uri.adding([(name: "state", value: state)]),
      continuing: Form.encode(kept))
  }
}
