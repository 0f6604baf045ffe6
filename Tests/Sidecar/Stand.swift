import AuditAPI
import Charters
import Chassis
import Crypto
import Foundation
import NIOCore
import NIOPosix
import Sidecar
import Storage
import StrictJSON
import Telemetry
import TestKit
import Transport
import Vocabulary
import WorkloadIdentity

/// A stand-in for the customers: one operation, which a person's token opens.
struct People: Service {
  static let name: ServiceName = "customers"
  init(_ context: ServiceContext) async throws {}
  var operations: [String: Handler] {
    [
      "getMe": { call in
        let name = Stand.names[call.transaction?.subject ?? ""]
        guard let name else { throw Problem.forbidden }
        return try .json(200, ["given_name": name])
      }
    ]
  }
}

/// The real sidecar on a real port, a callee, and a real Python process; certificates from a test's own
/// authority. What confines the program is the launcher's, and tried in Tests/Flows.
final class Stand: Sendable {
  static let checkout = #filePath.components(separatedBy: "/Tests/Sidecar/").first ?? "."
  static let example = "\(checkout)/Examples/greeter"
  /// People by reference, as tokens name them.
  static let ada = "018f3f6e-0000-7000-8000-0000000000ad"
  static let grace = "018f3f6e-0000-7000-8000-00000000009a"
  static let names = [ada: "Ada", grace: "Grace"]

  let place: TestHome
  let sidecar: ServiceProcess<SidecarService>
  let people: ServiceProcess<People>
  private let authority: MeshAuthority
  private let clock = Clock.system
  private let group = MultiThreadedEventLoopGroup.singleton

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: URL(filePath: "\(checkout)/\(path)"), encoding: .utf8)
  }

  /// The example's own charter and grants, and around it as little as holds together.
  static func charters() throws -> [CharterFile] {
    func other(_ name: String, port: Int, _ rest: String) -> String {
      """
      {apiVersion: strongroom/v1, service: \(name), summary: Stands in., port: \(port),
       limits: {memory_mib: 64, open_files: 256, connections: 64}, \(rest)}
      """
    }
    let texts = [
      "greeter.yaml": try text("Examples/greeter/charter.yaml"),
      "greeter.grants.yaml": try text("Examples/greeter/grants.yaml"),
      "data-classes.yaml": try text("Charters/data-classes.yaml"),
      "gateway.yaml": other(
        "gateway", port: 7002,
        "role: door, calls: [{service: customers, operations: [getMe]}]"),
      "customers.yaml": other(
        "customers", port: 7003,
        """
        operations: [{id: getMe, method: GET, path: /v1/me, callers: [gateway], public: true,
         scopes: ["profile:read"], purpose: profile.read}],
        calls: [{service: audit, operations: [appendRecords], delivery: outbox}]
        """),
      "audit.yaml": other(
        "audit", port: 7004,
        """
        operations: [{id: appendRecords, method: POST, path: /v1/records, callers: [customers], idempotency: natural}]
        """),
    ]
    return texts.map { CharterFile(name: $0.key, text: $0.value) }
  }

  init() async throws {
    let texts = try Self.charters().map { ($0.name, $0.text) }
    place = try TestHome(charters: Dictionary(texts, uniquingKeysWith: { $1 }))
    let folder = place.home.programFolder(of: "greeter")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    authority = try MeshAuthority(at: clock.now() - .seconds(60))
    let log = Log(service: "greeter", sink: LogSink { _ in }, clock: clock)
    people = try await ServiceProcess.start(
      People.self, home: place.home, group: group, log: log, clock: clock, randomness: .system,
      credentials: .issued(by: authority))
    sidecar = try await ServiceProcess.start(
      SidecarService.self, as: "greeter", home: place.home, group: group, log: log, clock: clock,
      randomness: .system, credentials: .issued(by: authority))
  }

  /// Starts a program; the example, or this text beside a copy of the example named `greeter.py`.
  func program(_ text: String? = nil) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    var folder = Self.example
    if let text {
      folder = "\(place.home.path)/code"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: "\(Self.example)/service.py", toPath: "\(folder)/greeter.py")
      try Data(text.utf8).write(to: URL(filePath: "\(folder)/service.py"))
    }
    let home = place.home
    process.arguments = ["-B", "service.py"]
    process.currentDirectoryURL = URL(filePath: folder)
    process.environment = [
      "STRONGROOM_SERVICE": "greeter", "STRONGROOM_SERVE": home.serveSocket(of: "greeter"),
      "STRONGROOM_CALL": home.callSocket(of: "greeter"),
      "HOME": home.programFolder(of: "greeter"),
    ]
    unlink(home.serveSocket(of: "greeter"))
    try process.run()
    return process
  }

  /// Whether the sidecar says so within five seconds.
  func becomesReady() async throws -> Bool {
    for _ in 0..<100 {
      if await sidecar.service.isReady { return true }
      try await Task.sleep(for: .milliseconds(50))
    }
    return false
  }

  /// A request as the gateway sends it, with a person's token where `purpose` is given.
  func send(
    _ method: String, _ target: String, body: String = "", purpose: String? = "profile.read",
    subject: String = Stand.ada, headers more: Headers = [:]
  ) async throws -> WireResponse {
    let credentials = try MeshCredentials(
      authority.credentials(for: "gateway", at: clock.now()), clock: clock)
    guard let correlation = CorrelationID(bits: Randomness.system.bits128()),
      let endpoint = sidecar.context.endpoint(of: "greeter"), let scope = Scope("profile:read")
    else { throw Problem.defect }
    var headers = more
    headers.set(Header.correlation, "\(correlation)")
    if let purpose {
      let token = TransactionToken(
        id: TransactionID(at: clock.now(), random: Randomness.system.bits128()),
        subject: subject, clientID: "app", scopes: [scope], purpose: purpose,
        correlation: correlation, method: method, target: target,
        bodyDigest: Array(SHA256.hash(data: Array(body.utf8))), context: [:],
        presenters: ["gateway", "greeter", "customers"], issuedAt: clock.now())
      headers.set(
        Header.transactionToken, try TransactionTokenIssuer(credentials: credentials).sign(token))
    }
    return try await TransportClient(credentials: credentials, group: group).send(
      WireRequest(
        method: method, target: target, headers: headers, body: ByteBuffer(string: body)),
      to: endpoint, by: Deadline(clock.now() + .seconds(8)), isRepeatable: false)
  }

  /// The records that wait in a service's outbox.
  func records(_ context: ServiceContext) async throws -> [AuditRecord] {
    try await context.outbox.batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }
  }

  func close() async {
    await sidecar.drain()
    await people.drain()
    place.remove()
  }
}

extension WireResponse {
  var json: JSON? { try? JSON.parse(Array(body.readableBytesView)) }
  var slug: String? {
    json?["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.count)) }
  }
}
