package import Charters
package import Storage
package import Telemetry
package import Vocabulary
import Workload
package import WorkloadIdentity

/// Where a process gets its certificate, now and after each rotation.
package struct CredentialsSource: Sendable {
  /// What is there before the mesh is.
  package struct Means: Sendable {
    package let service: ServiceName
    package let charter: Charter
    package let home: Home
    package let platform: Platform
    package let store: Store
    package let log: Log
    package let clock: Clock
    package let randomness: Randomness
  }
  package let open: @Sendable (Means) async throws -> CredentialsFeed
  package init(open: @escaping @Sendable (Means) async throws -> CredentialsFeed) {
    self.open = open
  }

  /// The SPIFFE Workload API on the authority's socket: what every service but the authority uses.
  package static let workloadAPI = CredentialsSource { means in
    let source = try await WorkloadSource.connect(socket: means.home.workloadSocket, log: means.log)
    let (updates, continuation) = AsyncStream.makeStream(
      of: WorkloadCredentials.self, bufferingPolicy: .bufferingNewest(1))
    source.onUpdate { continuation.yield($0) }
    return CredentialsFeed(first: source.current, updates: updates)
  }
}

/// The credentials in force, and those that follow.
package struct CredentialsFeed: Sendable {
  package let first: WorkloadCredentials
  package let updates: AsyncStream<WorkloadCredentials>
  /// Who issued them, where that is in this process: its service is handed it.
  package let issuer: (any CredentialsIssuer)?
  package init(
    first: WorkloadCredentials, updates: AsyncStream<WorkloadCredentials>,
    issuer: (any CredentialsIssuer)? = nil
  ) {
    self.first = first
    self.updates = updates
    self.issuer = issuer
  }
}

/// What issues a process its own credentials, and what the service made after it goes on working with.
package protocol CredentialsIssuer: Sendable {}
