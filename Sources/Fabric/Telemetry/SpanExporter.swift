import Dispatch
package import NIOCore
import Synchronization
package import Vocabulary

/// Sends finished spans to a collector by OTLP/HTTP in JSON, in batches, off the hot path. What
/// finds the queue full, or a collector that does not take it, is dropped and counted: tracing
/// never holds up a payment. A class: it owns a queue.
package final class SpanExporter: Sendable {
  /// Spans that may wait.
  package static let spansMax = 4_096
  /// Spans in one request to the collector.
  static let batchMax = 512
  /// The longest a span waits for others.
  static let delay: Duration = .milliseconds(500)

  private struct Waiting {
    var spans: [Span] = []
    var isScheduled = false
  }
  private let waiting = Mutex(Waiting())
  private let queue = DispatchQueue(label: "strongroom.spans", qos: .utility)
  private let service: ServiceName
  private let version: String
  private let line: CollectorLine?
  /// Spans sent; spans dropped; spans not sampled by the caller's wish, or because no collector is
  /// configured.
  package let sent = Counter()
  package let dropped = Counter()
  package let unsampled = Counter()

  /// - Parameter endpoint: nil = spans are counted as not sampled and go nowhere.
  package init(
    service: ServiceName, version: String, endpoint: CollectorEndpoint?, group: any EventLoopGroup
  ) {
    self.service = service
    self.version = version
    line = endpoint.map { CollectorLine(to: $0, group: group) }
  }

  /// Exposes the three counts.
  package func register(in metrics: MetricsRegistry) {
    for (outcome, counter) in [("sent", sent), ("dropped", dropped), ("unsampled", unsampled)] {
      metrics.counter(
        "strongroom_spans_total", help: "Finished spans by what became of them.",
        labels: ["outcome": outcome], read: { Double(counter.value) })
    }
  }

  /// Whether a span recorded now would leave the process; lets callers skip the work.
  package func isRecording(_ context: TraceContext) -> Bool { line != nil && context.isSampled }

  /// Takes a finished span. Never waits.
  package func record(_ span: Span) {
    guard isRecording(span.context) else { return unsampled.add() }
    let next = waiting.withLock { waiting -> Next in
      guard waiting.spans.count < Self.spansMax else { return .full }
      waiting.spans.append(span)
      defer { waiting.isScheduled = true }
      if waiting.spans.count % Self.batchMax == 0 { return .sendNow }
      return waiting.isScheduled ? .wait : .sendSoon
    }
    switch next {
    case .full: dropped.add()
    case .wait: break
    case .sendNow: queue.async { self.drain() }
    case .sendSoon:
      let delay = DispatchTimeInterval.milliseconds(Int(Self.delay.milliseconds))
      queue.asyncAfter(deadline: .now() + delay) { self.drain() }
    }
  }
  private enum Next { case full, wait, sendNow, sendSoon }

  /// Waits until everything recorded before is sent or dropped.
  package func flush() { queue.sync { drain() } }

  private func drain() {
    let spans = waiting.withLock { waiting -> [Span] in
      defer { waiting = Waiting() }
      return waiting.spans
    }
    guard let line else { return }
    for start in stride(from: 0, to: spans.count, by: Self.batchMax) {
      let batch = spans[start..<min(start + Self.batchMax, spans.count)]
      let status = line.post(body(of: batch), path: "/v1/traces")
      if let status, (200..<300).contains(status) {
        sent.add(UInt64(batch.count))
      } else {
        dropped.add(UInt64(batch.count))
      }
    }
  }

  /// ExportTraceServiceRequest with one resource and one scope.
  private func body(of spans: ArraySlice<Span>) -> [UInt8] {
    var json = JSONBytes()
    json.openObject()
    json.key("resourceSpans")
    json.openArray()
    json.openObject()
    json.key("resource")
    json.openObject()
    json.key("attributes")
    json.openArray()
    for (key, value) in [("service.name", service.description), ("service.version", version)] {
      json.openObject()
      json.field("key", key)
      json.key("value")
      json.openObject()
      json.field("stringValue", value)
      json.closeObject()
      json.closeObject()
    }
    json.closeArray()
    json.closeObject()
    json.key("scopeSpans")
    json.openArray()
    json.openObject()
    json.key("scope")
    json.openObject()
    json.field("name", "strongroom")
    json.closeObject()
    json.key("spans")
    json.openArray()
    for span in spans { span.write(to: &json) }
    json.closeArray()
    json.closeObject()
    json.closeArray()
    json.closeObject()
    json.closeArray()
    json.closeObject()
    return json.bytes
  }
}
