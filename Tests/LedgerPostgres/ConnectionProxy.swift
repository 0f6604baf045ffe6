import Foundation
import Glibc
import Synchronization

/// Stands between a ledger and its server, and spoils their talk. A class: its threads share it.
final class ConnectionProxy: Sendable {
  enum Fault: Sendable {
    case none
    /// The next commit of the owner never reaches the server.
    case cutBeforeCommit
    /// The next commit of the owner reaches the server, and the answer is lost.
    case cutAfterCommit
    /// The next commit of a segment of the index reaches the server, and the answer is lost. Known only by the first
    /// segment of a connection, whose statement is still spelled out.
    case cutAfterIndexCommit
    /// Nothing passes in either direction, and nobody is told, as with a process that is paused.
    case hold
  }

  private struct State {
    var fault = Fault.none
    var cuts = 0
    /// Where connections go that do not own the books; they are cut when it changes.
    var readers: String
    var pairs: [Pair] = []
  }

  let folder: String
  private let server: String
  private let state: Mutex<State>
  private let listener: Int32

  /// - Parameter server: the folder of its Unix socket.
  init(to server: String) throws {
    self.server = server
    state = Mutex(State(readers: server))
    folder = "/tmp/sr-px-\(UInt32.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let bound = Self.withAddress("\(folder)/.s.PGSQL.5432") { bind(listener, $0, $1) }
    guard bound == 0, listen(listener, 64) == 0 else { throw POSIXError(.EADDRINUSE) }
    Thread.detachNewThread { self.accept() }
  }

  var cuts: Int { state.withLock { $0.cuts } }
  func set(_ fault: Fault) { state.withLock { $0.fault = fault } }

  /// New connections, all of which are readers' once somebody owns the books, go to another server; those that are
  /// there and do not own them are cut.
  func route(readersTo server: String) {
    let pairs = state.withLock { state in
      state.readers = server
      return state.pairs
    }
    for pair in pairs where !pair.owns.withLock({ $0 }) { pair.cut() }
  }

  func close() {
    set(.none)
    shutdown(listener, Int32(SHUT_RDWR))
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func accept() {
    while true {
      let client = Glibc.accept(listener, nil, nil)
      guard client >= 0 else { break }
      let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      let upstream = state.withLock { $0.readers } + "/.s.PGSQL.5432"
      guard Self.withAddress(upstream, { connect(server, $0, $1) }) == 0 else {
        Glibc.close(client)
        Glibc.close(server)
        continue
      }
      let pair = Pair(client: client, server: server)
      state.withLock { $0.pairs.append(pair) }
      Thread.detachNewThread { self.forward(pair) }
      Thread.detachNewThread { self.back(pair) }
    }
    Glibc.close(listener)
  }

  /// One connection, both ends.
  private final class Pair: Sendable {
    let client: Int32
    let server: Int32
    let losesAnswer = Mutex(false)
    let owns = Mutex(false)
    init(client: Int32, server: Int32) { (self.client, self.server) = (client, server) }
    func cut() {
      shutdown(client, Int32(SHUT_RDWR))
      shutdown(server, Int32(SHUT_RDWR))
    }
  }

  private func waitWhileHeld() {
    while state.withLock({ if case .hold = $0.fault { true } else { false } }) { usleep(5_000) }
  }

  private func forward(_ pair: Pair) {
    var isOwner = false
    var writesIndex = false
    while let chunk = Self.take(pair.client) {
      waitWhileHeld()
      if !isOwner {
        isOwner = contains(chunk, "FROM store_owner WHERE id = 1 AND epoch")
        pair.owns.withLock { [isOwner] in $0 = isOwner }
      }
      if isOwner { writesIndex = writesIndex || contains(chunk, "INTO index_segments") }
      if isOwner, contains(chunk, "COMMIT") {
        let fault = state.withLock { state -> Fault in
          switch state.fault {
          case .hold: return .none
          case .cutAfterIndexCommit where !writesIndex: return .none
          case .none, .cutBeforeCommit, .cutAfterCommit, .cutAfterIndexCommit:
            defer { state.fault = .none }
            return state.fault
          }
        }
        switch fault {
        case .cutBeforeCommit:
          state.withLock { $0.cuts += 1 }
          return pair.cut()
        case .cutAfterCommit, .cutAfterIndexCommit:
          state.withLock { $0.cuts += 1 }
          pair.losesAnswer.withLock { $0 = true }
        case .none, .hold: break
        }
      }
      guard Self.give(chunk, pair.server) else { break }
    }
    pair.cut()
  }

  private func back(_ pair: Pair) {
    while let chunk = Self.take(pair.server) {
      waitWhileHeld()
      if pair.losesAnswer.withLock({ $0 }) { break }
      guard Self.give(chunk, pair.client) else { break }
    }
    pair.cut()
  }

  private func contains(_ chunk: [UInt8], _ word: String) -> Bool {
    chunk.count < 4_096 && String(decoding: chunk, as: UTF8.self).contains(word)
  }

  private static func take(_ socket: Int32) -> [UInt8]? {
    var block = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &block, block.count, 0)
    return count > 0 ? Array(block[..<count]) : nil
  }

  private static func give(_ bytes: [UInt8], _ socket: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
