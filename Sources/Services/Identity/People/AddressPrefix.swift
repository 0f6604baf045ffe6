import Foundation

/// What counts as one address when attempts are counted: an IPv4 address, or the /64 in which an IPv6 host may take any
/// address it likes. An IPv4 address mapped into IPv6 is the IPv4 address.
package enum AddressPrefix {
  /// - Parameter address: as the gateway names it; whatever is no IPv6 address stands for itself.
  package static func of(_ address: String) -> String {
    guard address.contains(":") else { return address }
    var six = in6_addr()
    // A zone (`fe80::1%eth0`) names the link, not the host.
    guard inet_pton(AF_INET6, String(address.prefix { $0 != "%" }), &six) == 1 else {
      return address
    }
    let bytes = withUnsafeBytes(of: six) { Array($0) }
    if bytes[0..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
      return bytes[12..<16].map(String.init).joined(separator: ".")
    }
    return bytes[0..<8].map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
  }
}
