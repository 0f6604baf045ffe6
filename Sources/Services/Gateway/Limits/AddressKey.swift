package import NIOCore

/// What counts as one address for limits: an IPv4 address, or the /64 that an IPv6 host may roam in
/// freely. An IPv4 address mapped into IPv6 is the IPv4 address.
package func limitKey(of address: SocketAddress?) -> String {
  guard let address else { return "unknown" }
  switch address {
  case .v4, .unixDomainSocket: return address.ipAddress ?? "local"
  case .v6(let six):
    return withUnsafeBytes(of: six.address) { structure in
      // sockaddr_in6 on Linux: family, port and flow information come first, eight bytes in all.
      let bytes = Array(structure[8..<24])
      if bytes[0..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
        return "\(bytes[12]).\(bytes[13]).\(bytes[14]).\(bytes[15])"
      }
      return bytes[0..<8].map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }
  }
}
