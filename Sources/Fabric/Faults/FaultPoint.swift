import Dispatch
import Glibc
import Synchronization

/// A place at which a test build can be made to die, to stand still, or to read another time; the crash matrix
/// (`Tests/Flows/CrashMatrixTests.swift`) goes through all of them. A release has none: there `reached` is empty.
package enum FaultPoint: String, Sendable, CaseIterable {
  /// A request has passed every check; nothing was done yet.
  case requestAdmitted = "request-admitted"
  /// Everything was done; the answer has not left.
  case answerReady = "answer-ready"
  /// A call to another service is about to leave, and has been answered.
  case callLeaving = "call-leaving"
  case callAnswered = "call-answered"
  /// A transaction is about to be committed, and is on the disk while nobody has heard so.
  case commitBegins = "commit-begins"
  case commitDone = "commit-done"

  /// Says that the process has come to this place.
  @inline(__always)
  package func reached() {
    #if DEBUG
      Faults.shared.reached(self)
    #endif
  }
}

#if DEBUG
  /// What the next fault is. Orders come by the file `fault` in the service's own folder, which is taken away when it is
  /// read: `POINT COUNT kill`, `POINT COUNT stop`, `clock SECONDS`, or anything else for none.
  package final class Faults: Sendable {
    // A class: one for the process, because the places are everywhere in it.
    package static let shared = Faults()

    private struct Order {
      let point: FaultPoint
      var count: Int
      let signal: Int32
    }
    private let order = Mutex<Order?>(nil)
    private let offset = Atomic<Int64>(0)
    private let queue = DispatchQueue(label: "faults")

    /// What is added to the clock, in nanoseconds.
    package var clockOffset: Int64 { offset.load(ordering: .relaxed) }

    /// From now on orders are looked for in this folder, all the time: a service whose clock is wrong may come to no place
    /// any more.
    package func watch(folder: String) {
      if let words = Self.take("\(folder)/fault") { obey(words) }
      queue.asyncAfter(deadline: .now() + .milliseconds(10)) { self.watch(folder: folder) }
    }

    fileprivate func reached(_ point: FaultPoint) {
      let signal = order.withLock { order -> Int32? in
        guard order?.point == point else { return nil }
        order?.count -= 1
        guard let due = order, due.count <= 0 else { return nil }
        order = nil
        return due.signal
      }
      if let signal { raise(signal) }
    }

    private func obey(_ words: [Substring]) {
      if words.count == 2, words[0] == "clock", let seconds = Int64(words[1]) {
        offset.store(seconds * 1_000_000_000, ordering: .relaxed)
      } else if words.count == 3, let point = FaultPoint(rawValue: String(words[0])),
        let count = Int(words[1])
      {
        let signal = words[2] == "kill" ? SIGKILL : SIGSTOP
        order.withLock { $0 = Order(point: point, count: count, signal: signal) }
      } else {
        order.withLock { $0 = nil }
      }
    }

    private static func take(_ file: String) -> [Substring]? {
      let descriptor = open(file, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = read(descriptor, &bytes, bytes.count)
      unlink(file)
      guard count > 0 else { return nil }
      return String(decoding: bytes.prefix(count), as: UTF8.self)
        .split(whereSeparator: \.isWhitespace)
    }
  }
#endif
