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
  package let disk: DiskStanding
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
  /// How the revocation feed is known here; nil where it is not followed.
  package let revocations: RevocationStanding?

  enum CodingKeys: String, CodingKey {
    case service, version
    case isReady = "ready"
    case startedAt = "started_at"
    case certificateExpires = "certificate_expires"
    case openConnections = "open_connections"
    case outboxWaiting = "outbox_waiting"
    case disk
    case policyVersion = "policy_version"
    case policySHA256 = "policy_sha256"
    case policyIsStale = "policy_stale"
    case policyAgent = "policy_agent"
    case policyRefused = "policy_refused"
    case revocations
  }
}

/// How one service knows the platform's revocation feed.
package struct RevocationStanding: Codable, Sendable, Hashable {
  /// How far it has been read.
  package let number: Int64
  /// Entries in force.
  package let entries: Int
  /// Whether too little is known to act on anybody's token.
  package let isStale: Bool
  /// All that had been revoked by then is known; nil before the feed was read.
  package let asOf: Instant?

  init(_ point: RevocationPoint, at now: Instant) {
    let standing = point.standing
    number = standing.number
    entries = standing.entries
    isStale = !point.isKnown(within: RevocationCheck.silenceForChangesMax, at: now)
    asOf = standing.asOf
  }
  enum CodingKeys: String, CodingKey {
    case number, entries
    case isStale = "stale"
    case asOf = "as_of"
  }
}

/// The implied operations as the operator calls them, on any service.
package enum ChassisOperations {
  package static func ready(of service: ServiceName) -> Operation<Nothing, ServiceStanding> {
    Operation("ready", of: service, .get, "/readyz")
  }
}
