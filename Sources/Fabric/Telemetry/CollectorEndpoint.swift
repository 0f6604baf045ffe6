import Glibc

/// A trace collector on this machine: `http://127.0.0.1:4318`, `http://localhost:4318/…` or
/// `http://[::1]:4318`. Plain HTTP, so only over loopback; a collector elsewhere is reached through
/// an agent here that speaks TLS.
package struct CollectorEndpoint: Hashable, Sendable {
  package let port: UInt16
  /// The path that `/v1/traces` is appended to; empty or beginning with a slash.
  package let basePath: String
  private let isIPv6: Bool

  /// Nil for another scheme, a host that is not loopback, a port outside 1–65535, or spaces in the
  /// path.
  package init?(_ url: String) {
    guard url.utf8.count <= 256, url.hasPrefix("http://") else { return nil }
    let rest = url.dropFirst(7)
    let authority = rest.prefix { $0 != "/" }
    let hosts = [("127.0.0.1", false), ("localhost", false), ("[::1]", true)]
    guard let host = hosts.first(where: { authority.hasPrefix($0.0) }) else { return nil }
    let portText = authority.dropFirst(host.0.count)
    guard portText.isEmpty || portText.first == ":" else { return nil }
    guard let port = portText.isEmpty ? 4_318 : UInt16(portText.dropFirst()), port > 0 else {
      return nil
    }
    var path = String(rest.dropFirst(authority.count))
    guard path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    if path.hasSuffix("/") { path.removeLast() }
    self.port = port
    basePath = path
    isIPv6 = host.1
  }

  /// Longest wait for the collector in one step: connecting, sending, its answer.
  static let stepSecondsMax = 2
  static let answerBytesMax = 4_096

  /// Sends one JSON body by POST on a connection of its own, and reads the status. Blocks: for the
  /// exporter's queue only.
  /// - Returns: the HTTP status; nil when the collector could not be reached or did not answer with
  ///   one.
  func post(_ body: [UInt8], path: String) -> Int? {
    let handle = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard handle >= 0 else { return nil }
    defer { close(handle) }
    var wait = timeval(tv_sec: Self.stepSecondsMax, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    guard setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &wait, size) == 0,
      setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &wait, size) == 0, connect(handle)
    else { return nil }
    let head =
      "POST \(basePath)\(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n"
      + "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
      + "Connection: close\r\n\r\n"
    guard send(Array(head.utf8) + body, to: handle) else { return nil }
    return status(from: handle)
  }

  private func connect(_ handle: Int32) -> Bool {
    if isIPv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
        }
      }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private func send(_ bytes: [UInt8], to handle: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let start = buffer.baseAddress.map { $0 + sent }
        let count = Glibc.send(handle, start, buffer.count - sent, Int32(MSG_NOSIGNAL))
        guard count > 0 else { return false }
        sent += count
      }
      return true
    }
  }

  /// `HTTP/1.1 200 …`: the three digits after the first space of the first line.
  private func status(from handle: Int32) -> Int? {
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1_024)
    while answer.count < Self.answerBytesMax, !answer.contains(10) {
      let count = recv(handle, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      answer.append(contentsOf: buffer[..<count])
    }
    let words = String(decoding: answer, as: UTF8.self).split(separator: " ", maxSplits: 2)
    guard words.count > 1, words[0].hasPrefix("HTTP/1.") else { return nil }
    return Int(words[1])
  }
}
