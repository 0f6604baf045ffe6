import Glibc

/// The attempts that take a socket.
enum SocketAttempts {
  private static let stream = Int32(SOCK_STREAM.rawValue)
  private static let datagram = Int32(SOCK_DGRAM.rawValue)
  private static let raw = Int32(SOCK_RAW.rawValue)

  static func attempted(_ attempt: Attempt, _ target: String) -> Int32 {
    switch attempt {
    case .unixSocket: unix(Array(target.utf8))
    case .abstractSocket: unix([0] + Array(target.utf8))
    case .rawSocket: made(AF_INET, raw, Int32(IPPROTO_ICMP))
    case .packetSocket: made(AF_PACKET, raw, 0)
    case .netlinkSocket: made(AF_NETLINK, raw, 0)
    case .connectAddress: toAddress(target)
    case .datagramSocket: made(AF_INET, datagram, 0)
    default: toPort(attempt, UInt16(target) ?? 0)
    }
  }

  private static func made(_ family: Int32, _ type: Int32, _ protocolNumber: Int32) -> Int32 {
    let descriptor = socket(family, type, protocolNumber)
    guard descriptor >= 0 else { return errno }
    close(descriptor)
    return 0
  }

  private static func toPort(_ attempt: Attempt, _ port: UInt16) -> Int32 {
    // IPPROTO_MPTCP.
    let descriptor = socket(AF_INET, stream, attempt == .multipath ? 262 : 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        switch attempt {
        case .listen: return Prober.error(Int(bind(descriptor, address, size)))
        case .fastOpen:
          // MSG_FASTOPEN.
          return Prober.error(sendto(descriptor, "x", 1, 0x2000_0000, address, size))
        default: return Prober.error(Int(connect(descriptor, address, size)))
        }
      }
    }
  }

  /// Whoever answers nothing is given up after so many seconds.
  private static let connectSecondsMax = 3

  private static func toAddress(_ target: String) -> Int32 {
    guard let colon = target.lastIndex(of: ":"), let port = UInt16(target[colon...].dropFirst())
    else { return EINVAL }
    let host = target[..<colon].filter { $0 != "[" && $0 != "]" }
    var (four, six) = (sockaddr_in(), sockaddr_in6())
    if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
      four.sin_family = sa_family_t(AF_INET)
      four.sin_port = port.bigEndian
      return connected(AF_INET, &four, MemoryLayout<sockaddr_in>.size)
    }
    guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return EINVAL }
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = port.bigEndian
    return connected(AF_INET6, &six, MemoryLayout<sockaddr_in6>.size)
  }

  private static func connected(
    _ family: Int32, _ address: UnsafeRawPointer, _ size: Int
  ) -> Int32 {
    let descriptor = socket(family, stream, 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var limit = timeval(tv_sec: connectSecondsMax, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let address = address.assumingMemoryBound(to: sockaddr.self)
    let code = Prober.error(Int(connect(descriptor, address, socklen_t(size))))
    // What connect(2) says when the time has passed (socket(7), SO_SNDTIMEO).
    return code == EINPROGRESS ? ETIMEDOUT : code
  }

  private static func unix(_ name: [UInt8]) -> Int32 {
    let descriptor = socket(AF_UNIX, stream, 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return ENAMETOOLONG }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let size = MemoryLayout<sa_family_t>.size + name.count
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Prober.error(Int(connect(descriptor, $0, socklen_t(size))))
      }
    }
  }
}
