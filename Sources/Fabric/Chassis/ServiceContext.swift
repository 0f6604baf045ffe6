package import Charters
package import NIOCore
package import PolicyClient
package import Storage
package import Telemetry
package import Transport
package import Vocabulary

/// All that a service gets from outside itself: clock, randomness, store, clients, telemetry. Nothing is global.
package struct ServiceContext: Sendable {
  package let service: ServiceName
  package let home: Home
  package let platform: Platform
  package let charters: CharterSet
  package let charter: Charter
  package let store: Store
  package let log: Log
  package let metrics: MetricsRegistry
  package let tracer: SpanExporter
  package let clock: Clock
  package let randomness: Randomness
  package let credentials: MeshCredentials
  /// Who issued them; nil for everybody but the authority.
  package let issuer: (any CredentialsIssuer)?
  package let transport: TransportClient
  package let group: any EventLoopGroup
  package let recorder: AccessRecorder
  package let transactionTokens: TransactionTokenVerifier
  /// What is revoked on this platform.
  package let revocations = RevocationPoint()
  /// What this service must know of the outside, as far as its charter names it and an operator has set it.
  package let secrets = OutsideSecrets()
  /// What the authority tells of this service's sealing keys.
  package let sealingNews = SealingNews()
  /// What an operator may choose for this service, as it is in force.
  package let settings: ServiceSettings
  /// What this service seals, and under which keys.
  let sealed = SealedStock()
  /// How much room there is for what this service keeps.
  package let disk: DiskPoint
  package let idempotency: IdempotencyStore
  package let outbox: Outbox
  /// The access policies in force.
  package let policy: PolicyPoint
  /// Who decides instead of them.
  package let remotePolicy: RemotePolicy?

  package init(
    service: ServiceName, home: Home, platform: Platform, charters: CharterSet, charter: Charter,
    store: Store, log: Log, metrics: MetricsRegistry, tracer: SpanExporter, clock: Clock,
    randomness: Randomness, credentials: MeshCredentials, transport: TransportClient,
    group: any EventLoopGroup, policy: PolicyPoint, remotePolicy: RemotePolicy? = nil,
    issuer: (any CredentialsIssuer)? = nil
  ) {
    self.service = service
    self.home = home
    self.platform = platform
    self.charters = charters
    self.charter = charter
    self.store = store
    self.log = log
    self.metrics = metrics
    self.tracer = tracer
    self.clock = clock
    self.randomness = randomness
    self.credentials = credentials
    self.issuer = issuer
    self.transport = transport
    self.group = group
    self.policy = policy
    self.remotePolicy = remotePolicy
    settings = ServiceSettings(charter, chosen: platform.settings ?? [:])
    disk = DiskPoint(
      reserveMiB: platform.diskReserveMiB, isKept: !platform.lacks(.diskReserve))
    recorder = AccessRecorder(service: service, store: store, clock: clock, randomness: randomness)
    idempotency = IdempotencyStore(store: store)
    outbox = Outbox(store: store)
    transactionTokens = TransactionTokenVerifier(
      credentials: credentials, door: charters.holder(of: .door),
      believesAll: platform.lacks(.transactionTokens))
  }

  /// Where the store is, for people: a file, or a database on its servers.
  package var storePlace: String {
    platform.storeServer(of: service)?.location.description ?? home.storeFile(of: service)
  }

  /// The client for another service; it can only call what both charters declare.
  package func client(_ callee: ServiceName) -> ServiceClient {
    ServiceClient(context: self, callee: callee)
  }

  /// Where a service of this platform listens.
  package func endpoint(of callee: ServiceName) -> ServiceEndpoint? {
    guard let port = charters[callee]?.port,
      let id = SpiffeID(trustDomain: platform.trustDomain, service: callee)
    else { return nil }
    return ServiceEndpoint(id: id, host: platform.bind, port: port + platform.portOffset)
  }

  package func newCorrelation() -> CorrelationID {
    // Zero comes once in 2^128 draws; then the next one is taken.
    CorrelationID(bits: randomness.bits128()) ?? newCorrelation()
  }

  /// The context of work that no request asked for, or that goes on after its request ended.
  package func background(
    correlation: CorrelationID? = nil, within span: Duration = .seconds(10)
  ) -> CallContext {
    let correlation = correlation ?? newCorrelation()
    return CallContext(
      correlation: correlation,
      trace: TraceContext(startingAt: correlation, randomness: randomness),
      deadline: Deadline(clock.now() + span))
  }
}
