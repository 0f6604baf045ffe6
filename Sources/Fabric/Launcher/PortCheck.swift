import Charters
import Glibc
package import Vocabulary

/// Looks for ports in use before anything is started, so that the error names the port and not a
/// crashed service.
package enum PortCheck {
  /// Throws `portTaken` for the first that cannot be bound at this IPv4 address.
  package static func check(
    _ ports: [(service: ServiceName, port: Int)], bind address: String
  ) throws(LaunchFailure) {
    for (service, port) in ports {
      guard let number = UInt16(exactly: port), number > 0 else {
        throw .portTaken(port: port, service: service, reason: "it is not from 1 to 65535")
      }
      let code = tryBinding(number, address)
      guard code == 0 else {
        let reason = code == EADDRINUSE ? "another program listens there" : errorText(code)
        throw .portTaken(port: port, service: service, reason: reason)
      }
    }
  }

  private static func tryBinding(_ port: UInt16, _ address: String) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var yes: Int32 = 1
    // As the services do: a port whose last connections are still timing out is free.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    guard inet_pton(AF_INET, address, &name.sin_addr) == 1 else { return EINVAL }
    let bound = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0 else { return errno }
    return listen(descriptor, 1) == 0 ? 0 : errno
  }
}
