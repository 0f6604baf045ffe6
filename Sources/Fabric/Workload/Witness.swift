import Foundation
import Glibc
import Synchronization
import Vocabulary

/// The launcher as a witness: on a socket in its own folder it tells one process, the authority,
/// what other processes execute. One question on each connection, a line each way:
/// `look PID` → `TICKS PATH`, `digest PID` → `HEX`; an empty line for "no such process".
package final class Witness: Sendable {
  // A class: it owns the listening socket and its thread.
  static let questionBytesMax = 32
  static let answerBytesMax = 4_200
  private static let waitingMax: Int32 = 64

  private let listener: Int32
  private let path: String
  private let view = ProcessView.kernel()
  private let asker = Mutex<Int32?>(nil)
  /// Under its lock the listener is either shut down or closed, never shut down after it was closed.
  private let isStopped = Mutex(false)
  /// Pause after a failed accept(2), microseconds: whatever is short may come back.
  private static let retryMicros: UInt32 = 10_000

  /// Nil, with errno set, when the socket cannot be made. An old one at this path is replaced.
  package init?(path: String) {
    unlink(path)
    guard let listener = LocalSocket.open(path, { bind($0, $1, $2) }) else { return nil }
    self.listener = listener
    self.path = path
    // Who may ask is decided by process id; the mode lets an authority of another user try.
    guard chmod(path, 0o666) == 0, listen(listener, Self.waitingMax) == 0 else {
      close(listener)
      return nil
    }
    let thread = Thread { [weak self] in
      while let self, let peer = self.next() { self.answer(peer) }
    }
    thread.stackSize = 256 << 10
    thread.start()
  }

  /// From now on only this process is answered.
  package func serve(_ pid: Int32?) { asker.withLock { $0 = pid } }

  /// Ends it.
  package func stop() {
    isStopped.withLock {
      guard !$0 else { return }
      $0 = true
      shutdown(listener, Int32(SHUT_RDWR))
    }
    unlink(path)
  }

  private func next() -> Int32? {
    while true {
      let peer = accept(listener, nil, nil)
      if peer >= 0 {
        _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
        return peer
      }
      let isOver = isStopped.withLock {
        if $0 { close(listener) }
        return $0
      }
      if isOver { return nil }
      usleep(Self.retryMicros)
    }
  }

  private func answer(_ peer: Int32) {
    defer { close(peer) }
    LocalSocket.limitWaiting(peer)
    guard let pid = PeerCredentials.pid(of: peer), pid == asker.withLock({ $0 }),
      let line = LocalSocket.line(peer, bytesMax: Self.questionBytesMax)
    else { return }
    let words = String(decoding: line, as: UTF8.self).split(separator: " ")
    guard words.count == 2, let pid = Int32(words[1]), pid > 0 else { return }
    let text =
      switch words[0] {
      case "look": view.look(pid).map { "\($0.startTicks) \($0.executable)" } ?? ""
      case "digest": view.digest(pid) ?? ""
      default: ""
      }
    _ = LocalSocket.send(Array("\(text)\n".utf8), to: peer)
  }
}

extension ProcessView {
  /// What the launcher's witness at this socket says. Waits two seconds at the most for an answer.
  package static func witness(_ path: String) -> ProcessView {
    ProcessView(
      look: { pid in
        guard let words = ask("look \(pid)", at: path)?.split(separator: " ", maxSplits: 1),
          words.count == 2, let ticks = UInt64(words[0])
        else { return nil }
        return ProcessFacts(startTicks: ticks, executable: String(words[1]))
      },
      digest: { pid in
        guard let text = ask("digest \(pid)", at: path), text.utf8.count == 64 else { return nil }
        return text
      })
  }

  private static func ask(_ question: String, at path: String) -> String? {
    guard let descriptor = LocalSocket.open(path, { connect($0, $1, $2) }) else { return nil }
    defer { close(descriptor) }
    LocalSocket.limitWaiting(descriptor)
    guard LocalSocket.send(Array("\(question)\n".utf8), to: descriptor),
      let line = LocalSocket.line(descriptor, bytesMax: Witness.answerBytesMax), !line.isEmpty
    else { return nil }
    return String(validating: line, as: UTF8.self)
  }
}
