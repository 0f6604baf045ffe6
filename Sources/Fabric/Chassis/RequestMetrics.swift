import Charters
import Telemetry
import Vocabulary

/// Rate, errors and latency of every operation; made at the start, so that counting costs no look-up by label.
struct RequestMetrics: Sendable {
  private struct Series: Sendable {
    let answered: Counter
    let refused: Counter
    let failed: Counter
    let latency: Histogram
  }
  private let byOperation: [String: Series]
  private let unknown: Series

  init(_ service: ServiceContext) {
    let registry = service.metrics
    func series(_ operation: String) -> Series {
      func counter(_ outcome: String) -> Counter {
        registry.counter(
          "strongroom_requests_total", help: "Requests by operation and outcome.",
          labels: ["operation": operation, "outcome": outcome])
      }
      return Series(
        answered: counter("answered"), refused: counter("refused"), failed: counter("failed"),
        latency: registry.histogram(
          "strongroom_request_duration_seconds",
          help: "Time from the last byte of a request to its answer.",
          labels: ["operation": operation]))
    }
    var byOperation: [String: Series] = [:]
    for operation in service.charter.operations { byOperation[operation.id] = series(operation.id) }
    for name in ImpliedOperation.names { byOperation[name] = series(name) }
    self.byOperation = byOperation
    unknown = series("unknown")
  }

  func record(operation: String, status: Int, span: Duration) {
    let series = byOperation[operation] ?? unknown
    switch status {
    case ..<400: series.answered.add()
    case 400..<500: series.refused.add()
    default: series.failed.add()
    }
    series.latency.record(span)
  }
}
