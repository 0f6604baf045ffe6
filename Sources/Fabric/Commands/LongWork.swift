import Dispatch
import Glibc
import Synchronization

/// Tells on standard error how far a long command is, so that what it prints stays clean: on a terminal one line that is
/// kept up to date, elsewhere a line every ten seconds. Nothing is said of work that takes less than two.
///
/// A class: the thread that tells and the work that counts share it.
package final class LongWork: Sendable {
  private static let silence: Duration = .seconds(2)
  private static let interval: Duration =
    Terminal.error.isTerminal ? .milliseconds(200) : .seconds(10)

  private let what: String
  private let unit: String
  /// Zero: nobody knows.
  private let total: Atomic<Int>
  private let done = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)

  /// - Parameters:
  ///   - total: how many there will be, where that is known.
  ///   - isTold: false for machine-readable output.
  package init(_ what: String, of total: Int? = nil, _ unit: String, isTold: Bool = true) {
    self.what = what
    self.unit = unit
    self.total = Atomic(total ?? 0)
    guard isTold else { return }
    DispatchQueue(label: "progress").async { self.tell() }
  }

  /// So much more is done.
  package func add(_ count: Int = 1) { done.wrappingAdd(count, ordering: .relaxed) }

  /// For work that counts itself.
  package func tell(_ done: UInt64, of total: UInt64) {
    self.done.store(Int(clamping: done), ordering: .relaxed)
    self.total.store(Int(clamping: total), ordering: .relaxed)
  }

  /// Takes the line away again.
  package func finish() {
    isOver.store(true, ordering: .relaxed)
    if Terminal.error.isTerminal { writeError("\r\u{1b}[K") }
  }

  private func tell() {
    let began = ContinuousClock.now
    var told = began
    while !isOver.load(ordering: .relaxed) {
      usleep(100_000)
      let now = ContinuousClock.now
      guard now - began >= Self.silence, now - told >= Self.interval,
        !isOver.load(ordering: .relaxed)
      else { continue }
      told = now
      let line = Self.line(
        what, done.load(ordering: .relaxed), total.load(ordering: .relaxed), unit,
        after: now - began)
      writeError(Terminal.error.isTerminal ? "\r\u{1b}[K\(line)" : "\(line)\n")
    }
  }

  /// `Verifying: 1200 of 5000 records (24 %), 8 s, about 25 s left`.
  package static func line(
    _ what: String, _ done: Int, _ total: Int, _ unit: String, after span: Duration
  ) -> String {
    let seconds = span.components.seconds
    guard total > 0 else { return "\(what): \(done) \(unit), \(seconds) s" }
    let percent = min(100, done * 100 / total)
    let left =
      done > 0 && done < total
      ? ", about \(max(1, Int(seconds) * (total - done) / done)) s left" : ""
    return "\(what): \(done) of \(total) \(unit) (\(percent) %), \(seconds) s\(left)"
  }
}
