import Glibc

/// A blocking stream socket in the file system, for a question and an answer of a few bytes.
enum LocalSocket {
  /// Longest wait for the other end, seconds.
  static let secondsMax = 2

  /// Nil with errno set.
  static func open(_ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32)
    -> Int32?
  {
    var address = sockaddr_un()
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      errno = ENAMETOOLONG
      return nil
    }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { return nil }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  static func limitWaiting(_ descriptor: Int32) {
    var wait = timeval(tv_sec: secondsMax, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, size)
  }

  /// Up to a line feed or the end, at most `bytesMax`; nil when it is longer, or never comes.
  static func line(_ descriptor: Int32, bytesMax: Int) -> [UInt8]? {
    var line: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 512)
    while line.count <= bytesMax {
      let count = recv(descriptor, &block, block.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count == 0 && !line.isEmpty ? line : nil }
      line += block[..<count]
      if line.last == 0x0a { return line.dropLast() }
    }
    return nil
  }

  static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }
}
