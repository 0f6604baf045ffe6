package import Vocabulary

/// One piece of work in a trace, finished. Recorded when it ends; nothing is kept while it runs but
/// this value.
package struct Span: Sendable {
  /// On which side of a call the span stands (OpenTelemetry's SpanKind, with its numbers).
  package enum Kind: Int64, Sendable {
    case `internal` = 1
    case server = 2
    case client = 3
  }
  /// Its own place in the trace.
  package let context: TraceContext
  /// The span it was caused by; nil for the first of a trace.
  package let parentSpanID: UInt64?
  /// The operation; a constant of the contract, never data.
  package let name: String
  package let kind: Kind
  package let start: Instant
  package var end: Instant
  package var attributes: [String: LogValue]
  /// Whether the work failed for a reason on our side (not: was refused).
  package var hasFailed: Bool

  package init(
    _ name: String, _ kind: Kind, context: TraceContext, parentSpanID: UInt64?, start: Instant
  ) {
    self.name = name
    self.kind = kind
    self.context = context
    self.parentSpanID = parentSpanID
    self.start = start
    end = start
    attributes = [:]
    hasFailed = false
  }
}

extension Span {
  /// As an OTLP span in protobuf's JSON mapping: hex ids, 64-bit numbers as text (OTLP 1.x, "JSON
  /// Protobuf Encoding").
  func write(to json: inout JSONBytes) {
    json.openObject()
    json.field("traceId", context.traceID.description)
    json.field("spanId", hexText(UInt128(context.spanID), digits: 16))
    if let parentSpanID { json.field("parentSpanId", hexText(UInt128(parentSpanID), digits: 16)) }
    json.field("name", name)
    json.key("kind")
    json.integer(kind.rawValue)
    json.field("startTimeUnixNano", String(start.nanoseconds))
    json.field("endTimeUnixNano", String(max(start, end).nanoseconds))
    json.key("attributes")
    json.openArray()
    for (name, value) in attributes.sorted(by: { $0.key < $1.key }).prefix(LogLine.fieldsMax) {
      json.openObject()
      json.field("key", name)
      json.key("value")
      json.openObject()
      switch value {
      case .identifier(let text), .outcome(let text), .text(let text):
        json.field(
          "stringValue",
          SecretNames.isSecret(name)
            ? "[secret]" : Masking.mask(text, bytesMax: LogLine.textBytesMax))
      case .integer(let number): json.field("intValue", String(number))
      case .duration(let span): json.field("intValue", String(span.nanoseconds / 1_000))
      }
      json.closeObject()
      json.closeObject()
    }
    json.closeArray()
    json.key("status")
    json.openObject()
    if hasFailed {
      json.key("code")
      json.integer(2)
    }
    json.closeObject()
    json.closeObject()
  }
}
