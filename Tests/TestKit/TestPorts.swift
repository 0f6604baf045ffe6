import Foundation
import Synchronization

/// Ports on the loopback that no other test has, neither here nor in another process.
package enum TestPorts {
  /// No free block in a whole round.
  struct NoneFree: Error {}

  // Charters of tests name ports 7,000–7,019 and 7,100–7,119, and two such ranges, 20 apart, never meet. All lie
  // below the ports that the kernel gives to outgoing connections (32,768 and up).
  private static let ranges = [7_000..<7_020, 7_100..<7_120]
  private static let offsets = (15..<127).flatMap { hundreds in
    (0..<5).map { hundreds * 200 + $0 * 20 }
  }
  private static let claimed = Mutex<[Int32]>([])

  /// A port offset (`Platform.portOffset`) for one home.
  /// - Throws: when every block is taken.
  package static func offset() throws -> Int {
    for offset in offsets.shuffled() where claim(offset) { return offset }
    throw NoneFree()
  }

  /// The gateway's port in a block.
  package static func gatewayPort(_ offset: Int) -> Int { 7_019 + offset }

  /// A lock (flock(2)) that ends with this process, on a name that all checkouts and users share.
  private static func claim(_ offset: Int) -> Bool {
    let file = open(
      "/tmp/strongroom-test-ports-\(offset).lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard file >= 0 else { return false }
    guard flock(file, LOCK_EX | LOCK_NB) == 0,
      ranges.allSatisfy({ $0.allSatisfy { isFree($0 + offset) } })
    else {
      close(file)
      return false
    }
    claimed.withLock { $0.append(file) }
    return true
  }

  private static func isFree(_ port: Int) -> Bool {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { return false }
    defer { close(socket) }
    var reuse: Int32 = 1
    setsockopt(
      socket, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
