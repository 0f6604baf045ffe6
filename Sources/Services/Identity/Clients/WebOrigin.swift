/// Where a page runs, as a browser names it in `Origin` (RFC 6454 §6.2): scheme, host and a port that is not the scheme's
/// own. Compared as an exact string.
package struct WebOrigin: Hashable, Sendable {
  package static let perClientMax = 10
  package static let bytesMax = 255

  package let text: String

  /// Nil for anything a browser would not send, and for plain HTTP to anything but this machine: who changes such a page
  /// on its way would read the tokens.
  package init?(_ text: String) {
    guard (1...Self.bytesMax).contains(text.utf8.count), text == text.lowercased() else {
      return nil
    }
    if text.hasPrefix("http://localhost") {
      // A browser resolves it to the loopback address (W3C Secure Contexts §5.2).
      let port = text.dropFirst("http://localhost".count)
      guard port.isEmpty || Self.isPort(port, except: "80") else { return nil }
    } else {
      guard let address = RedirectURI(text), address.origin == text, address.kind != .privateUse
      else { return nil }
      let own = address.kind == .https ? ":443" : ":80"
      guard !text.hasSuffix(own) else { return nil }
    }
    self.text = text
  }

  private static func isPort(_ text: Substring, except own: String) -> Bool {
    let digits = text.dropFirst()
    return text.first == ":" && UInt16(digits) != nil && digits != own && digits.first != "0"
      && digits.utf8.allSatisfy { (48...57).contains($0) }
  }
}
