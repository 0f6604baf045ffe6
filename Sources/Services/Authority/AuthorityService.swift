import AuditAPI
import AuthorityAPI
package import Chassis
import Charters
import Crypto
import DurableFiles
import Glibc
package import Storage
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
    Migration(
      1, "initial", sql: PackageResources._001_initial_sql,
      postgres: PackageResources._001_initial_postgres_sql),
    Migration(
      2, "sealing-retirement", sql: PackageResources._002_sealing_retirement_sql,
      postgres: PackageResources._002_sealing_retirement_postgres_sql),
    Migration(
      3, "revocations", sql: PackageResources._003_revocations_sql,
      postgres: PackageResources._003_revocations_postgres_sql),
    Migration(
      4, "secrets", sql: PackageResources._004_secrets_sql,
      postgres: PackageResources._004_secrets_postgres_sql),
  ]
  package static let credentials = CredentialsSource { try await OwnCredentials.open($0) }

  /// How often the schedule is asked what is due.
  static let tick: Duration = .milliseconds(500)

  private let context: ServiceContext
  private let keys: AuthorityKeys
  private let endpoint: WorkloadEndpoint
  private let revocations: RevocationDesk
  private let secrets: SecretDesk
  /// How often it is looked for revocations that matter to nobody any more.
  private let housekeepingInterval: Duration

  package init(_ context: ServiceContext) async throws {
    self.context = context
    housekeepingInterval = context.settings.seconds("housekeeping_interval")
    guard let keys = context.issuer as? AuthorityKeys else {
      throw StartFailure(
        "the authority was started without its own credentials",
        hint: "this is a defect, please report it")
    }
    self.keys = keys
    revocations = RevocationDesk(context, store: keys.store)
    secrets = SecretDesk(context, store: keys.store)
    let launched = context.charters.charters.filter { $0.port != nil }.map(\.service)
    // A launcher that confines us also witnesses for us; without one we ask the kernel ourselves.
    let witness = context.home.witnessSocket
    endpoint = WorkloadEndpoint(
      keys: keys,
      attestor: Attestor(
        folder: context.home.launchFolder, launched: Set(launched),
        others: Set(context.charters.charters.map(\.service)),
        view: access(witness, F_OK) == 0 ? .witness(witness) : .kernel()),
      journal: IssuanceJournal(context), lifetime: .seconds(context.platform.svidSeconds),
      log: context.log, clock: context.clock, randomness: context.randomness)
    try Self.publish(keys.current.edge, to: context.home.edgeAuthorityFile)
  }

  package var operations: [String: Handler] {
    [
      AuthorityOperations.getSealingKeyring.id: getSealingKeyring,
      AuthorityOperations.reportSealingVersions.id: reportSealingVersions,
      AuthorityOperations.issueEdgeCertificate.id: issueEdgeCertificate,
      AuthorityOperations.rotateIssuer.id: rotateIssuer,
      AuthorityOperations.rotateTrustRoot.id: rotateTrustRoot,
      AuthorityOperations.rotateSealingKey.id: rotateSealingKey,
      AuthorityOperations.getTrustBundle.id: getTrustBundle,
      AuthorityOperations.listRevocations.id: revocations.list,
      AuthorityOperations.publishRevocations.id: revocations.publish,
    ].merging(secrets.operations) { own, _ in own }
  }

  package var rounds: [Round] {
    let revocations = revocations
    return [
      Round(every: housekeepingInterval, or: "old revocations are not forgotten") {
        try await revocations.keepHouse()
      }
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
    var published = keys.current.edge.certificateBytes
    while !Task.isCancelled {
      do {
        try await keys.tick()
        let edge = keys.current.edge
        if edge.certificateBytes != published {
          try Self.publish(edge, to: context.home.edgeAuthorityFile)
          published = edge.certificateBytes
        }
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
    try await secrets.require(.sealingKeyring, call)
    let versions = try await keys.store.sealingVersions(of: call.caller, at: context.clock.now())
    return try keyring(of: call.caller, versions)
  }

  private func reportSealingVersions(_ call: Call) async throws -> Answer {
    try await secrets.require(.sealingKeyring, call)
    let word = try call.decode(SealingVersionsInUse.self)
    let now = context.clock.now()
    let randomness = context.randomness
    let versions = try await keys.store.settleSealing(
      of: call.caller, current: word.current, inUse: Set(word.inUse), at: now
    ) { outcome, versions in
      AuditRecord(
        id: AuditRecordID(at: now, random: randomness.bits128()), at: now, service: Self.name,
        kind: .platform, correlation: call.correlation, caller: call.caller,
        operation: "sealing-key", outcome: outcome,
        detail: [
          "versions": "\(versions.count)", "oldest": "\(versions.first ?? 0)",
          "newest": "\(versions.last ?? 0)",
        ])
    }
    return try keyring(of: call.caller, versions)
  }

  private func keyring(of service: ServiceName, _ versions: [Int]) throws -> Answer {
    let given = try versions.map { version in
      SealingKeyVersion(
        version: version,
        key: Base64URL.encode(try keys.store.sealingKey(of: service, version: version)))
    }
    // Never empty: a first version is made before anything is answered, and the newest is never retired.
    return try .json(200, SealingKeyring(current: versions.last ?? 1, keys: given))
  }

  private func rotateSealingKey(_ call: Call) async throws -> Answer {
    let service = try call.decode(RotateSealingKey.self).service
    guard context.charters[service]?.names(.sealingKeyring) == true else { throw Problem.notFound }
    let version = try await keys.store.rotateSealing(of: service, at: context.clock.now())
    revocations.answerAll()
    return try .json(201, SealingKeyRotated(service: service, current: version))
  }

  private func issueEdgeCertificate(_ call: Call) async throws -> Answer {
    try await secrets.require(.edgeCertificate, call)
    let request = try call.decode(EdgeCertificateRequest.self)
    let addresses = try request.addresses.map { text in
      guard let address = EdgeNames.bytes(ofAddress: text) else {
        throw Problem.malformed("expected an IPv4 or IPv6 address", field: "/addresses")
      }
      return address
    }
    // The authority's own certificate constrains hosts; which addresses are ours the settings say.
    guard keys.store.edgeNames.map({ $0.addresses.isSuperset(of: addresses) }) == true else {
      throw foreignNames
    }
    let edge = keys.current.edge
    let issued: EdgeCertificate
    do throws(IssuingRefusal) {
      issued = try edge.edgeCertificate(
        for: ServerNames(hosts: request.hosts, addresses: addresses),
        lifetime: CertificateAuthority.edgeLifetimeMax, at: context.clock.now(),
        randomness: context.randomness)
    } catch {
      guard error != .foreignNames else { throw foreignNames }
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

  /// The gateway asks for names, but which are ours is not its to say.
  private var foreignNames: Problem {
    let names = EdgeNames(context.platform)
    return Problem(
      "foreign-names", 403, "The platform does not go by one of these names",
      detail:
        "by its settings it is \((names.hosts + names.addresses).joined(separator: ", ")); others follow from "
        + "issuer and gateway_bind in platform.json, at the next start")
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

  /// Lays the edge authority's certificate down for `curl --cacert`.
  private static func publish(_ edge: CertificateAuthority, to path: String) throws {
    let text = Array(PEM.certificate(edge.certificateBytes).utf8)
    do throws(DurableFile.Failure) {
      try DurableFile.write([(path, text)], .everyoneReads, draft: ".new")
    } catch {
      throw StartFailure(
        "cannot write \(error)", hint: "check the folder's mode and the free space on the disk")
    }
  }
}
