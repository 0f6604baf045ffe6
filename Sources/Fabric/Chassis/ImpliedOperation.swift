package import Vocabulary

/// The operations every service has without declaring them, see `CharterOperation.implied`.
enum ImpliedOperation {
  static let names: Set<String> = ["health", "ready", "metrics"]
}

/// What `GET /readyz` tells the operator of one service.
package struct ServiceStanding: Codable, Sendable, Hashable {
  package let service: ServiceName
  package let version: String
  package let isReady: Bool
  package let startedAt: Instant
  /// End of the certificate in force.
  package let certificateExpires: Instant
  package let openConnections: Int
  /// Outbox messages that wait for their receiver.
  package let outboxWaiting: Int
  /// The access policies in force.
  package let policyVersion: Int
  /// Their bundle's digest, in lower-case hex.
  package let policySHA256: String
  /// Whether nobody has confirmed them for too long; then nothing is decided.
  package let policyIsStale: Bool
  /// Who decides in their place.
  package let policyAgent: String?
  /// Why the newest ones are not: a `PolicyRefusalReason`.
  package let policyRefused: String?

  enum CodingKeys: String, CodingKey {
    case service, version
    case isReady = "ready"
    case startedAt = "started_at"
    case certificateExpires = "certificate_expires"
    case openConnections = "open_connections"
    case outboxWaiting = "outbox_waiting"
    case policyVersion = "policy_version"
    case policySHA256 = "policy_sha256"
    case policyIsStale = "policy_stale"
    case policyAgent = "policy_agent"
    case policyRefused = "policy_refused"
  }
}

/// The implied operations as the operator calls them, on any service.
package enum ChassisOperations {
  package static func ready(of service: ServiceName) -> Operation<Nothing, ServiceStanding> {
    Operation("ready", of: service, .get, "/readyz")
  }
}
