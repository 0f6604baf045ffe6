import AuditAPI
package import Chassis
import GatewayAPI
import NIOCore
import NIOPosix
import Storage
import Telemetry
import Transport
package import Vocabulary

/// The gateway as a service of the platform: certificate, keys and revocations in hand, then the
/// public listener. Inside the mesh it answers nothing but health, readiness and metrics.
package struct GatewayService: Service {
  /// As in its charter and certificate.
  package static let name = GatewayAPI.service

  /// Loops for outside connections; more than the cores would only take turns.
  static let loopsMax = 4
  /// Longest time the public listener waits for answers in flight when it drains.
  static let drainMax: Duration = .seconds(8)
  /// At start, identity may need a moment; after this the door opens without its keys, and refuses
  /// tokens until they are there.
  static let firstKeysTriesMax = 20
  static let firstKeysPause: Duration = .milliseconds(250)

  private let context: ServiceContext
  private let gate: TokenGate
  private let feed: IdentityFeed
  private let certificate: EdgeCertificateSource
  private let material: EdgeCertificateSource.Material
  private let identity: EdgeIdentity
  private let listener: EdgeListener
  private let refusals: RefusalCounter
  private let loops: MultiThreadedEventLoopGroup

  /// - Throws: `StartFailure` when the public port is taken or the certificate cannot be used.
  package init(_ context: ServiceContext) async throws {
    self.context = context
    let platform = context.platform
    let routes = EdgeRoutes(context.charters, factor: platform.limitsFactor)
    let gate = TokenGate(
      issuer: platform.issuer, revocations: context.revocations, clock: context.clock,
      believesAll: platform.lacks(.tokenSignatures), fetch: IdentityFeed.fetchKeys(context))
    self.gate = gate
    let origins = WebOriginBook()
    feed = IdentityFeed(context, gate: gate, origins: origins)
    certificate = EdgeCertificateSource(context)
    material = try await certificate.first()
    identity = try EdgeIdentity(chain: material.chain, privateKey: material.privateKey)
    await feed.begin(tries: Self.firstKeysTriesMax, pause: Self.firstKeysPause)
    refusals = RefusalCounter(
      clock: context.clock, randomness: context.randomness,
      recordsAll: platform.lacks(.countedRefusals))
    let contracts = try Papers.contracts(in: context.home)
    let edge = Edge(
      routes: routes, documents: DoorDocument.all(contracts, issuer: platform.issuer),
      contracts: platform.lacks(.contracts)
        ? ContractBook() : try ContractBook(contracts, routes: routes),
      book: LimitBook(
        factor: platform.limitsFactor, addressRate: context.settings.number("address_rate"),
        refusalRate: context.settings.number("refusal_rate")), tokens: gate,
      exchange: TokenExchange(
        issuer: TransactionTokenIssuer(credentials: context.credentials),
        randomness: context.randomness),
      trail: Self.trail(context), refusals: refusals,
      upstream: Upstream(context.transport) { context.endpoint(of: $0) }, clock: context.clock,
      randomness: context.randomness,
      telemetry: EdgeTelemetry(
        routes: routes, metrics: context.metrics, tracer: context.tracer, log: context.log),
      origins: origins, disk: context.disk,
      sampling: Int(context.settings.number("answer_sampling")))
    loops = MultiThreadedEventLoopGroup(
      numberOfThreads: min(max(System.coreCount, 1), Self.loopsMax))
    do {
      listener = try await EdgeListener.listen(
        host: platform.gatewayBind, port: platform.gatewayPort, identity: identity,
        limits: EdgeLimits(), edge: edge, group: loops)
    } catch {
      throw StartFailure(
        "the public port \(platform.gatewayPort) on \(platform.gatewayBind) cannot be had: \(error)",
        hint: "stop what listens there, or change gateway_port in platform.json")
    }
    context.log.info("the door is open", ["port": .count(listener.port)])
  }

  /// None: the mesh asks it for nothing but what every service answers.
  package var operations: [String: Handler] { [:] }

  /// Not while it lacks identity's keys, or news of what was revoked: it would refuse every token, or every change.
  package var isReady: Bool { get async { gate.isInformed(at: context.clock.now()) } }

  /// The port of the public listener; for tests, which ask for a free one.
  package var publicPort: Int { listener.port }

  /// Follows identity and the certificate until cancelled, then shuts the door in good order.
  package func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await feed.follow() }
      group.addTask { try? await certificate.follow(from: material, identity) }
      group.addTask { try? await countRefusals() }
      await group.waitForAll()
    }
    // Cancelled: the platform goes down. What was let in is still answered.
    await listener.drain(within: Self.drainMax)
    await recordRefusals()
    try? await loops.shutdownGracefully()
  }

  /// Each minute's refusals become records.
  private func countRefusals() async throws {
    try await context.rounds(of: "refusals are counted", every: RefusalCounter.minute) {
      await recordRefusals()
    }
  }

  private func recordRefusals() async {
    let records = refusals.close()
    guard !records.isEmpty else { return }
    do {
      try await Self.write(records, context)
    } catch {
      context.log.error(
        "counts of refusals could not be recorded", ["records": .count(records.count)])
    }
  }

  private static func write(_ records: [AuditRecord], _ context: ServiceContext) async throws {
    let messages = records.map { OutboxMessage($0) }
    try await context.store.write { transaction in
      for message in messages { transaction.append(message) }
    }
  }

  /// Decisions become rows of the outbox, a group in one durable transaction.
  private static func trail(_ context: ServiceContext) -> AccessTrail {
    AccessTrail(
      write: { try await write($0, context) },
      shedRecord: { count in
        let now = context.clock.now()
        return AuditRecord(
          id: AuditRecordID(at: now, random: context.randomness.bits128()), at: now,
          service: name, kind: .platform, correlation: context.newCorrelation(), caller: name,
          operation: "recordAccess", outcome: "shed", reason: "too-many-waiting",
          detail: ["requests_refused": "\(count)"])
      })
  }
}
