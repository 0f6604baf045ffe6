import AuditAPI
import Authority
import AuthorityAPI
import Chassis
import Crypto
import Foundation
import NIOCore
import NIOPosix
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Transport
import Vocabulary
import Workload
import WorkloadIdentity

/// The real authority on a real socket and port, and this process under changing names.
struct Chancery {
  let place: TestHome
  let process: ServiceProcess<AuthorityService>
  let clock: Clock
  private let ahead: Shift
  let log: Log

  /// A clock that can be pushed forward.
  final class Shift: Sendable {
    private let span = Mutex(Duration.zero)
    var value: Duration { span.withLock { $0 } }
    func push(_ more: Duration) { span.withLock { $0 += more } }
  }

  init(in place: TestHome? = nil) async throws {
    let place = try place ?? TestHome(charters: Self.charters())
    self.place = place
    let ahead = Shift()
    self.ahead = ahead
    clock = Clock { Clock.system.now() + ahead.value }
    log = Log(service: "authority", sink: LogSink { _ in }, clock: clock)
    process = try await ServiceProcess.start(
      AuthorityService.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: log, clock: clock, randomness: .system)
  }

  /// The store is free again when the last connection of its former life has gone.
  static func reopened(_ place: TestHome) async throws -> Chancery {
    for _ in 0..<100 {
      do {
        return try await Chancery(in: place)
      } catch is StoreError {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    return try await Chancery(in: place)
  }

  func push(_ span: Duration) { ahead.push(span) }

  /// The launcher's word that this process is `service`; takes back what it said before.
  func name(_ service: ServiceName?) throws {
    let files = FileManager.default
    for file in try files.contentsOfDirectory(atPath: place.home.launchFolder) {
      try files.removeItem(atPath: "\(place.home.launchFolder)/\(file)")
    }
    guard let service else { return }
    let executable = try files.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let digest = hexText(SHA256.hash(data: try Data(contentsOf: URL(filePath: executable))))
    let stat = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8)
    let ticks = (stat.split(separator: ")").last?.split(separator: " ") ?? [])[19]
    let text = """
      {"service":"\(service)","pid":\(getpid()),"pid_start_ticks":\(ticks),\
      "executable":"\(executable)","sha256":"\(digest)","uid":\(getuid()),\
      "started_at":"2026-11-21T08:00:00.000000Z"}
      """
    let path = "\(place.home.launchFolder)/\(service).json"
    try Data(text.utf8).write(to: URL(filePath: path))
    chmod(path, 0o600)
  }

  func source(as service: ServiceName) async throws -> WorkloadSource {
    try name(service)
    return try await WorkloadSource.connect(socket: place.home.workloadSocket, log: log)
  }

  func call(
    _ method: String, _ target: String, _ body: String = "", as service: ServiceName
  ) async throws -> (status: Int, body: [UInt8]) {
    let source = try await source(as: service)
    defer { source.close() }
    let client = TransportClient(
      credentials: try MeshCredentials(source.current, clock: clock),
      group: MultiThreadedEventLoopGroup.singleton)
    let endpoint = try #require(process.context.endpoint(of: "authority"))
    let answer = try await client.send(
      WireRequest(
        method: method, target: target, headers: Headers(), body: ByteBuffer(string: body)),
      to: endpoint, by: Deadline(clock.now() + .seconds(5)), isRepeatable: false)
    return (answer.status, Array(answer.body.readableBytesView))
  }

  /// A standing line of one service to the authority, for many calls: each new one takes identities of our allowance.
  func line(as service: ServiceName) async throws -> Line {
    let source = try await source(as: service)
    defer { source.close() }
    return Line(
      client: TransportClient(
        credentials: try MeshCredentials(source.current, clock: clock),
        group: MultiThreadedEventLoopGroup.singleton),
      endpoint: try #require(process.context.endpoint(of: "authority")), clock: clock)
  }

  struct Line {
    let client: TransportClient
    let endpoint: ServiceEndpoint
    let clock: Clock

    func call(_ target: String, _ body: String = "") async throws -> (status: Int, body: [UInt8]) {
      let answer = try await client.send(
        WireRequest(
          method: "POST", target: target, headers: Headers(), body: ByteBuffer(string: body)),
        to: endpoint, by: Deadline(clock.now() + .seconds(5)), isRepeatable: false)
      return (answer.status, Array(answer.body.readableBytesView))
    }

    func keyring(_ target: String = "/v1/sealing-keyring", _ body: String = "") async throws
      -> SealingKeyring
    {
      let answer = try await call(target, body)
      #expect(answer.status == 200)
      return try StrictJSON.decode(SealingKeyring.self, from: answer.body)
    }
  }

  func keyring(of service: ServiceName) async throws -> SealingKeyring {
    let answer = try await call("POST", "/v1/sealing-keyring", as: service)
    #expect(answer.status == 200)
    return try StrictJSON.decode(SealingKeyring.self, from: answer.body)
  }

  func records() async throws -> [AuditRecord] {
    try await process.context.outbox.batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }
  }

  func close(keepHome: Bool = false) async {
    await process.drain()
    if !keepHome { place.remove() }
  }

  /// - Parameter outside: secrets of the outside that the charter of customers names; one or more.
  static func charters(outside: [String] = ["mail-password"]) throws -> [String: String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let own = "\(root)/Sources/Services/Authority/charter.yaml"
    var charters = [
      "authority.yaml": try String(contentsOfFile: own, encoding: .utf8),
      "data-classes.yaml": try String(
        contentsOfFile: "\(root)/Charters/data-classes.yaml", encoding: .utf8),
      "operator.yaml": """
      apiVersion: strongroom/v1
      service: operator
      summary: The person at the machine.
      calls:
        - service: authority
          operations: [rotateIssuer, rotateTrustRoot, rotateSealingKey, getTrustBundle, setSecret, listSecrets, removeSecret]
      """,
    ]
    let sealing = "getSealingKeyring, reportSealingVersions"
    let keyring = "sealing-keyring"
    let edges = [
      ("identity", 7102, "\(sealing), listRevocations, publishRevocations", keyring),
      (
        "customers", 7103, "\(sealing), listRevocations, handOverSecrets",
        "\(keyring), \(outside.joined(separator: ", "))"
      ),
      ("audit", 7106, "\(sealing), listRevocations", keyring),
      ("gateway", 7100, "issueEdgeCertificate, listRevocations", "edge-certificate"),
      ("ledger", 7104, "listRevocations", ""),
      ("payments", 7105, "\(sealing), listRevocations", keyring),
    ]
    for (service, port, operation, secrets) in edges {
      let offered =
        "{id: appendRecords, method: POST, path: /v1/records, callers: [authority], idempotency: natural}"
      charters["\(service).yaml"] = """
        apiVersion: strongroom/v1
        service: \(service)
        summary: Calls the authority.
        port: \(port)
        operations: [\(service == "audit" ? offered : "")]
        calls: [{service: authority, operations: [\(operation)]}]
        egress: []
        data: []
        secrets: [\(secrets)]
        limits: {memory_mib: 64, open_files: 256, connections: 64}
        """
    }
    return charters
  }
}
