import Charters
package import Telemetry
import Vocabulary

/// What the edge counts, logs and traces. Metrics are made at start, one set per route, so that a
/// request only adds.
package struct EdgeTelemetry: Sendable {
  private struct RouteMetrics: Sendable {
    let durations: Histogram
    let byClass: [Counter]
    let offContract: Counter
  }
  private let log: Log
  private let tracer: SpanExporter
  private let routes: [RouteMetrics]
  private let other: RouteMetrics
  private let faults: [String: Counter]
  private let unrecordedCount: Counter

  /// Makes the metrics of every route; the registry refuses two of one name.
  package init(
    routes: EdgeRoutes, metrics: MetricsRegistry, tracer: SpanExporter, log: Log
  ) {
    self.log = log
    self.tracer = tracer
    func made(_ operation: String) -> RouteMetrics {
      RouteMetrics(
        durations: metrics.histogram(
          "strongroom_edge_request_duration_seconds",
          help: "Time from an outside request's head to its answer.",
          labels: ["operation": operation]),
        byClass: (1...5).map { status in
          metrics.counter(
            "strongroom_edge_requests_total", help: "Outside requests by operation and status.",
            labels: ["operation": operation, "status": "\(status)xx"])
        },
        offContract: metrics.counter(
          "strongroom_edge_answers_off_contract_total",
          help: "Answers, of those looked at, that are not as the service's contract says.",
          labels: ["operation": operation]))
    }
    self.routes = routes.all.map { made($0.operation.id) }
    other = made("unrouted")
    var faults: [String: Counter] = [:]
    for reason in RequestFault.reasons {
      faults[reason] = metrics.counter(
        "strongroom_edge_malformed_total", help: "Requests refused before they were one.",
        labels: ["reason": reason])
    }
    self.faults = faults
    unrecordedCount = metrics.counter(
      "strongroom_edge_unrecorded_total",
      help: "Requests refused because their access decision could not be recorded.")
  }

  func count(_ fault: RequestFault) { faults[fault.reason]?.add() }

  func answered(_ passage: Passage, status: Int, reason: String?, at now: Instant) {
    let took = now - passage.receivedAt
    let metrics = passage.route.map { routes[$0.index] } ?? other
    metrics.durations.record(took)
    metrics.byClass[min(max(status / 100, 1), 5) - 1].add()
    var fields: [String: LogValue] = ["status": .count(status), "took": .duration(took)]
    if let reason { fields["reason"] = .id(reason) }
    if let client = passage.token?.clientID { fields["client"] = .id(client) }
    let operation = passage.route?.operation.id ?? "unrouted"
    let scoped = log.with(
      correlation: passage.correlation, subject: passage.token?.subject, operation: operation)
    if status >= 500 {
      scoped.warning("request failed", fields)
    } else {
      scoped.info("request answered", fields)
    }
    guard tracer.isRecording(passage.trace) else { return }
    var span = Span(
      "gateway \(operation)", .server, context: passage.trace, parentSpanID: nil,
      start: passage.receivedAt)
    span.end = now
    span.attributes = ["http.response.status_code": .count(status)]
    span.hasFailed = status >= 500
    tracer.record(span)
  }

  func upstreamFailed(_ route: EdgeRoute, _ error: any Error, _ correlation: CorrelationID) {
    log.with(correlation: correlation, operation: route.operation.id).warning(
      "a service gave no answer", ["callee": .id(route.service), "why": .id("\(error)")])
  }

  /// - Parameter fault: names places, never values.
  func offContract(_ route: EdgeRoute, _ fault: String, _ correlation: CorrelationID) {
    routes[route.index].offContract.add()
    log.with(correlation: correlation, operation: route.operation.id).warning(
      "an answer is not as its contract says", ["callee": .id(route.service), "why": .text(fault)])
  }

  func unrecorded(_ error: any Error, _ correlation: CorrelationID) {
    unrecordedCount.add()
    log.with(correlation: correlation).error(
      "an access decision could not be recorded", ["why": .text("\(error)")])
  }
}
