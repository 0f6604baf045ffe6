import Vocabulary

/// The cookies of the identity pages. All carry the `__Host-` prefix (RFC 6265bis §4.1.3.2): no other host and no
/// plain connection can set or read them, and no script can.
package enum Cookie: String, Sendable, CaseIterable {
  /// The browser session of a signed-in person.
  case session = "__Host-strongroom-session"
  /// Ties a login form to the browser it was shown in, before there is a session.
  case visit = "__Host-strongroom-visit"
  /// Stays for months: the browser in which somebody has signed in (`BrowserMark`).
  case browser = "__Host-strongroom-browser"

  /// As much as the door lets in: other applications of the same host may have many cookies, and ours must be found
  /// beside them.
  package static let headerBytesMax = 16_384
  /// 32 random bytes in base64url.
  package static let valueCharacters = 43

  /// Nil when absent, twice present, or not of our making.
  package func value(in header: String?) -> String? {
    guard let header, header.utf8.count <= Self.headerBytesMax else { return nil }
    var found: String?
    for part in header.split(separator: ";") {
      let pair = part.drop { $0 == " " }
      guard pair.hasPrefix(rawValue + "=") else { continue }
      guard found == nil else { return nil }
      found = String(pair.dropFirst(rawValue.count + 1))
    }
    guard let found, found.utf8.count == Self.valueCharacters,
      found.utf8.allSatisfy({
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
          || $0 == 95
      })
    else { return nil }
    return found
  }

  /// The `Set-Cookie` value. Only the browser's mark has a `Max-Age`; the others go when the browser closes, and the store
  /// ends them earlier.
  package func setting(_ value: String) -> String {
    let lasting =
      self == .browser ? "; Max-Age=\(BrowserMark.lifetime.milliseconds / 1_000)" : ""
    return "\(rawValue)=\(value); Path=/; Secure; HttpOnly; SameSite=Lax" + lasting
  }
  package var clearing: String {
    "\(rawValue)=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
  }
}
