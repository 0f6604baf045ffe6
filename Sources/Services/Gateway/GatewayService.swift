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
  private let feed: IdentityFeed
  private let certificate: EdgeCertificateSource
  private let material: EdgeCertificateSource.Material
  private let identity: EdgeIdentity
  private let listener: EdgeListener
  private let loops: MultiThreadedEventLoopGroup

  /// - Throws: `StartFailure` when the public port is taken or the certificate cannot be used.
  package init(_ context: ServiceContext) async throws {
    self.context = context
    let platform = context.platform
    let routes = EdgeRoutes(context.charters, factor: platform.limitsFactor)
    let gate = TokenGate(
      issuer: platform.issuer, clock: context.clock, believesAll: platform.lacks(.tokenSignatures),
      fetch: IdentityFeed.fetchKeys(context))
    feed = IdentityFeed(context, gate: gate)
    certificate = EdgeCertificateSource(context)
    material = try await certificate.first()
    identity = try EdgeIdentity(chain: material.chain, privateKey: material.privateKey)
    await feed.begin(tries: Self.firstKeysTriesMax, pause: Self.firstKeysPause)
    let edge = Edge(
      routes: routes, book: LimitBook(factor: platform.limitsFactor), tokens: gate,
      exchange: TokenExchange(
        issuer: TransactionTokenIssuer(credentials: context.credentials),
        randomness: context.randomness),
      trail: Self.trail(context),
      upstream: Upstream(context.transport) { context.endpoint(of: $0) }, clock: context.clock,
      randomness: context.randomness,
      telemetry: EdgeTelemetry(
        routes: routes, metrics: context.metrics, tracer: context.tracer, log: context.log))
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

  /// The port of the public listener; for tests, which ask for a free one.
  package var publicPort: Int { listener.port }

  /// Follows identity and the certificate until cancelled, then shuts the door in good order.
  package func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await feed.followRevocations() }
      group.addTask { try? await feed.followKeys() }
      group.addTask { try? await certificate.follow(from: material, identity) }
      await group.waitForAll()
    }
    // Cancelled: the platform goes down. What was let in is still answered.
    await listener.drain(within: Self.drainMax)
    try? await loops.shutdownGracefully()
  }

  /// Decisions become rows of the outbox, a group in one durable transaction.
  private static func trail(_ context: ServiceContext) -> AccessTrail {
    AccessTrail(
      write: { records in
        let messages = records.map { OutboxMessage($0) }
        try await context.store.write { transaction in
          for message in messages { transaction.append(message) }
        }
      },
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
