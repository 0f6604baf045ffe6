import AuthorityAPI
package import Chassis
import Charters
import Crypto
import Glibc
package import Storage
import Synchronization
import Telemetry
import Tokens
package import Vocabulary
import Workload
import WorkloadIdentity

/// Issues every workload's identity. One method per operation; the Workload API is
/// `WorkloadEndpoint`.
package struct AuthorityService: Service {
  package static let name: ServiceName = "authority"
  package static let migrations = [
    Migration(1, "initial", sql: PackageResources._001_initial_sql)
  ]
  package static let credentials = CredentialsSource { try await Unlocked.open($0) }

  /// How often the schedule is asked what is due.
  static let tick: Duration = .milliseconds(500)

  private let context: ServiceContext
  private let keys: AuthorityKeys
  private let endpoint: WorkloadEndpoint

  package init(_ context: ServiceContext) async throws {
    self.context = context
    guard let keys = Unlocked.take(for: context.home) else {
      throw StartFailure(
        "the authority was started without its own credentials",
        hint: "this is a defect, please report it")
    }
    self.keys = keys
    let launched = context.charters.charters.filter { $0.port != nil }.map(\.service)
    // A launcher that confines us also witnesses for us; without one we ask the kernel ourselves.
    let witness = context.home.witnessSocket
    endpoint = WorkloadEndpoint(
      keys: keys,
      attestor: Attestor(
        folder: context.home.launchFolder, launched: Set(launched),
        view: access(witness, F_OK) == 0 ? .witness(witness) : .kernel()),
      journal: IssuanceJournal(context), lifetime: .seconds(context.platform.svidSeconds),
      log: context.log, clock: context.clock, randomness: context.randomness)
    try Self.publish(keys.current.edge, to: context.home.edgeAuthorityFile)
  }

  package var operations: [String: Handler] {
    [
      AuthorityOperations.getSealingKeyring.id: getSealingKeyring,
      AuthorityOperations.issueEdgeCertificate.id: issueEdgeCertificate,
      AuthorityOperations.rotateIssuer.id: rotateIssuer,
      AuthorityOperations.rotateTrustRoot.id: rotateTrustRoot,
      AuthorityOperations.rotateSealingKey.id: rotateSealingKey,
      AuthorityOperations.getTrustBundle.id: getTrustBundle,
    ]
  }

  /// Serves the socket and follows the schedule.
  package func run() async throws {
    let endpoint = endpoint
    let server = try await GRPCServer.listen(
      path: context.home.workloadSocket, group: context.group
    ) {
      try await endpoint.answer($0)
    }
    // Attestation decides who is served; the mode only keeps strangers from asking. The group is
    // that of all services where each has a user of its own.
    chmod(context.home.workloadSocket, 0o660)
    while !Task.isCancelled {
      do {
        try await keys.tick()
      } catch let problem as Problem where problem == AuthorityKeys.rotationUnderWay {
        // The next tick finds what is left.
      } catch {
        context.log.error("keys cannot be rotated", ["why": .text("\(error)")])
      }
      try? await Task.sleep(for: Self.tick)
    }
    await server.close()
    unlink(context.home.workloadSocket)
  }

  private func getSealingKeyring(_ call: Call) async throws -> Answer {
    let newest = try await keys.store.sealingVersion(of: call.caller, at: context.clock.now())
    let versions = try (1...newest).map { version in
      SealingKeyVersion(
        version: version,
        key: Base64URL.encode(try keys.store.sealingKey(of: call.caller, version: version)))
    }
    return try .json(200, SealingKeyring(current: newest, keys: versions))
  }

  private func rotateSealingKey(_ call: Call) async throws -> Answer {
    let service = try call.decode(RotateSealingKey.self).service
    let isUser = context.charters[service]?.calls.contains {
      $0.service == Self.name && $0.operations.contains(AuthorityOperations.getSealingKeyring.id)
    }
    guard isUser == true else { throw Problem.notFound }
    let version = try await keys.store.rotateSealing(of: service, at: context.clock.now())
    return try .json(201, SealingKeyRotated(service: service, current: version))
  }

  private func issueEdgeCertificate(_ call: Call) async throws -> Answer {
    let request = try call.decode(EdgeCertificateRequest.self)
    let addresses = try request.addresses.map { text in
      guard let address = IPAddress.bytes(text) else {
        throw Problem.malformed("expected an IPv4 or IPv6 address", field: "/addresses")
      }
      return address
    }
    let edge = keys.current.edge
    let issued: EdgeCertificate
    do throws(IssuingRefusal) {
      issued = try edge.edgeCertificate(
        hosts: request.hosts, addresses: addresses,
        lifetime: CertificateAuthority.edgeLifetimeMax, at: context.clock.now(),
        randomness: context.randomness)
    } catch {
      throw Problem.malformed("hosts and addresses must be 1 to 32 valid names", field: "/hosts")
    }
    return try .json(
      201,
      IssuedEdgeCertificate(
        chain: issued.chain.map(PEM.certificate).joined(),
        privateKey: issued.privateKey.pemRepresentation + "\n",
        authority: PEM.certificate(edge.certificateBytes), notBefore: issued.notBefore,
        notAfter: issued.notAfter))
  }

  private func rotateIssuer(_ call: Call) async throws -> Answer {
    let fresh = try await keys.rotateIssuer()
    return try .json(201, RotationAnswer(fresh.issuer, roots: fresh.bundle.trust.authorities.count))
  }

  private func rotateTrustRoot(_ call: Call) async throws -> Answer {
    let fresh = try await keys.rotateRoot()
    let trust = fresh.bundle.trust
    // The newest root is the last; it starts to sign after `KeySchedule.lead`.
    guard let newest = trust.authorities.last else { throw Problem.defect }
    return try .json(201, RotationAnswer(newest, roots: trust.authorities.count))
  }

  private func getTrustBundle(_ call: Call) async throws -> Answer {
    let bundle = keys.current.bundle
    return try .json(
      200,
      TrustBundleAnswer(
        trustDomain: bundle.trust.trustDomain,
        document: String(decoding: bundle.json, as: UTF8.self),
        authorities: bundle.trust.authorityBytes.map(PEM.certificate)))
  }

  /// Lays the edge authority's certificate down for `curl --cacert`: written beside, then renamed.
  private static func publish(_ edge: CertificateAuthority, to path: String) throws {
    let text = Array(PEM.certificate(edge.certificateBytes).utf8)
    let draft = path + ".new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StartFailure(
        "cannot write \(draft): \(String(cString: strerror(errno)))",
        hint: "check the folder's mode")
    }
    let count = write(descriptor, text, text.count)
    fchmod(descriptor, 0o644)
    close(descriptor)
    guard count == text.count, rename(draft, path) == 0 else {
      throw StartFailure("cannot write \(path)", hint: "check the free space on the disk")
    }
  }
}

/// Hands the opened keys from the moment when the process needs its own certificate to the service
/// that is made after it: the passphrase must not be asked for twice.
enum Unlocked {
  // The one value of a process outside its service; `take` empties it.
  private static let waiting = Mutex<[String: AuthorityKeys]>([:])

  static func take(for home: Home) -> AuthorityKeys? {
    waiting.withLock { $0.removeValue(forKey: home.path) }
  }

  /// Opens the root key and the signing keys; the authority then certifies itself.
  static func open(_ means: CredentialsSource.Means) async throws -> CredentialsFeed {
    let store = AuthorityStore(
      store: means.store, sealing: try RootKey.load(from: means.home),
      trustDomain: means.platform.trustDomain)
    let keys = try await AuthorityKeys.open(
      store, clock: means.clock, randomness: means.randomness)
    waiting.withLock { $0[means.home.path] = keys }
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
          try? await Task.sleep(for: .seconds(1))
        }
      }
    }
    continuation.onTermination = { _ in follower.cancel() }
    return CredentialsFeed(first: first, updates: updates)
  }
}
