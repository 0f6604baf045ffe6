package import Storage
import StrictJSON
package import Transport
package import Vocabulary

/// What a service is to the chassis: a name, a schema, a handler for each operation of its charter, and what it does
/// unasked. Identity, mutual TLS, edges, tokens, idempotency, deadlines, audit, telemetry, health and drain are not its
/// concern: they come from `Pipeline` and `ServiceMain`.
package protocol Service: Sendable {
  static var name: ServiceName { get }
  /// Of this service alone, by semantic versioning; services are upgraded one by one.
  static var version: String { get }
  /// In order; numbered from 1.
  static var migrations: [Migration] { get }

  /// Opens and recovers; nobody can call yet. Throwing here stops the process with one clear line.
  init(_ context: ServiceContext) async throws

  /// One handler for every operationId in the charter; a missing or surplus one stops the start.
  var operations: [String: Handler] { get }

  /// Operations with an idempotency key whose handlers claim it in their first change (`IdempotencyStore.claim`), before
  /// anything can be seen of their work; for all others the chassis does, in a change of its own. Where the key was used
  /// before, that change is undone, and a handler whose work is still to do is run once more.
  static var claimsLater: Set<String> { get }

  /// What the service does unasked in rounds, each on its own. They run from readiness to drain.
  var rounds: [Round] { get }

  /// What else it does unasked, until cancelled. Runs from readiness to drain.
  func run() async throws

  /// What somebody in a browser is shown instead of problem+json, where an operation answers with pages. Only the
  /// identity service has any.
  static func page(for problem: Problem) -> Answer?

  /// Whether it can do its work just now, asked with every `GET /readyz` besides the chassis's own state.
  var isReady: Bool { get async }

  /// Where this service's audit records go. Only the audit service has its own way (into its own log); everybody else
  /// delivers through the outbox.
  var auditSink: AuditSink? { get }

  /// Carries everything from the store in a file into one on a server that is ours and has the same migrations, and holds
  /// what arrived against it; may be repeated. Only the ledger has another way than table by table.
  /// - Parameter arrived: reads the target.
  /// - Returns: how many rows, or entries, were carried.
  static func carry(
    _ source: StoreReader, to target: Store, readBy arrived: StoreReader
  ) async throws -> Int

  /// Where this process gets its certificate. Only the authority has its own way (it issues); everybody else asks the
  /// SPIFFE Workload API.
  static var credentials: CredentialsSource { get }
}

extension Service {
  package static var version: String { "0.1.0" }
  package static var migrations: [Migration] { [] }
  package static var credentials: CredentialsSource { .workloadAPI }
  package var auditSink: AuditSink? { nil }
  package static var claimsLater: Set<String> { [] }
  package static func page(for problem: Problem) -> Answer? { nil }
  package var isReady: Bool { get async { true } }
  package var rounds: [Round] { [] }
  package func run() async throws {}
}

/// Carries out one operation. Throw a `Refusal` for a no of the domain; anything else thrown is a defect.
package typealias Handler = @Sendable (Call) async throws -> Answer

/// One answer of a handler.
package struct Answer: Sendable {
  package var status: Int
  package var headers: Headers
  package var body: [UInt8]
  /// Whether the handler has kept it for replays already, in the change that made it true.
  package var isKept = false

  package init(status: Int, headers: Headers = Headers(), body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package static func json(_ status: Int, _ value: some Encodable) throws -> Answer {
    Answer(
      status: status, headers: ["content-type": "application/json"],
      body: try StrictJSON.encode(value))
  }

  package static func empty(_ status: Int = 204) -> Answer { Answer(status: status) }

  /// The failure as RFC 9457 has it.
  package static func problem(_ problem: Problem, correlation: CorrelationID?) -> Answer {
    var answer = Answer(
      status: problem.status, headers: ["content-type": "application/problem+json"],
      body: problem.document(correlation: correlation).canonicalBytes)
    if let seconds = problem.retryAfterSeconds { answer.headers.set("retry-after", "\(seconds)") }
    // RFC 9110 §15.5.6 wants it as a field.
    if problem.status == 405 { answer.headers.set("allow", problem.fields["allow"] ?? "") }
    return answer
  }
}
