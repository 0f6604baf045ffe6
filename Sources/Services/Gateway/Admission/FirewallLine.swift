import Charters
package import NIOCore
import StrictJSON
import Telemetry
import Transport
package import Vocabulary
package import WafAPI

/// The way to the web application firewall, for requests that hold free text.
package struct FirewallLine: Sendable {
  /// Longest wait for a verdict. An inspection takes milliseconds.
  package static let waitMax: Duration = .seconds(1)

  /// What becomes of a request.
  package enum Outcome: Sendable {
    /// With what is told of it in its record.
    case passes([String: String])
    case refused([String: String])
    /// There is no verdict.
    case unknown
  }

  private let upstream: Upstream
  private let clock: Clock

  package init(_ upstream: Upstream, clock: Clock) {
    self.upstream = upstream
    self.clock = clock
  }

  /// Never fails: where nobody answers, the outcome is not known.
  package func ask(
    _ passage: Passage, _ route: EdgeRoute, _ texts: [Inspection.Text], on loop: any EventLoop
  ) -> EventLoopFuture<Outcome> {
    let inspection = Inspection(
      service: route.service, operation: route.operation.id, method: passage.method,
      path: passage.head.path, texts: texts)
    guard let body = try? StrictJSON.encode(inspection) else {
      return loop.makeSucceededFuture(.unknown)
    }
    let operation = WafOperations.inspect
    let request = WireRequest(
      method: operation.method.rawValue, target: operation.path,
      headers: [
        "content-type": "application/json", Header.correlation: "\(passage.correlation)",
        Header.traceparent: passage.trace.traceparent,
      ], body: ByteBuffer(bytes: body))
    let deadline = Deadline(clock.now() + min(Self.waitMax, route.operation.timeout))
    return upstream.send(request, operation.service, deadline, true, loop).map { answer in
      guard answer.status == 200,
        let inspected = try? StrictJSON.decode(
          Inspected.self, from: answer.body.readableBytesView)
      else { return .unknown }
      let told = Self.told(inspected)
      return inspected.verdict == .refused ? .refused(told) : .passes(told)
    }.recover { _ in .unknown }
  }

  /// Rules by number and where they matched, never what was written there.
  static func told(_ inspected: Inspected) -> [String: String] {
    guard let first = inspected.matches.first else { return [:] }
    return [
      "firewall_rules": inspected.matches.map { "\($0.rule)" }.joined(separator: " "),
      "firewall_score": "\(inspected.score)", "firewall_place": first.place,
      "firewall_shape": first.shape,
    ]
  }
}

extension Problem {
  /// Nothing of the rules is told: whoever attacks would learn how to get around them.
  static let refusedByFirewall = Problem(
    "refused-by-firewall", 403, "This request looks like an attack; quote the correlation id",
    kind: .policy)
  /// The firewall is away, and what it has not looked at does not go in.
  static let notInspected = Problem(
    "not-inspected", 503, "This cannot be inspected just now; try again with the same key",
    retryAfterSeconds: 2)
}
