import Charters
import Chassis
import Transport
import Vocabulary

/// What came back from every service's port to a caller that should get no answer from any.
struct PortSweep {
  private var answered: [String] = []
  private var seen: Set<String> = []

  mutating func note(_ outcome: RawCaller.Outcome, from service: ServiceName) {
    seen.insert(outcome.text)
    if outcome.status != nil { answered.append("\(service)") }
  }

  /// Any HTTP answer is a breach.
  func sighting(in range: DrillRange) -> Sighting {
    let told = seen.sorted().joined(separator: "; ")
    return .when(
      answered.isEmpty,
      answered.isEmpty
        ? "\(range.ports.count) of \(range.ports.count) ports: \(told)"
        : "answered: \(answered.joined(separator: ", ")) (\(told))")
  }
}

/// Calls that no charter declares for their caller, and what became of them: each must be 403 `edge-not-declared`.
struct UndeclaredCalls {
  private let range: DrillRange
  private(set) var tried = 0
  private var wrong: [String] = []
  private var last: CorrelationID?

  init(_ range: DrillRange) { self.range = range }

  /// Calls the operation as it might be called, under a correlation id of its own.
  mutating func call(
    _ operation: CharterOperation, of service: ServiceName, named name: String,
    send:
      (_ method: HTTPMethod, _ target: String, _ headers: Headers, _ body: [UInt8]) async throws ->
      DrillRange.Answer
  ) async throws {
    let correlation = range.newCorrelation()
    let answer = try await send(
      operation.method, operation.path.description.replacing(/\{[a-z_.]+\}/, with: "x"),
      ["correlation-id": "\(correlation)", "content-type": "application/json"],
      operation.method == .get ? [] : Array("{}".utf8))
    tried += 1
    last = correlation
    if answer.status != 403 || answer.slug != "edge-not-declared" {
      wrong.append("\(name)\(service).\(operation.id): \(answer.text)")
    }
  }

  var sighting: Sighting {
    .when(
      wrong.isEmpty && tried > 0,
      wrong.isEmpty ? "\(tried) of \(tried) refused with 403" : wrong.joined(separator: ", "),
      recordedAs: last)
  }
}
