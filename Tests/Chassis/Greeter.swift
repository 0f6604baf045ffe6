import Chassis
import NIOCore
import NIOPosix
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Transport
import Vocabulary
import WorkloadIdentity

/// A service of a few lines, to see what the chassis gives it for none.
struct Greeter: Service {
  static let name: ServiceName = "greeter"
  let greetings = Greetings()

  init(_ context: ServiceContext) async throws {}

  var operations: [String: Handler] {
    [
      "greet": { call in
        let greeting = try call.decode(Greeting.self)
        return try .json(200, greeting)
      },
      "pay": { [greetings] call in
        let greeting = try call.decode(Greeting.self)
        guard greeting.name != "mistaken" else { throw Problem("not-so", 400, "Not so") }
        guard greeting.name != "nobody" else { throw Problem("nobody", 409, "Nobody is there") }
        let number = greetings.next()
        guard greeting.name != "later" || number > 1 else { throw Problem.unavailable() }
        return try .json(
          201,
          Paid(
            number: number, id: call.idempotency?.resource(PaymentID.self),
            subject: call.transaction?.subject))
      },
      "fail": { _ in throw Broken() },
      "look": { _ in .empty() },
      "finish": { _ in .empty() },
    ]
  }

  static func page(for problem: Problem) -> Answer? {
    Answer(
      status: problem.status, headers: ["content-type": "text/html"],
      body: Array("<h1>\(problem.slug)</h1>".utf8))
  }

  struct Greeting: Codable, Sendable {
    let name: String
    var note: String?
  }
  struct Paid: Codable, Sendable, Equatable {
    let number: Int
    let id: PaymentID?
    let subject: String?
  }
  struct Broken: Error {}

  final class Greetings: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
      count.withLock {
        $0 += 1
        return $0
      }
    }
  }

  static let charters = [
    "greeter.yaml": """
    apiVersion: strongroom/v1
    service: greeter
    summary: Greets.
    port: 7001
    operations:
      - id: greet
        method: POST
        path: /v1/greetings
        callers: [visitor]
        idempotency: natural
        body_bytes_max: 200
        answers: [application/json, text/html]
      - id: pay
        method: POST
        path: /v1/payments
        callers: [gateway, visitor]
        purpose: payment.create
        scopes: [payments:create]
        idempotency: key
      - {id: fail, method: POST, path: /v1/failures, callers: [visitor]}
      - {id: look, method: GET, path: /v1/greetings, callers: [visitor]}
      - {id: finish, method: POST, path: /v1/endings, callers: [visitor], when_full: serve}
    calls: []
    egress: []
    data: []
    secrets: []
    limits: {memory_mib: 64, open_files: 256, connections: 64}
    """,
    "visitor.yaml": caller("visitor", port: 7002, "greet, pay, fail, look, finish"),
    "gateway.yaml": caller("gateway", port: 7003, "pay"),
    "stranger.yaml": caller("stranger", port: 7004, nil),
  ]

  private static func caller(_ name: String, port: Int, _ operations: String?) -> String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: Calls.\(name == "gateway" ? "\nrole: door" : "")
    port: \(port)
    operations: []
    calls: [\(operations.map { "{service: greeter, operations: [\($0)]}" } ?? "")]
    egress: []
    data: []
    secrets: []
    limits: {memory_mib: 64, open_files: 256, connections: 64}
    """
  }
}

/// The greeter listening on a real port, and callers with real certificates.
struct Street {
  /// On whose behalf tokens are.
  static let person = "018f3f6e-0000-7000-8000-00000000a11c"
  let place: TestHome
  let authority: MeshAuthority
  let process: ServiceProcess<Greeter>
  let group = MultiThreadedEventLoopGroup.singleton
  let clock = Clock.system
  let lines = Lines()
  private let regulars = Regulars()

  /// Connections of each caller, kept: the greeter has places for 64.
  private final class Regulars: Sendable {
    let clients = Mutex<[ServiceName: TransportClient]>([:])
  }

  /// - Parameter before: starts what the greeter needs.
  init(
    charters: [String: String] = Greeter.charters, policyStaleSeconds: Int? = nil,
    policyURL: String? = nil, before: (TestHome, MeshAuthority) async throws -> Void = { _, _ in }
  ) async throws {
    place = try TestHome(
      charters: charters, policyStaleSeconds: policyStaleSeconds, policyURL: policyURL)
    authority = try MeshAuthority(at: clock.now() - .seconds(60))
    try await before(place, authority)
    let lines = lines
    let log = Log(
      service: "greeter", sink: LogSink { bytes in lines.append(bytes) }, clock: clock)
    process = try await ServiceProcess.start(
      Greeter.self, home: place.home, group: group, log: log, clock: clock, randomness: .system,
      credentials: .issued(by: authority))
  }

  func send(
    _ body: String, to target: String, as caller: ServiceName = "visitor", method: String = "POST",
    headers: Headers = Headers(), over client: TransportClient? = nil
  ) async throws -> WireResponse {
    let client = try client ?? regular(caller)
    guard let endpoint = process.context.endpoint(of: "greeter") else { throw Problem.defect }
    return try await client.send(
      WireRequest(
        method: method, target: target, headers: headers, body: ByteBuffer(string: body)),
      to: endpoint, by: Deadline(clock.now() + .seconds(5)),
      // As every caller of the platform: a server may close an idle connection just as it is used.
      isRepeatable: method == "GET" || headers[Header.idempotencyKey] != nil)
  }

  private func regular(_ caller: ServiceName) throws -> TransportClient {
    if let known = regulars.clients.withLock({ $0[caller] }) { return known }
    let new = try client(caller)
    return regulars.clients.withLock { clients in
      let client = clients[caller] ?? new
      clients[caller] = client
      return client
    }
  }

  /// A caller's connections.
  func client(_ caller: ServiceName) throws -> TransportClient {
    TransportClient(
      credentials: try MeshCredentials(
        authority.credentials(for: caller, at: clock.now()), clock: clock), group: group)
  }

  /// A token as the gateway would issue it for this request; `signer` shows what another service's signature is worth.
  func token(
    for body: String, target: String = "/v1/payments", signer: ServiceName = "gateway",
    purpose: String = "payment.create", scopes: Set<Scope> = [Scope("payments:create")!],
    presenters: Set<ServiceName> = ["gateway", "greeter"], client: String = "app",
    origin: TokenOrigin = TokenOrigin(),
    issuedAt: Instant? = nil, correlation: CorrelationID
  ) throws -> String {
    let credentials = try MeshCredentials(
      authority.credentials(for: signer, at: clock.now()), clock: clock)
    return try TransactionTokenIssuer(credentials: credentials).sign(
      TransactionToken(
        id: TransactionID(at: clock.now(), random: Randomness.system.bits128()),
        subject: Self.person,
        clientID: client, scopes: scopes, purpose: purpose, correlation: correlation,
        method: "POST", target: target, bodyDigest: IdempotencyClaimDigest.sha256(body),
        context: [:], presenters: presenters, origin: origin,
        issuedAt: issuedAt ?? clock.now()))
  }

  func close() async {
    await process.drain()
    place.remove()
  }
}

final class Lines: Sendable {
  private let bytes = Mutex<[UInt8]>([])
  func append(_ more: [UInt8]) { bytes.withLock { $0 += more } }
  var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
}
