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

  enum CodingKeys: String, CodingKey {
    case service, version
    case isReady = "ready"
    case startedAt = "started_at"
    case certificateExpires = "certificate_expires"
    case openConnections = "open_connections"
    case outboxWaiting = "outbox_waiting"
  }
}

/// The implied operations as the operator calls them, on any service.
package enum ChassisOperations {
  package static func ready(of service: ServiceName) -> Operation<Nothing, ServiceStanding> {
    Operation("ready", of: service, .get, "/readyz")
  }
}
