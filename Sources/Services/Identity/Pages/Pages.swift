package import Vocabulary

/// The pages a person can meet. Each is a function from what is known to a page.
extension Page {
  /// - Parameters:
  ///   - continuing: the authorization request as a query string; empty for a sign-in of its own.
  ///   - objection: why the form is shown again.
  package static func login(
    for client: String?, continuing: String, csrf: String, formTarget: RedirectURI?,
    objection: LoginObjection? = nil
  ) -> Page {
    let asking: Markup =
      client.map { "<p class=\"soft\">to continue to <strong>\($0)</strong></p>" } ?? ""
    let alarm: Markup =
      objection.map { "<p class=\"alarm\" role=\"alert\" id=\"objection\">\($0.text)</p>" } ?? ""
    let described: Markup = objection == nil ? "" : " aria-describedby=\"objection\""
    var page = Page(
      objection?.status ?? 200, "Sign in", formTarget: formTarget,
      """
      <h1>Sign in</h1>
      \(asking)
      \(alarm)
      <form method="post" action="/login">
      <input type="hidden" name="csrf" value="\(csrf)">
      <input type="hidden" name="continue" value="\(continuing)">
      <label for="login">Login name or e-mail</label>
      <input id="login" name="login" type="text" autocomplete="username" autocapitalize="none"
       spellcheck="false" required autofocus\(described)>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password"
       required\(described)>
      <button type="submit">Sign in</button>
      </form>
      """)
    page.retryAfterSeconds = objection?.retryAfterSeconds
    return page
  }

  /// - Parameter name: how to greet the person; nil when the customers service could not be asked.
  package static func consent(
    for request: AuthorizationRequest, name: Masked<String>?, continuing: String, csrf: String,
    scopes: ScopeCatalogue = .standard
  ) -> Page {
    let items = scopes.described.filter { request.scopes.contains($0.scope) }
      .map { "<li>\($0.text)</li>\n" as Markup }
    let greeting: Markup =
      name.map {
        "<p class=\"soft\">You are signed in as \($0.reveal(for: .subjectAccess)).</p>"
      } ?? "<p class=\"soft\">You are signed in.</p>"
    return Page(
      200, "Allow access", formTarget: request.redirectURI,
      """
      <h1>\(request.client.name) asks for access</h1>
      \(greeting)
      <p id="asks">If you allow it, this application can:</p>
      <ul aria-labelledby="asks">
      \(Markup.joined(items))</ul>
      <form method="post" action="/consent">
      <input type="hidden" name="csrf" value="\(csrf)">
      <input type="hidden" name="continue" value="\(continuing)">
      <div class="row">
      <button class="plain" type="submit" name="decision" value="deny">Deny</button>
      <button type="submit" name="decision" value="allow">Allow</button>
      </div>
      </form>
      """)
  }

  package static func logout(csrf: String, continuing: String, formTarget: RedirectURI?) -> Page {
    Page(
      200, "Sign out", formTarget: formTarget,
      """
      <h1>Sign out?</h1>
      <p>Applications that use this session will have to ask you again.</p>
      <form method="post" action="/logout">
      <input type="hidden" name="csrf" value="\(csrf)">
      <input type="hidden" name="continue" value="\(continuing)">
      <button type="submit">Sign out</button>
      </form>
      """)
  }

  package static let signedIn = Page(
    200, "Signed in",
    """
    <h1>You are signed in</h1>
    <p>You can go back to the application you came from.</p>
    <p><a href="/logout">Sign out</a></p>
    """)

  package static let signedOut = Page(
    200, "Signed out",
    """
    <h1>You are signed out</h1>
    <p>You can close this window.</p>
    """)

  package static func fault(_ status: Int, _ text: String) -> Page {
    Page(
      status, "This did not work",
      """
      <h1>This did not work</h1>
      <p role="alert">\(text)</p>
      <p class="soft">Nothing has been changed. Go back to the application and start again.</p>
      """)
  }
}

extension Page {
  /// A refusal that was none of this service's own, for a person to read.
  package static func fault(_ problem: Problem) -> Page {
    let why = [problem.fields["field"], problem.detail].compactMap(\.self).joined(separator: ": ")
    var page = fault(problem.status, why.isEmpty ? problem.title : "\(problem.title) (\(why)).")
    page.retryAfterSeconds = problem.retryAfterSeconds
    return page
  }
}

/// Why a sign-in did not succeed, as the person sees it.
package enum LoginObjection: Equatable, Sendable {
  /// Wrong password and unknown login alike: nobody learns here who is a customer.
  case notRecognized
  case tooOften(retryAfterSeconds: Int)
  case busy
  /// The form was shown in another browser or too long ago.
  case stale

  package var status: Int {
    switch self {
    case .notRecognized: 401
    case .tooOften: 429
    case .busy: 503
    case .stale: 403
    }
  }
  package var retryAfterSeconds: Int? {
    switch self {
    case .notRecognized, .stale: nil
    case .tooOften(let seconds): seconds
    case .busy: 1
    }
  }
  package var text: String {
    switch self {
    case .notRecognized: "Login name or password is not right."
    case .tooOften(let seconds):
      "Too many attempts. Try again in \(seconds) second\(seconds == 1 ? "" : "s")."
    case .busy: "Too many people are signing in just now. Try again in a second."
    case .stale: "This form has expired. Please sign in again."
    }
  }
}
