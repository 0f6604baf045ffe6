import Glibc

/// The names under which the outside may call the gateway: the issuer's host, the address that it listens on, and this
/// machine. They follow from the platform's settings, so the authority knows them without being told by the gateway.
package struct EdgeNames: Hashable, Sendable {
  /// Lower-case host names, sorted.
  package let hosts: [String]
  /// IPv4 or IPv6 addresses in text, sorted.
  package let addresses: [String]

  package init(_ platform: Platform) {
    var hosts: Set<String> = ["localhost"]
    var addresses: Set<String> = ["127.0.0.1", "::1"]
    for name in [Self.host(of: platform.issuer), platform.gatewayBind] where !name.isEmpty {
      if Self.bytes(ofAddress: name) == nil {
        hosts.insert(name.lowercased())
      } else if name != "0.0.0.0", name != "::" {
        addresses.insert(name)
      }
    }
    self.hosts = hosts.sorted()
    self.addresses = addresses.sorted()
  }

  /// The host in `https://host:port/…`.
  package static func host(of issuer: String) -> String {
    let authority = issuer.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" }
    if authority.first == "[" { return String(authority.dropFirst().prefix { $0 != "]" }) }
    return String(authority.prefix { $0 != ":" })
  }

  /// An address as certificates hold it: four or sixteen bytes; nil when the text is none.
  package static func bytes(ofAddress text: String) -> [UInt8]? {
    var four = [UInt8](repeating: 0, count: 4)
    if inet_pton(AF_INET, text, &four) == 1 { return four }
    var sixteen = [UInt8](repeating: 0, count: 16)
    return inet_pton(AF_INET6, text, &sixteen) == 1 ? sixteen : nil
  }
}
