package import Storage
import StrictJSON
package import Telemetry
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

  /// What the service does unasked, until cancelled. Runs from readiness to drain.
  func run() async throws

  /// Whether it can do its work just now, asked with every `GET /readyz` besides the chassis's own state.
  var isReady: Bool { get async }

  /// Where this service's audit records go. Only the audit service has its own way (into its own log); everybody else
  /// delivers through the outbox.
  var auditSink: AuditSink? { get }

  /// Where this process gets its certificate. Only the authority has its own way (it issues); everybody else asks the
  /// SPIFFE Workload API.
  static var credentials: CredentialsSource { get }

  /// Opens the store, before anything else. Only the ledger has another place for it than a file of its own.
  static func openStore(_ place: StorePlace) async throws -> Store
}

/// Where a service's store may be, and what opening it takes.
package struct StorePlace: Sendable {
  package let service: ServiceName
  package let home: Home
  package let platform: Platform
  package let log: Log
  package let clock: Clock
  package let randomness: Randomness
}

extension Service {
  package static var version: String { "0.1.0" }
  package static var migrations: [Migration] { [] }
  package static var credentials: CredentialsSource { .workloadAPI }
  package var auditSink: AuditSink? { nil }
  package var isReady: Bool { get async { true } }
  package static func openStore(_ place: StorePlace) async throws -> Store {
    try Store.open(
      path: place.home.storeFile(of: place.service), migrations: migrations, clock: place.clock)
  }
  package func run() async throws {}
}

/// Carries out one operation. Throw a `Refusal` for a no of the domain; anything else thrown is a defect.
package typealias Handler = @Sendable (Call) async throws -> Answer

/// One answer of a handler.
package struct Answer: Sendable {
  package var status: Int
  package var headers: Headers
  package var body: [UInt8]

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
    var members: [String: JSON] = problem.fields.mapValues { .string($0) }
    members["type"] = .string(Problem.typePrefix + problem.slug)
    members["title"] = .string(problem.title)
    members["status"] = .integer(Int64(problem.status))
    if let detail = problem.detail { members["detail"] = .string(detail) }
    if let correlation { members["correlation_id"] = .string("\(correlation)") }
    var answer = Answer(
      status: problem.status, headers: ["content-type": "application/problem+json"],
      body: JSON.object(members).canonicalBytes)
    if let seconds = problem.retryAfterSeconds { answer.headers.set("retry-after", "\(seconds)") }
    return answer
  }
}
