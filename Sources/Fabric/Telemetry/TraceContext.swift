package import Vocabulary

/// Where in a trace a request stands (W3C Trace Context, level 1). The trace id is the correlation
/// id.
package struct TraceContext: Hashable, Sendable {
  package let traceID: CorrelationID
  /// Names the span that made this context; never zero.
  package let spanID: UInt64
  /// Whether the caller records its spans (flag 01).
  package let isSampled: Bool

  /// Nil for a zero span id, which §3.2.2.4 forbids.
  package init?(traceID: CorrelationID, spanID: UInt64, isSampled: Bool) {
    guard spanID != 0 else { return nil }
    self.traceID = traceID
    self.spanID = spanID
    self.isSampled = isSampled
  }

  /// The start of a trace.
  package init(startingAt traceID: CorrelationID, isSampled: Bool = true, randomness: Randomness) {
    self.traceID = traceID
    self.isSampled = isSampled
    spanID = Self.freshSpanID(randomness)
  }

  /// A context below this one, for the next span or hop.
  package func child(randomness: Randomness) -> TraceContext {
    TraceContext(startingAt: traceID, isSampled: isSampled, randomness: randomness)
  }

  /// Parses `traceparent` (§3.2): version 00 exactly, a later version by its first 55 characters
  /// when more follows after a dash; lower-case hex only; version ff, zero ids and anything else
  /// give nil, and a new trace begins.
  package init?(traceparent: String) {
    let text = Array(traceparent.utf8)
    guard (55...512).contains(text.count), text[2] == 45, text[35] == 45, text[52] == 45,
      let version = bytes(hex: String(decoding: text[0..<2], as: UTF8.self))?.first,
      version != 0xff, version == 0 ? text.count == 55 : text.count == 55 || text[55] == 45,
      let traceID = CorrelationID(String(decoding: text[3..<35], as: UTF8.self)),
      let span = bytes(hex: String(decoding: text[36..<52], as: UTF8.self)),
      let flags = bytes(hex: String(decoding: text[53..<55], as: UTF8.self))?.first
    else { return nil }
    self.init(
      traceID: traceID, spanID: span.reduce(0) { $0 << 8 | UInt64($1) },
      isSampled: flags & 1 == 1)
  }

  /// The header's value, version 00.
  package var traceparent: String {
    "00-\(traceID)-\(hexText(UInt128(spanID), digits: 16))-\(isSampled ? "01" : "00")"
  }

  private static func freshSpanID(_ randomness: Randomness) -> UInt64 {
    let bits = randomness.next()
    return bits == 0 ? 1 : bits  // Zero is forbidden; one in 2^64 may as well be one.
  }
}
