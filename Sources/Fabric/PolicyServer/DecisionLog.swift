import Dispatch
import Glibc
package import PolicyEngine
import Synchronization
package import Telemetry

/// Writes decisions, one JSON object a line, off the path of the answers: callers put them into a
/// bounded queue, one writer masks and writes them. A class: it is the one owner of a descriptor.
package final class DecisionLog: Sendable {
  /// Decisions that may wait. Beyond it one is left out, and counted.
  package static let eventsMax = 16_384

  private struct Pending {
    var events: [(event: DecisionEvent, store: PolicyStore)] = []
    var isScheduled = false
  }
  private let pending = Mutex(Pending())
  private let queue = DispatchQueue(label: "strongroom.decisions", qos: .utility)
  private let output: @Sendable ([UInt8]) -> Bool
  private let lost = Atomic<UInt64>(0)
  private let log: Log
  private let labels: [(String, Value)]

  /// - Parameters:
  ///   - labels: stand in each line: the id of this server, and what else tells it from others.
  ///   - output: takes whole lines, one call at a time; false where they were not kept.
  package init(labels: [(String, Value)], log: Log, output: @escaping @Sendable ([UInt8]) -> Bool) {
    self.log = log
    self.labels = labels
    self.output = output
  }

  /// Appends to a file, which only its owner may read; `-` is standard output.
  /// - Throws: `DecisionLogUnwritable`.
  package convenience init(file: String, labels: [(String, Value)], log: Log)
    throws(DecisionLogUnwritable)
  {
    let descriptor =
      file == "-" ? STDOUT_FILENO : open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw DecisionLogUnwritable(description: "\(file): \(String(cString: strerror(errno)))")
    }
    self.init(labels: labels, log: log) { bytes in
      bytes.withUnsafeBytes { buffer in
        var written = 0
        while written < buffer.count {
          let count = write(
            descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
          if count > 0 {
            written += count
          } else if errno != EINTR {
            return false
          }
        }
        return true
      }
    }
  }

  /// Decisions that were left out or could not be written, since the start.
  package var losses: UInt64 { lost.load(ordering: .relaxed) }

  /// - Parameter store: what it was decided by; its masks count.
  func append(_ event: DecisionEvent, _ store: PolicyStore) {
    let (isKept, isFirst) = pending.withLock { pending -> (Bool, Bool) in
      guard pending.events.count < Self.eventsMax else { return (false, false) }
      pending.events.append((event, store))
      defer { pending.isScheduled = true }
      return (true, !pending.isScheduled)
    }
    guard isKept else {
      lost.wrappingAdd(1, ordering: .relaxed)
      return
    }
    if isFirst { queue.async { self.drain() } }
  }

  /// Waits until everything appended before is written.
  package func flush() { queue.sync { drain() } }

  private func drain() {
    let events = pending.withLock { pending in
      defer {
        pending.events = []
        pending.isScheduled = false
      }
      return pending.events
    }
    var lines: [UInt8] = []
    var count = 0
    for (event, store) in events {
      guard let line = DecisionMask.line(event, labels: labels, store) else { continue }
      lines += line.jsonText.utf8
      lines.append(UInt8(ascii: "\n"))
      count += 1
      if lines.count > 65_536 {
        put(lines, count)
        (lines, count) = ([], 0)
      }
    }
    if !lines.isEmpty { put(lines, count) }
  }

  private func put(_ lines: [UInt8], _ count: Int) {
    guard !output(lines) else { return }
    lost.wrappingAdd(UInt64(count), ordering: .relaxed)
    log.error("decisions could not be written to the decision log", ["decisions": .count(count)])
  }
}

package struct DecisionLogUnwritable: Error, CustomStringConvertible {
  package let description: String
}
