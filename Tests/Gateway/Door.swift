import AuditAPI
import Charters
import Chassis
import Crypto
import Foundation
import Gateway
import NIOCore
import NIOPosix
import NIOSSL
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Transport
import Vocabulary
import WorkloadIdentity

/// The whole door on real sockets: public TLS in front, mutual TLS to a service in this process
/// behind.
struct Door {
  let issuer = OutsideIssuer()
  let gate: TokenGate
  let listener: EdgeListener
  let records = Recorded()
  let upstream: TransportServer
  let seen = SeenRequests()
  /// Closed by tests, for whom a minute is long.
  let refusals = RefusalCounter(clock: .system, randomness: .system)
  /// Where pages of registered clients run.
  let origins = WebOriginBook()
  let routes: EdgeRoutes
  let book: LimitBook
  let metrics = MetricsRegistry()
  /// With room enough, until a test says otherwise.
  let disk = DiskPoint(reserveMiB: 16)
  let edgeAuthority: [UInt8]
  let identity: EdgeIdentity
  let group = MultiThreadedEventLoopGroup.singleton
  /// Goes on hearing that nothing is revoked, however slow the machine is.
  private let hearing: Task<Void, Never>

  init(
    limits: EdgeLimits = EdgeLimits(), factor: Int = 1, contracts: [ServiceName: JSON] = [:],
    issuer platform: String = "https://bank.example", charters: CharterSet? = nil,
    holds: ContractBook = ContractBook(), inspectedBy shown: ShownTexts? = nil,
    service: (@Sendable (WireRequest) async -> WireResponse)? = nil
  ) async throws {
    let clock = Clock.system
    let start = clock.now()
    let mesh = try MeshAuthority(at: start - .seconds(60))
    let own = try MeshCredentials(mesh.credentials(for: "gateway", at: start), clock: clock)
    let theirs = try MeshCredentials(mesh.credentials(for: "payments", at: start), clock: clock)
    upstream = try await Self.upstream(theirs, seen, shown, service, group)
    let id = mesh.issuer.svidID("payments", mesh.trustDomain)
    let endpoint = ServiceEndpoint(id: id, host: "127.0.0.1", port: upstream.port)
    let routes = EdgeRoutes(try charters ?? SampleCharters.load(), factor: factor)
    self.routes = routes
    book = LimitBook(factor: factor)
    gate = TokenGate(
      issuer: OutsideIssuer.issuer, revocations: RevocationPoint(), clock: clock
    ) { ["keys": []] }
    try gate.replaceKeys(jwks: issuer.jwks, at: start)
    try gate.revoke([], at: start)
    let gate = gate
    hearing = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(500))
        try? gate.revoke([], at: clock.now())
      }
    }
    let records = records
    let randomness = Randomness.system
    let inward = Upstream(TransportClient(credentials: own, group: group)) { _ in endpoint }
    let edge = Edge(
      routes: routes, documents: DoorDocument.all(contracts, issuer: platform),
      contracts: holds, book: book, tokens: gate,
      exchange: TokenExchange(
        issuer: TransactionTokenIssuer(credentials: own), randomness: randomness),
      trail: AccessTrail(write: { records.note($0) }, shedRecord: Recorded.shed),
      refusals: refusals,
      upstream: inward,
      clock: clock, randomness: randomness,
      telemetry: EdgeTelemetry(
        routes: routes, metrics: metrics,
        tracer: SpanExporter(service: "gateway", version: "test", endpoint: nil, group: group),
        log: Log(service: "gateway", sink: LogSink { _ in }, clock: clock)),
      origins: origins, disk: disk,
      firewall: shown.map { _ in FirewallLine(inward, clock: clock) })
    let edgeCertificate = try EdgePapers(at: start)
    edgeAuthority = edgeCertificate.authority
    identity = try EdgeIdentity(
      chain: edgeCertificate.chain, privateKey: edgeCertificate.privateKey)
    listener = try await EdgeListener.listen(
      host: "127.0.0.1", port: 0, identity: identity, limits: limits, edge: edge, group: group)
  }

  /// What stands behind the door: notes what it is sent, with the proven transaction token, and answers.
  private static func upstream(
    _ credentials: MeshCredentials, _ seen: SeenRequests, _ shown: ShownTexts?,
    _ service: (@Sendable (WireRequest) async -> WireResponse)?, _ group: any EventLoopGroup
  ) async throws -> TransportServer {
    let verifier = TransactionTokenVerifier(credentials: credentials, door: "gateway")
    return try await TransportServer.listen(
      host: "127.0.0.1", port: 0, credentials: credentials, limits: TransportLimits(), group: group,
      bodyLimit: { _, _ in 65_536 },
      handler: { request, _ in
        if let inspected = shown?.answer(request) { return inspected }
        let token = request.headers[Header.transactionToken].flatMap {
          try? verifier.verify(
            $0, presentedBy: "gateway", purpose: nil, scopes: [], at: Clock.system.now())
        }
        seen.note(request, token)
        return await service?(request)
          ?? WireResponse(
            status: 200,
            headers: [
              "content-type": "application/json", "x-internal": "secret", "set-cookie": "a=b",
            ], body: ByteBuffer(string: #"{"done":true}"#))
      })
  }

  func close() async {
    hearing.cancel()
    await listener.drain(within: .seconds(2))
    await upstream.drain(within: .seconds(1))
  }

  /// When what is used up now is long refilled; a limit used up then is so now.
  var later: Instant { Clock.system.now() + .seconds(60) }

  func token(_ changes: [String: JSON?] = [:]) throws -> String {
    try issuer.token(at: Clock.system.now(), changes)
  }

  func caller(
    tls: TLSVersion = .tlsv13, from source: String = "127.0.0.1"
  ) async throws -> OutsideCaller {
    try await OutsideCaller.connect(
      port: listener.port, trusting: edgeAuthority, version: tls, group: group, from: source)
  }

  /// One request on a connection of its own.
  func ask(_ text: String, from source: String = "127.0.0.1") async throws -> OutsideAnswer {
    let caller = try await caller(from: source)
    defer { caller.close() }
    return try await caller.ask(text)
  }

  static func payment(
    _ token: String, key: String = "k1",
    body: String = #"{"amount":{"minor_units":1250},"debtor":"d"}"#,
    more: String = ""
  ) -> String {
    "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n"
      + "Content-Type: application/json\r\nIdempotency-Key: \(key)\r\n\(more)"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// A public certificate as it comes from a file, and the authority that a client must trust for it.
struct EdgePapers {
  let authority: [UInt8]
  /// PEM.
  let chain: [UInt8]
  let privateKey: [UInt8]

  init(at now: Instant) throws {
    let names = ServerNames(hosts: ["localhost"], addresses: [[127, 0, 0, 1]])
    let root = try CertificateAuthority.edge(
      for: names, lifetime: .seconds(3_600), at: now, randomness: .system)
    let certificate = try root.edgeCertificate(
      for: names, lifetime: .seconds(600), at: now,
      randomness: .system)
    authority = root.certificateBytes
    chain = certificate.chain.flatMap { Self.pem($0, "CERTIFICATE") }
    privateKey = Array(certificate.privateKey.pemRepresentation.utf8)
  }

  private static func pem(_ der: [UInt8], _ label: String) -> [UInt8] {
    let text = Data(der).base64EncodedString(options: .lineLength64Characters)
    return Array("-----BEGIN \(label)-----\n\(text)\n-----END \(label)-----\n".utf8)
  }
}

extension CertificateAuthority {
  fileprivate func svidID(_ service: ServiceName, _ trustDomain: String) -> SpiffeID {
    // Both parts are constants of the tests.
    SpiffeID(trustDomain: trustDomain, service: service)!
  }
}

/// The access decisions that were written.
final class Recorded: Sendable {
  private let records = Mutex<[AuditRecord]>([])
  func note(_ more: [AuditRecord]) { records.withLock { $0 += more } }
  var all: [AuditRecord] { records.withLock { $0 } }

  @Sendable static func shed(_ count: Int64) -> AuditRecord {
    AuditRecord(
      id: AuditRecordID(bits: 1), at: Instant(seconds: 0), service: "gateway", kind: .platform,
      correlation: CorrelationID(bits: 1)!,  // One is not zero.
      caller: "gateway", operation: "recordAccess", outcome: "shed",
      detail: ["requests_refused": "\(count)"])
  }
}

/// What reached the service.
final class SeenRequests: Sendable {
  private let requests = Mutex<[(WireRequest, TransactionToken?)]>([])
  func note(_ request: WireRequest, _ token: TransactionToken?) {
    requests.withLock { $0.append((request, token)) }
  }
  var all: [(request: WireRequest, token: TransactionToken?)] { requests.withLock { $0 } }
}
