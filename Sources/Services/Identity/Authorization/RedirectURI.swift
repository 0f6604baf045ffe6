/// Where an authorization response may go. Registered addresses are compared as exact strings (RFC 9700 §2.1), with the
/// one exception of RFC 8252 §7.3: an application on the person's own device may listen on any port of the loopback
/// address, since the operating system chooses it.
package struct RedirectURI: Hashable, Sendable {
  package static let bytesMax = 2_048

  package enum Kind: Hashable, Sendable {
    case https
    /// `http://127.0.0.1` or `http://[::1]`: native applications (RFC 8252 §7.3).
    case loopback
    /// `com.example.app:/callback`: native applications (RFC 8252 §7.1).
    case privateUse
  }

  package let text: String
  package let kind: Kind
  /// `scheme://authority` for a Content-Security-Policy source; `scheme:` for private-use schemes.
  package let origin: String
  private let host: String
  private let port: String
  private let rest: String

  /// Parses an address for registration or comparison. Nil for anything relative, with a fragment (RFC 6749 §3.1.2),
  /// with a user part, with a character outside the visible ASCII range, with a dot segment, with a percent-encoded
  /// dot or slash, or over plain HTTP to anything but the loopback address itself.
  package init?(_ text: String) {
    guard (1...Self.bytesMax).contains(text.utf8.count),
      text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !Self.forbidden.contains($0) }),
      let colon = text.firstIndex(of: ":")
    else { return nil }
    self.text = text
    let scheme = String(text[..<colon])
    let after = String(text[text.index(after: colon)...])
    guard scheme == "https" || scheme == "http" else {
      // RFC 8252 §7.1: a reverse domain name, so it must hold a dot; `javascript:` and `data:` hold none.
      guard scheme.contains("."), Self.isScheme(scheme), after.hasPrefix("/"),
        !after.hasPrefix("//")
      else { return nil }
      kind = .privateUse
      origin = scheme + ":"
      (host, port, rest) = (scheme, "", after)
      return
    }
    guard after.hasPrefix("//") else { return nil }
    let tail = after.dropFirst(2)
    let authority = String(tail.prefix { $0 != "/" && $0 != "?" })
    rest = String(tail.dropFirst(authority.count))
    guard let (host, port) = Self.split(authority), Self.isPlain(path: rest) else { return nil }
    (self.host, self.port) = (host, port)
    if scheme == "https" {
      kind = .https
    } else {
      // Not `localhost`: it may resolve to something else (RFC 8252 §8.3).
      guard host == "127.0.0.1" || host == "[::1]" else { return nil }
      kind = .loopback
    }
    // A Content-Security-Policy has no source for an IPv6 address (CSP3 §2.3.1): there the scheme must do.
    origin = host.hasPrefix("[") ? "\(scheme):" : "\(scheme)://\(authority)"
  }

  /// What a developer writes who means the loopback address.
  package static func isLocalhost(_ text: String) -> Bool {
    let scheme = "http://"
    return text.hasPrefix(scheme)
      && text.dropFirst(scheme.count).prefix { !":/?".contains($0) }.lowercased() == "localhost"
  }

  /// Whether a request that names `requested` may be answered there, when `self` is what was registered.
  package func allows(_ requested: RedirectURI) -> Bool {
    guard kind == .loopback, requested.kind == .loopback else { return text == requested.text }
    return host == requested.host && rest == requested.rest
  }

  /// The address with `parameters` added to its query (RFC 6749 §4.1.2), form-encoded.
  package func adding(_ parameters: [(name: String, value: String)]) -> String {
    let query = Form.encode(parameters)
    guard text.contains("?") else { return text + "?" + query }
    return text + (text.hasSuffix("?") ? "" : "&") + query
  }

  // " # < > \ ^ ` { | }
  private static let forbidden: Set<UInt8> = [34, 35, 60, 62, 92, 94, 96, 123, 124, 125]

  private static func isScheme(_ text: String) -> Bool {
    guard let first = text.utf8.first, (97...122).contains(first) else { return false }
    return text.utf8.allSatisfy {
      (97...122).contains($0) || (48...57).contains($0) || [43, 45, 46].contains($0)
    }
  }

  private static func split(_ authority: String) -> (host: String, port: String)? {
    guard !authority.isEmpty, !authority.contains("@"), !authority.contains("%") else { return nil }
    let end: String.Index
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]") else { return nil }
      end = authority.index(after: bracket)
    } else {
      end = authority.firstIndex(of: ":") ?? authority.endIndex
    }
    let host = String(authority[..<end])
    let tail = authority[end...]
    guard !host.isEmpty, tail.isEmpty || tail.hasPrefix(":"),
      // A registered address is one address: no wildcard, nothing that some reader takes for one.
      host.utf8.allSatisfy({
        isHostByte($0) || authority.hasPrefix("[") && [58, 91, 93].contains($0)
      })
    else { return nil }
    let port = String(tail.dropFirst())
    guard tail.isEmpty || UInt16(port) != nil && port.utf8.allSatisfy({ (48...57).contains($0) })
    else { return nil }
    return (host, port)
  }

  /// A letter, a digit, a hyphen or a dot (RFC 1123 §2.1).
  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, 45, 46: true
    default: false
    }
  }

  private static func isPlain(path: String) -> Bool {
    let folders = path.prefix { $0 != "?" }
    let lower = folders.lowercased()
    guard !lower.contains("%2e"), !lower.contains("%2f"), !lower.contains("%5c") else {
      return false
    }
    return !folders.split(separator: "/", omittingEmptySubsequences: false)
      .contains { $0 == "." || $0 == ".." }
  }
}
