import Chassis
package import IdentityAPI
package import Vocabulary

// A password that was lost. The operator gives a one-time password; with it the sign-in form leads to the choice of a new
// one, and only that leads on.

extension Provider {
  /// 31 letters and digits that nobody mistakes for others, each as likely as every other.
  private static let letters = Array("abcdefghjkmnpqrstuvwxyz23456789")
  /// 31^20 is 99 bits.
  private static let oneTimeLetters = 20

  /// - Throws: `Problem.notFound`; `Problem.unavailable` while too many passwords are being hashed.
  package func resetPassword(of person: PersonID, _ visit: Visit) async throws -> PasswordReset {
    let password = oneTimePassword()
    let hash = try await hash(password)
    let journal = journal(visit)
    let end = journal.at + .seconds(PasswordReset.lifetimeSeconds)
    try await store.reset(passwordOf: person, to: hash, until: end, journal: journal)
    return PasswordReset(id: person, password: password, expiresAt: end)
  }

  private func oneTimePassword() -> String {
    var text = ""
    // Bytes past the last whole multiple would make some letters likelier.
    let end = 256 / Self.letters.count * Self.letters.count
    while text.count < Self.oneTimeLetters {
      for byte in randomness.bytes(32) where Int(byte) < end && text.count < Self.oneTimeLetters {
        text.append(Self.letters[Int(byte) % Self.letters.count])
      }
    }
    return stride(from: 0, to: text.count, by: 5).map { start in
      String(text.dropFirst(start).prefix(5))
    }.joined(separator: "-")
  }

  func hash(_ password: String) async throws -> String {
    let salt = randomness.bytes(PasswordHash.saltBytes)
    guard let hash = try await pool.run({ PasswordHash.make(of: password, salt: salt) }) else {
      throw Problem.unavailable()
    }
    return hash
  }

  /// What shows that the one-time password was typed in this browser: as good as it, for this login, until another
  /// password stands there.
  private func ticket(_ credential: Credential, _ index: [UInt8], cookie: String) -> String {
    csrf(.newPassword, cookie: cookie, continuing: Self.ticketText(credential, index))
  }

  private static func ticketText(_ credential: Credential, _ index: [UInt8]) -> String {
    "\(hexText(index)) \(credential.password)"
  }

  /// The page on which a new password is chosen.
  func newPasswordForm(
    _ credential: Credential, login: String, index: [UInt8], cookie: String, continuing: String,
    objection: String? = nil
  ) async throws -> Answer {
    var page = Page.newPassword(
      login: login, ticket: ticket(credential, index, cookie: cookie),
      csrf: csrf(.login, cookie: cookie, continuing: continuing), continuing: continuing,
      objection: objection)
    page.formTarget = try await pending(continuing)?.redirectURI
    return .page(page)
  }

  /// The form of that page. Its token was checked before.
  /// - Returns: whose password it is now; or the answer that says why not.
  func choosePassword(
    _ form: Form, cookie: String, continuing: String, _ visit: Visit
  ) async throws -> ChosenPassword {
    let login = form["login"] ?? ""
    let chosen = PasswordPolicy.normalized(form["new_password"] ?? "")
    guard let index = LoginHandle.index(of: login, key: secrets.blindIndex),
      let credential = try await store.credential(login: index), credential.isOneTime,
      credential.isGood(at: clock.now()),
      accepts(
        form["ticket"], .newPassword, cookie: cookie,
        continuing: Self.ticketText(credential, index)),
      try await !store.isCutOff(person: credential.person)
    else { return .refused }
    if let objection = PasswordPolicy.objection(to: chosen, login: login) {
      return .answered(
        try await newPasswordForm(
          credential, login: login, index: index, cookie: cookie, continuing: continuing,
          objection: objection.problem.detail))
    }
    let isChosen = try await store.choose(
      password: hash(chosen), of: credential.person, insteadOf: credential.password,
      journal: journal(visit))
    return isChosen ? .chosen(credential.person, index: index) : .refused
  }
}

/// What came of the choice of a new password.
enum ChosenPassword {
  case chosen(PersonID, index: [UInt8])
  case answered(Answer)
  /// The one-time password is none any more, or was not typed here.
  case refused
}

extension Page {
  /// - Parameter objection: why the form is shown again.
  package static func newPassword(
    login: String, ticket: String, csrf: String, continuing: String, objection: String?
  ) -> Page {
    let alarm: Markup =
      objection.map {
        "<p class=\"alarm\" role=\"alert\" id=\"objection\">Choose another one: \($0).</p>"
      } ?? ""
    let described: Markup = objection == nil ? "" : " aria-describedby=\"objection\""
    let least = "\(PasswordPolicy.charactersMin)"
    return Page(
      objection == nil ? 200 : 422, "Choose a password",
      """
      <h1>Choose a password</h1>
      <p class="soft">The one you typed was good for this once.</p>
      \(alarm)
      <form method="post" action="/login">
      <input type="hidden" name="csrf" value="\(csrf)">
      <input type="hidden" name="continue" value="\(continuing)">
      <input type="hidden" name="ticket" value="\(ticket)">
      <input type="hidden" name="login" value="\(login)" autocomplete="username">
      <label for="new_password">New password</label>
      <input id="new_password" name="new_password" type="password" autocomplete="new-password"
       minlength="\(least)" required autofocus\(described)>
      <button type="submit">Sign in with it</button>
      </form>
      """)
  }
}
