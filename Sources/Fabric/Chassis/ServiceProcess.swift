package import Charters
import Foundation
package import NIOCore
import NIOPosix
import PolicyClient
import Storage
package import StrictJSON
import Synchronization
package import Telemetry
import Transport
package import Vocabulary
import WorkloadIdentity

/// One service standing: store open, certificate in hand, listening, delivering. `ServiceMain` runs one per process;
/// tests run several in one.
package final class ServiceProcess<Subject: Service>: Sendable {
  package let service: Subject
  package let context: ServiceContext
  private let server: TransportServer
  private let tasks: [Task<Void, Never>]
  private let readiness: Readiness

  /// Longest time a drain waits for requests in flight.
  package static var drainMax: Duration { .seconds(10) }
  /// Longest time a drain waits for the audit service to take the last records.
  package static var lastRecordsMax: Duration { .seconds(2) }

  private init(
    service: Subject, context: ServiceContext, server: TransportServer,
    tasks: [Task<Void, Never>], readiness: Readiness
  ) {
    self.service = service
    self.context = context
    self.server = server
    self.tasks = tasks
    self.readiness = readiness
  }

  /// The start order, written once: papers → store → policies → certificate → secrets → service (recovers) → door → unasked work → ready.
  /// - Parameter name: whose charter this is; the sidecar's code has many.
  /// - Throws: `StartFailure`, `StoreError`, `PortTaken` or what the service itself throws.
  package static func start(
    _ type: Subject.Type, as name: ServiceName = Subject.name, home: Home,
    group: any EventLoopGroup, log: Log, clock: Clock,
    randomness: Randomness, credentials source: CredentialsSource = Subject.credentials
  ) async throws -> ServiceProcess {
    let platform = try Platform.load(from: home)
    let charters = try Papers.charters(in: home)
    guard let charter = charters[name], let port = charter.port else {
      throw StartFailure(
        "there is no charter for \(name) in \(home.chartersFolder)",
        hint: "write Sources/Services/…/charter.yaml and run `strongroom up` again")
    }
    let store = try await StorePlace(
      service: name, isShared: charter.store.writers == .many, home: home, platform: platform,
      log: log, clock: clock, randomness: randomness
    ).open(Subject.migrations)
    let policy = try PolicySource(
      home: home, service: name, believesAll: platform.lacks(.policies),
      questions: AccessQuestions(charter, in: charters)
    ).open(staleAfter: platform.policyStaleAfter)
    let feed = try await source.open(
      CredentialsSource.Means(
        service: name, charter: charter, home: home, platform: platform, store: store, log: log,
        clock: clock, randomness: randomness))
    let credentials = try MeshCredentials(
      feed.first, clock: clock, believesAll: platform.lacks(.peerChecks))
    let metrics = MetricsRegistry()
    let tracer = SpanExporter(
      service: name, version: Subject.version,
      endpoint: platform.otlpEndpoint.flatMap { CollectorEndpoint($0) }, group: group)
    let context = ServiceContext(
      service: name, home: home, platform: platform, charters: charters, charter: charter,
      store: store, log: log, metrics: metrics, tracer: tracer, clock: clock,
      randomness: randomness, credentials: credentials,
      transport: TransportClient(credentials: credentials, group: group), group: group,
      policy: policy, remotePolicy: try RemoteRules.client(platform, group: group),
      issuer: feed.issuer)
    let readiness = Readiness(startedAt: clock.now())
    ProcessMetrics.register(in: metrics, startedAt: readiness.startedAt)
    tracer.register(in: metrics)
    store.register(in: metrics)
    context.disk.register(in: metrics)
    let disk = DiskWatch(context)
    await disk.look()
    let revocations = context.followsRevocations ? RevocationFollower(context) : nil
    await revocations?.begin()
    let secrets = charter.outsideSecrets.isEmpty ? nil : SecretsFollower(context)
    try await secrets?.begin()
    let service = try await Subject(context)
    try context.settings.requireAll(of: name)
    let handlers = try allHandlers(of: service, charter, context, readiness)
    let pipeline = Pipeline(
      context, handlers: handlers, claimsLater: Subject.claimsLater, page: Subject.page)
    var limits = TransportLimits()
    limits.connectionsMax = charter.limits.connections
    limits.bodyBytesMax = charter.operations.map(\.bodyBytesMax).max() ?? Charter.bodyBytesDefault
    let server = try await TransportServer.listen(
      host: platform.bind, port: port + platform.portOffset, credentials: credentials,
      limits: limits,
      group: group,
      bodyLimit: { method, target in bodyLimit(charter, method, target) },
      handler: { request, peer in await pipeline.answer(request, from: peer, at: clock.now()) })
    readiness.connections.withLock { $0 = { server.openConnections } }
    let tasks = unasked(
      service, context, disk: disk, revocations: revocations, secrets: secrets, feed: feed)
    readiness.isReady.store(true, ordering: .releasing)
    log.info("ready", ["port": .count(server.port)])
    return ServiceProcess(
      service: service, context: context, server: server, tasks: tasks, readiness: readiness)
  }

  /// Not ready → no new connections → requests in flight finish → the last records leave → unasked work stops.
  package func drain() async {
    readiness.isReady.store(false, ordering: .releasing)
    await server.drain(within: Self.drainMax)
    // What does not leave in time waits in the outbox for the next start.
    let limit = ContinuousClock.now + Self.lastRecordsMax
    while context.outbox.pendingCount > 0, ContinuousClock.now < limit {
      try? await Task.sleep(for: .milliseconds(20))
    }
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    context.tracer.flush()
    context.log.info("drained")
    context.store.close()
  }

  /// What runs beside requests until the process drains.
  private static func unasked(
    _ service: Subject, _ context: ServiceContext, disk: DiskWatch,
    revocations: RevocationFollower?, secrets: SecretsFollower?, feed: CredentialsFeed
  ) -> [Task<Void, Never>] {
    var tasks = [
      background(context, "unasked work ended with an error") { try await service.run() },
      background(context, "the disk is not watched any more") { try await disk.run() },
      background(context, "the access policies are not followed any more") {
        try await PolicyFollower(context).run()
      },
      background(context, "revocations are not followed any more") { try await revocations?.run() },
      background(context, "secrets are not followed any more") { try await secrets?.run() },
      background(context, "certificate updates ended with an error") {
        for await next in feed.updates {
          try context.credentials.replace(with: next)
          context.log.info("certificate rotated", ["expires": .id(next.svid.notAfter)])
        }
      },
    ]
    tasks += AuditDelivery.all(context, sink: service.auditSink).map { delivery in
      background(context, "outbox delivery ended with an error") { await delivery.run() }
    }
    tasks += service.rounds.map { round in
      background(context, "unasked rounds ended with an error") {
        try await context.rounds(of: round.failure, every: round.pause, round.work)
      }
    }
    tasks += context.sealed.all.map { sealed in
      background(context, "sealing keys are not followed any more") {
        try await context.followSealingKeys(sealed.fields, under: sealed.keys)
      }
    }
    return tasks
  }

  private static func background(
    _ context: ServiceContext, _ failure: StaticString,
    _ body: @escaping @Sendable () async throws -> Void
  ) -> Task<Void, Never> {
    Task {
      do {
        try await body()
      } catch is CancellationError {
      } catch {
        context.log.error(failure, ["why": .text("\(error)")])
      }
    }
  }

  private static func bodyLimit(_ charter: Charter, _ method: String, _ target: String) -> Int {
    // A request for nothing we have is read to a small limit, so that it can be told so.
    guard let method = HTTPMethod(rawValue: method) else { return Charter.bodyBytesDefault }
    return charter.route(method, String(target.prefix { $0 != "?" }))?.operation.bodyBytesMax
      ?? Charter.bodyBytesDefault
  }

  /// The service's own handlers and the implied ones. Charter and code must name the same operations.
  private static func allHandlers(
    of service: Subject, _ charter: Charter, _ context: ServiceContext, _ readiness: Readiness
  ) throws -> [String: Handler] {
    var handlers = service.operations
    let (declared, written) = (Set(charter.operations.map(\.id)), Set(handlers.keys))
    guard declared == written else {
      let odd = declared.symmetricDifference(written).sorted().joined(separator: ", ")
      throw StartFailure(
        "charter and code of \(context.service) do not name the same operations: \(odd)",
        hint: "an operation needs a line in charter.yaml and a handler")
    }
    handlers["health"] = { _ in try .json(200, ["status": "ok"]) }
    handlers["metrics"] = { _ in
      Answer(
        status: 200, headers: ["content-type": "text/plain; version=0.0.4; charset=utf-8"],
        body: Array(context.metrics.exposition().utf8))
    }
    handlers["ready"] = { _ in
      let isUp = readiness.isReady.load(ordering: .acquiring)
      let isReady = isUp ? await service.isReady : false
      return try .json(
        isReady ? 200 : 503,
        ServiceStanding(
          service: context.service, version: Subject.version, isReady: isReady,
          startedAt: readiness.startedAt,
          certificateExpires: context.credentials.current.svid.notAfter,
          openConnections: readiness.connections.withLock { $0() },
          outboxWaiting: Int(context.outbox.pendingCount),
          disk: DiskStanding(context.disk.standing),
          policyVersion: context.policy.version, policySHA256: context.policy.sha256,
          policyIsStale: context.policy.isStale && context.remotePolicy == nil,
          policyAgent: context.remotePolicy?.address.description,
          policyRefused: context.policy.refused?.rawValue,
          revocations: context.followsRevocations
            ? RevocationStanding(context.revocations, at: context.clock.now()) : nil))
    }
    return handlers
  }
}

/// Whether a process takes requests just now. A class: the handler and the drain look at the same one.
private final class Readiness: Sendable {
  let isReady = Atomic(false)
  let startedAt: Instant
  let connections = Mutex<@Sendable () -> Int>({ 0 })
  init(startedAt: Instant) { self.startedAt = startedAt }
}

/// The charters as the launcher laid them down.
package enum Papers {
  /// - Throws: `StartFailure` with every fault, each with file and line.
  package static func charters(in home: Home) throws(StartFailure) -> CharterSet {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: home.chartersFolder)) ?? []
    var files: [CharterFile] = []
    for name in names.filter({ $0.hasSuffix(".yaml") }).sorted() {
      guard let bytes = FileManager.default.contents(atPath: "\(home.chartersFolder)/\(name)"),
        let text = String(validating: bytes, as: UTF8.self)
      else { throw StartFailure("cannot read charter \(name)", hint: "run `strongroom up` again") }
      files.append(CharterFile(name: name, text: text))
    }
    do {
      return try CharterSet.load(files)
    } catch {
      throw StartFailure(
        "the charters do not hold together:\n\(error)", hint: "run `strongroom charter check`")
    }
  }

  /// What the door tells of each service's public operations, as the launcher laid it down beside the charters.
  /// - Throws: `StartFailure` for a file that cannot be read.
  package static func contracts(in home: Home) throws(StartFailure) -> [ServiceName: JSON] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: home.chartersFolder)) ?? []
    var contracts: [ServiceName: JSON] = [:]
    for name in names where name.hasSuffix(Home.contractSuffix) {
      guard let service = ServiceName(String(name.dropLast(Home.contractSuffix.utf8.count))),
        let bytes = FileManager.default.contents(atPath: "\(home.chartersFolder)/\(name)"),
        let contract = try? JSON.parse(bytes)
      else { throw StartFailure("cannot read \(name)", hint: "run `strongroom up` again") }
      contracts[service] = contract
    }
    return contracts
  }
}
