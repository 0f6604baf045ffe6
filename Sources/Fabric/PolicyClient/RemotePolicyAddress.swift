/// Where an Open Policy Agent listens: `http://127.0.0.1:8181`, `https://opa.internal/prefix`.
package struct RemotePolicyAddress: Hashable, Sendable, CustomStringConvertible {
  package let isEncrypted: Bool
  /// A name or an IP address, without brackets.
  package let host: String
  package let port: Int
  /// Path in front of `/v1/data`, without a slash at its end.
  package let prefix: String

  /// - Parameter plainText: whether `http` is taken for hosts other than this one; who reads or
  ///   changes such traffic decides instead of the policy.
  /// - Throws: `RemotePolicyFailure.misconfigured`.
  package init(_ url: String, plainText: Bool = false) throws(RemotePolicyFailure) {
    func wrong(_ reason: String) -> RemotePolicyFailure {
      .misconfigured("'\(url)' is no address of a policy server: \(reason)")
    }
    let visible = url.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    guard visible, url.utf8.count <= 2_048 else { throw wrong("not a URL") }
    let rest: Substring
    if url.hasPrefix("https://") {
      isEncrypted = true
      rest = url.dropFirst(8)
    } else if url.hasPrefix("http://") {
      isEncrypted = false
      rest = url.dropFirst(7)
    } else {
      throw wrong("it must begin with https:// or http://")
    }
    guard !rest.contains(where: { "@?#\\".contains($0) }) else {
      throw wrong("no user, query or fragment is taken")
    }
    let authority = rest.prefix { $0 != "/" }
    var path = rest.dropFirst(authority.count)
    while path.hasSuffix("/") { path = path.dropLast() }
    prefix = String(path)
    let name: Substring
    let portText: Substring
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { throw wrong("a ] is missing") }
      name = authority[authority.index(after: authority.startIndex)..<end]
      portText = authority[authority.index(after: end)...]
    } else {
      name = authority.prefix { $0 != ":" }
      portText = authority.dropFirst(name.count)
    }
    guard !name.isEmpty else { throw wrong("the host is missing") }
    host = String(name)
    if portText.isEmpty {
      port = isEncrypted ? 443 : 80
    } else {
      guard portText.hasPrefix(":"), let number = Int(portText.dropFirst()),
        (1...65_535).contains(number)
      else { throw wrong("the port must be 1 to 65535") }
      port = number
    }
    guard isEncrypted || plainText || isLoopback else {
      throw wrong("http:// is for this host only; use https://")
    }
  }

  package var isLoopback: Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.") && isIPAddress
  }

  /// Whether the host is an IP address, which a certificate must name as such.
  var isIPAddress: Bool {
    host.contains(":") || host.utf8.allSatisfy { (48...57).contains($0) || $0 == 46 }
  }

  /// The `Host` field (RFC 9110 §7.2).
  var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  package var description: String {
    "\(isEncrypted ? "https" : "http")://\(authority)\(prefix)"
  }
}
