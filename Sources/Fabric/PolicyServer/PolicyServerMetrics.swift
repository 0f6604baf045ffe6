import Synchronization
import Telemetry
import Vocabulary

/// What the policy server counts. A class: its histograms are looked up by everybody.
final class PolicyServerMetrics: Sendable {
  private struct Request: Hashable {
    let handler: String
    let method: String
    let status: Int
  }
  let registry: MetricsRegistry
  private let requests = Mutex<[Request: Histogram]>([:])
  private let evaluations: Histogram
  private let defined: Counter
  private let undefined: Counter
  private let failed: Counter
  let moved: Counter
  let refusedConnections: Counter

  init(_ registry: MetricsRegistry) {
    self.registry = registry
    let help = "Decisions by how they ended."
    let name = "strongroom_policy_decisions_total"
    defined = registry.counter(name, help: help, labels: ["outcome": "defined"])
    undefined = registry.counter(name, help: help, labels: ["outcome": "undefined"])
    failed = registry.counter(name, help: help, labels: ["outcome": "error"])
    evaluations = registry.histogram(
      "strongroom_policy_evaluation_seconds", help: "Time to evaluate one decision.")
    moved = registry.counter(
      "strongroom_policy_long_requests_total",
      help: "Requests that were too long for an event loop.")
    refusedConnections = registry.counter(
      "strongroom_policy_refused_connections_total", help: "Connections beyond the limit.")
  }

  func count(_ event: DecisionEvent) {
    evaluations.record(.nanoseconds(event.timers.evaluating))
    if event.error != nil {
      failed.add()
    } else {
      (event.result == nil ? undefined : defined).add()
    }
  }

  /// With OPA's name and labels, so that its dashboards go on working. Both names come from closed
  /// lists: outsiders cannot make series.
  func count(handler: String, method: String, status: Int, _ span: Duration) {
    let request = Request(handler: handler, method: method, status: status)
    let known = requests.withLock { $0[request] }
    guard let histogram = known else {
      let made = registry.histogram(
        "http_request_duration_seconds", help: "Time to answer a request.",
        labels: ["code": "\(status)", "handler": handler, "method": method.lowercased()])
      requests.withLock { $0[request] = made }
      return made.record(span)
    }
    histogram.record(span)
  }
}
