package import Vocabulary

/// How much a line matters. `debug` is for development, `info` for events, `warning` for what heals
/// by itself, `error` for what somebody must look at.
package enum LogLevel: String, Sendable, Comparable, CaseIterable {
  case debug, info, warning, error

  private var rank: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warning: 2
    case .error: 3
    }
  }
  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// What a field may hold. Everything that came from outside goes through `.text` and is masked
/// before the line leaves.
package enum LogValue: Hashable, Sendable {
  /// Our own identifier, host or version: letters, digits and `:/._-@+=[]`, 256 bytes at most;
  /// other text is masked.
  case identifier(String)
  /// Text from elsewhere, for example the message of an error. Masked; cut after 1,024 bytes.
  case text(String)
  case integer(Int64)
  /// Written as whole microseconds in a field whose name gets the suffix `_us`.
  case duration(Duration)
  /// How the operation ended: `ok`, `refused`, `failed`, a problem's slug or a status. Stands at
  /// the top of the line.
  case outcome(String)

  /// An identifier of any of our types.
  package static func id(_ value: some CustomStringConvertible) -> LogValue {
    .identifier(value.description)
  }
  /// Any whole number.
  package static func count(_ value: some BinaryInteger) -> LogValue {
    .integer(Int64(clamping: value))
  }
}

/// Writes one JSON object per line: time, level, service, correlation, subject, operation, outcome,
/// message, fields. A value; passed on with more context by `with`. Messages are constants, so no
/// customer's data can be in them.
package struct Log: Sendable {
  let service: ServiceName
  let level: LogLevel
  let sink: LogSink
  let clock: Clock
  var correlation: CorrelationID?
  var subject: String?
  var operation: String?

  package init(service: ServiceName, level: LogLevel = .info, sink: LogSink, clock: Clock) {
    self.service = service
    self.level = level
    self.sink = sink
    self.clock = clock
  }

  /// The same log with the context of one request; nil leaves what is set. `subject` is the opaque
  /// reference of a person or client, never a name.
  package func with(
    correlation: CorrelationID? = nil, subject: String? = nil, operation: String? = nil
  ) -> Log {
    var log = self
    log.correlation = correlation ?? log.correlation
    log.subject = subject ?? log.subject
    log.operation = operation ?? log.operation
    return log
  }

  /// For development; not written unless the level says so.
  package func debug(_ message: StaticString, _ fields: [String: LogValue] = [:]) {
    write(.debug, message, fields)
  }
  /// Something happened that is worth finding again.
  package func info(_ message: StaticString, _ fields: [String: LogValue] = [:]) {
    write(.info, message, fields)
  }
  /// Something went wrong that heals by itself.
  package func warning(_ message: StaticString, _ fields: [String: LogValue] = [:]) {
    write(.warning, message, fields)
  }
  /// Something went wrong that somebody must look at.
  package func error(_ message: StaticString, _ fields: [String: LogValue] = [:]) {
    write(.error, message, fields)
  }

  private func write(_ level: LogLevel, _ message: StaticString, _ fields: [String: LogValue]) {
    guard level >= self.level else { return }
    sink.append(
      LogLine(
        at: clock.now(), level: level, service: service, correlation: correlation,
        subject: subject, operation: operation, message: message, fields: fields))
  }
}
