import Charters
import Chassis
import Telemetry
import Vocabulary
import WorkloadIdentity

extension AuthorityKeys: CredentialsIssuer {}

/// The authority certifies itself, and before its service is made: nobody else could. The keys that were opened for it go
/// to the service with the certificate, for a passphrase must not be asked for twice.
enum OwnCredentials {
  /// Opens the root key and the signing keys; the authority then certifies itself.
  static func open(_ means: CredentialsSource.Means) async throws -> CredentialsFeed {
    guard means.charter.names(.rootKey) else {
      throw StartFailure(
        "the charter of \(means.service) does not name the secret \(PlatformSecret.rootKey.rawValue)",
        hint: "it is what seals all others: add it to 'secrets'")
    }
    let names = EdgeNames(means.platform)
    let store = AuthorityStore(
      store: means.store, sealing: try RootKey.load(from: means.home),
      trustDomain: means.platform.trustDomain,
      edgeNames: ServerNames(
        hosts: names.hosts, addresses: names.addresses.compactMap { EdgeNames.bytes(ofAddress: $0) }
      ))
    let keys = try await AuthorityKeys.open(
      store, clock: means.clock, randomness: means.randomness)
    let lifetime = Duration.seconds(means.platform.svidSeconds)
    let (clock, randomness) = (means.clock, means.randomness)
    @Sendable func issue() throws -> WorkloadCredentials {
      try keys.current.credentials(
        for: AuthorityService.name, lifetime: lifetime, at: clock.now(), randomness: randomness)
    }
    let first = try issue()
    let (updates, continuation) = AsyncStream.makeStream(
      of: WorkloadCredentials.self, bufferingPolicy: .bufferingNewest(1))
    let follower = Task {
      var newest = first
      while !Task.isCancelled {
        let changes = keys.changes()
        await pause(while: newest.svid.fresh, or: changes, clock)
        guard !Task.isCancelled else { return }
        do {
          newest = try issue()
          continuation.yield(newest)
        } catch {
          means.log.error("the authority cannot certify itself", ["why": .text("\(error)")])
          try? await pause(for: .seconds(1))
        }
      }
    }
    continuation.onTermination = { _ in follower.cancel() }
    return CredentialsFeed(first: first, updates: updates, issuer: keys)
  }
}
