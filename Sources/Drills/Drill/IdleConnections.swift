import Glibc

/// Connections to a port of this machine on which nothing is ever said, from many addresses of 127/8. A class: they end
/// with it.
final class IdleConnections {
  private var sockets: [Int32] = []

  /// How many the kernel has taken on; whether somebody accepted them is for the other side to know.
  var count: Int { sockets.count }

  /// - Throws: `TooFewDescriptors` where this process may not open as many.
  init(_ count: Int, addresses: Int, port: Int) throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    guard limit.rlim_cur > UInt(count + 256) else { throw TooFewDescriptors(limit: limit.rlim_cur) }
    for number in 0..<count {
      let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
      guard handle >= 0 else { break }
      let source = Self.address(0x7f00_0200 + UInt32(number % addresses), port: 0)
      let target = Self.address(0x7f00_0001, port: port)
      guard Self.with(source, { bind(handle, $0, $1) }) == 0 else {
        close(handle)
        continue
      }
      let connected = Self.with(target) { connect(handle, $0, $1) }
      guard connected == 0 || errno == EINPROGRESS else {
        close(handle)
        continue
      }
      sockets.append(handle)
    }
  }

  deinit { for handle in sockets { close(handle) } }

  struct TooFewDescriptors: Error, CustomStringConvertible {
    let limit: UInt
    var description: String { "this process may open \(limit) files only; raise ulimit -n" }
  }

  private static func address(_ host: UInt32, port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = host.bigEndian
    address.sin_port = in_port_t(port).bigEndian
    return address
  }

  private static func with(
    _ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
