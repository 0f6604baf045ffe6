import Dispatch
import Glibc
import Synchronization

/// Takes lines off the hot path: callers put them into a bounded queue, one writer masks, formats
/// and writes them. When the queue is full a line is dropped and counted, never waited for. Errors
/// are written at once, others within 25 ms. A class: it is the one owner of a file descriptor.
package final class LogSink: Sendable {
  /// Lines that may wait. Beyond it lines are dropped and counted.
  package static let linesMax = 8_192
  /// Bytes handed to one write(2); whole lines only.
  static let writeBytesMax = 65_536

  private struct Pending {
    var lines: [LogLine] = []
    var isScheduled = false
    var dropped: UInt64 = 0
    var reported: UInt64 = 0
  }
  private let pending = Mutex(Pending())
  private let queue: DispatchQueue
  private let linesMax: Int
  private let output: @Sendable ([UInt8]) -> Void

  /// Writes to an open descriptor, which stays the caller's to close.
  package convenience init(descriptor: Int32, linesMax: Int = LogSink.linesMax) {
    self.init(linesMax: linesMax) { LogSink.writeAll($0, to: descriptor) }
  }

  /// Hands whole lines to `output`, never more than one call at a time.
  package init(linesMax: Int = LogSink.linesMax, output: @escaping @Sendable ([UInt8]) -> Void) {
    self.linesMax = linesMax
    self.output = output
    queue = DispatchQueue(label: "strongroom.log", qos: .utility)
  }

  /// The process's own standard error, which the launcher keeps as `log/<service>.log`.
  package static let standardError = LogSink(descriptor: STDERR_FILENO)

  /// Lines that found the queue full, since the start.
  package var dropped: UInt64 { pending.withLock { $0.dropped } }

  /// Waits until everything appended before is written. For the end of a process, and for tests.
  package func flush() {
    queue.sync { drain() }
  }

  func append(_ line: LogLine) {
    let isScheduler = pending.withLock { pending -> Bool in
      guard pending.lines.count < linesMax else {
        pending.dropped += 1
        return false
      }
      pending.lines.append(line)
      let isFirst = !pending.isScheduled
      pending.isScheduled = true
      return isFirst || line.level == .error
    }
    guard isScheduler else { return }
    if line.level == .error {
      queue.async { self.drain() }
    } else {
      queue.asyncAfter(deadline: .now() + .milliseconds(25)) { self.drain() }
    }
  }

  private func drain() {
    let (lines, newlyDropped) = pending.withLock { pending -> ([LogLine], UInt64) in
      let lines = pending.lines
      pending.lines = []
      pending.isScheduled = false
      let newlyDropped = pending.dropped - pending.reported
      pending.reported = pending.dropped
      return (lines, newlyDropped)
    }
    var json = JSONBytes()
    for line in lines {
      line.write(to: &json)
      if json.bytes.count >= Self.writeBytesMax {
        output(json.bytes)
        json = JSONBytes()
      }
    }
    if newlyDropped > 0, let last = lines.last {
      LogLine(
        at: last.at, level: .warning, service: last.service, correlation: nil, subject: nil,
        operation: nil, message: "log lines dropped: the queue was full",
        fields: ["lines": .count(newlyDropped)]
      ).write(to: &json)
    }
    if !json.bytes.isEmpty { output(json.bytes) }
  }

  /// One write(2) normally takes everything; a full pipe may take less. A log that cannot be
  /// written is given up: the service must not stop for it.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
    bytes.withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let count = Glibc.write(
          descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent)
        if count > 0 {
          sent += count
        } else if errno != EINTR {
          return
        }
      }
    }
  }
}
