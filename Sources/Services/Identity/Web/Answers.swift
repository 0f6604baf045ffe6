import Chassis
import StrictJSON
import Transport
import Vocabulary

/// Answers in the forms that browsers and OAuth clients expect.
extension Answer {
  /// A page with everything that keeps it from being framed, cached, sniffed or scripted.
  static func page(_ page: Page, cookies: [String] = []) -> Answer {
    var answer = Answer(status: page.status, body: Array(page.html.utf8))
    answer.headers.add("content-type", "text/html; charset=utf-8")
    answer.headers.add("content-security-policy", page.contentSecurityPolicy)
    answer.headers.add("x-frame-options", "DENY")
    answer.headers.add("x-content-type-options", "nosniff")
    answer.headers.add("referrer-policy", "same-origin")
    answer.headers.add("cross-origin-resource-policy", "same-origin")
    answer.headers.add("cache-control", "no-store")
    for cookie in cookies { answer.headers.add("set-cookie", cookie) }
    if let seconds = page.retryAfterSeconds { answer.headers.add("retry-after", "\(seconds)") }
    return answer
  }

  /// 303, so that a form's body is never sent on (RFC 9700 §4.12).
  static func redirect(to location: String, cookies: [String] = []) -> Answer {
    var answer = Answer(status: 303)
    answer.headers.add("location", location)
    answer.headers.add("referrer-policy", "no-referrer")
    answer.headers.add("cache-control", "no-store")
    for cookie in cookies { answer.headers.add("set-cookie", cookie) }
    return answer
  }

  /// RFC 6749 §5.1: never cached.
  static func uncached(_ status: Int, _ members: JSON) -> Answer {
    var answer = Answer(status: status, body: members.canonicalBytes)
    answer.headers.add("content-type", "application/json")
    answer.headers.add("cache-control", "no-store")
    return answer
  }

  /// RFC 6749 §5.2.
  static func oauth(_ error: OAuthError) -> Answer {
    var answer = uncached(
      error.status,
      ["error": .string(error.code.rawValue), "error_description": .string(error.description)])
    if let challenge = error.challenge { answer.headers.add("www-authenticate", challenge) }
    return answer
  }

  /// An authorization response to the client (RFC 6749 §4.1.2, RFC 9207 §2).
  static func authorization(
    to uri: RedirectURI, issuer: String, state: String?, _ parameters: [(String, String)],
    cookies: [String] = []
  ) -> Answer {
    var all = parameters.map { (name: $0.0, value: $0.1) }
    if let state { all.append((name: "state", value: state)) }
    all.append((name: "iss", value: issuer))
    return redirect(to: uri.adding(all), cookies: cookies)
  }

  static func authorization(
    _ error: OAuthError, to uri: RedirectURI, issuer: String, state: String?
  ) -> Answer {
    authorization(
      to: uri, issuer: issuer, state: state,
      [("error", error.code.rawValue), ("error_description", error.description)])
  }
}
