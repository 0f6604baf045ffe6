import Audit
import AuditAPI
import AuthorityAPI
import Chassis
import Foundation
import NIOCore
import NIOPosix
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Tokens
import Transport
import Vocabulary
import WorkloadIdentity

/// The real service behind real mutual TLS on the loopback, with the certificates of a test
/// authority.
final class AuditHouse: Sendable {
  // A class: it ends the processes and removes the directory.
  let home: Home
  let audit: ServiceProcess<AuditService>
  private let keeper: ServiceProcess<KeyKeeper>
  private let mesh: MeshAuthority
  private let group: MultiThreadedEventLoopGroup
  private let clients = Mutex<[ServiceName: TransportClient]>([:])
  private let port: Int

  static let trustDomain = "strongroom.test"

  /// - Parameter log: for a second life on the same data.
  static func start() async throws -> AuditHouse {
    let home = Home(
      FileManager.default.temporaryDirectory.appending(path: "house-\(UUID().uuidString)").path)
    let offset = try TestPorts.offset()
    try lay(home, offset: offset)
    let now = Clock.system.now()
    let mesh = try MeshAuthority(trustDomain: trustDomain, at: now)
    return try await AuditHouse(home: home, mesh: mesh, offset: offset)
  }

  private init(home: Home, mesh: MeshAuthority, offset: Int) async throws {
    self.home = home
    self.mesh = mesh
    port = 7_106 + offset
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let source = CredentialsSource { means in
      CredentialsFeed(
        first: try mesh.credentials(for: means.service, at: means.clock.now()),
        updates: AsyncStream { $0.finish() })
    }
    func log(_ service: ServiceName) -> Log {
      Log(service: service, sink: LogSink(output: { _ in }), clock: .system)
    }
    keeper = try await ServiceProcess.start(
      KeyKeeper.self, home: home, group: group, log: log("authority"), clock: .system,
      randomness: .system, credentials: source)
    audit = try await ServiceProcess.start(
      AuditService.self, home: home, group: group, log: log("audit"), clock: .system,
      randomness: .system, credentials: source)
  }

  func stop() async throws {
    await audit.drain()
    await keeper.drain()
    clients.withLock { $0 = [:] }
    try? FileManager.default.removeItem(atPath: home.path)
  }

  /// One request by a workload; the answer as it came over the wire.
  func ask(
    as caller: ServiceName, _ method: String, _ target: String, _ body: [UInt8] = []
  ) async throws -> WireResponse {
    let now = Clock.system.now()
    let client = try clients.withLock { clients in
      if let known = clients[caller] { return known }
      let credentials = try MeshCredentials(
        mesh.credentials(for: caller, at: now), clock: .system)
      let made = TransportClient(credentials: credentials, group: group)
      clients[caller] = made
      return made
    }
    guard let id = SpiffeID(trustDomain: Self.trustDomain, service: "audit") else {
      throw Problem.defect
    }
    var headers = Headers()
    if !body.isEmpty { headers.add("content-type", "application/json") }
    return try await client.send(
      WireRequest(
        method: method, target: target, headers: headers, body: ByteBuffer(bytes: body)),
      to: ServiceEndpoint(id: id, host: "127.0.0.1", port: port),
      by: Deadline(now + .seconds(20)), isRepeatable: true)
  }

  func append(as caller: ServiceName, _ records: [AuditRecord]) async throws -> RecordsAppended {
    let body = try StrictJSON.encode(AppendRecords(records: records))
    let answer = try await ask(as: caller, "POST", "/v1/records", body)
    guard answer.status == 200 else { throw Refused(status: answer.status, body: answer.bytes) }
    return try StrictJSON.decode(RecordsAppended.self, from: answer.bytes)
  }

  func get<T: Decodable>(_ type: T.Type, _ target: String) async throws -> T {
    let answer = try await ask(as: "operator", "GET", target)
    guard answer.status == 200 else { throw Refused(status: answer.status, body: answer.bytes) }
    return try StrictJSON.decode(type, from: answer.bytes)
  }

  /// Waits until a checkpoint covers so many records.
  func covered(_ size: Int64) async throws -> PublishedCheckpoint {
    for _ in 0..<200 {
      let checkpoint = try await get(PublishedCheckpoint.self, "/v1/checkpoint")
      if checkpoint.size >= size { return checkpoint }
      try await Task.sleep(for: .milliseconds(25))
    }
    throw Problem.deadlineExceeded
  }

  struct Refused: Error {
    let status: Int
    let body: [UInt8]
    var slug: String? {
      (try? JSON.parse(body))?["type"]?.string?.split(separator: ":").last.map(String.init)
    }
  }

  private static func lay(_ home: Home, offset: Int) throws {
    let files = FileManager.default
    for folder in [home.chartersFolder, "\(home.path)/data"] {
      try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try TestPolicies.settle(home)
    let checkout = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    let charter = try String(
      contentsOf: checkout.appending(path: "Sources/Services/Audit/charter.yaml"), encoding: .utf8)
    let classes = try Data(contentsOf: checkout.appending(path: "Charters/data-classes.yaml"))
    try classes.write(to: URL(filePath: "\(home.chartersFolder)/data-classes.yaml"))
    // The real charter, with the callers that take part in this test.
    let callers = "callers: [gateway, identity, customers, ledger, payments, authority, operator]"
    let texts = [
      "audit": charter.replacing(
        callers, with: "callers: [ledger, payments, operator]"
      ).replacing(", listRevocations]", with: "]"),
      "authority": """
      apiVersion: strongroom/v1
      service: authority
      summary: Gives one sealing key, for the test.
      port: 7101
      operations:
        - id: getSealingKeyring
          method: POST
          path: /v1/sealing-keyring
          callers: [audit]
          idempotency: natural
        - id: reportSealingVersions
          method: POST
          path: /v1/sealing-keyring/uses
          callers: [audit]
          idempotency: natural
      limits: {memory_mib: 64, open_files: 256, connections: 64}

      """,
      "payments": caller("payments", port: 7_105), "ledger": caller("ledger", port: 7_104),
      "operator": """
      apiVersion: strongroom/v1
      service: operator
      summary: The person at the machine.
      calls:
        - service: audit
          operations:
            - appendRecords
            - findRecords
            - getCheckpoint
            - getTile
            - getInclusionProof
            - getConsistencyProof
            - getReceipt

      """,
    ]
    var platform = Platform(trustDomain: trustDomain, portOffset: offset)
    try platform.placeStores(of: texts)
    try Data(StrictJSON.encode(platform)).write(to: URL(filePath: home.platformFile))
    for (name, text) in texts {
      try Data(text.utf8).write(to: URL(filePath: "\(home.chartersFolder)/\(name).yaml"))
    }
  }

  private static func caller(_ name: String, port: Int) -> String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: Appends records.
    port: \(port)
    calls:
      - {service: audit, operations: [appendRecords]}
    limits: {memory_mib: 64, open_files: 256, connections: 64}

    """
  }
}

extension WireResponse {
  var bytes: [UInt8] { Array(body.readableBytesView) }
}

/// Gives the audit service its keyring; the authority's own attestation is tested with the
/// authority.
private struct KeyKeeper: Service {
  static let name: ServiceName = "authority"
  init(_ context: ServiceContext) async throws {}
  var auditSink: AuditSink? { { _ in } }
  var operations: [String: Handler] {
    [
      AuthorityOperations.getSealingKeyring.id: { _ in
        let key = Base64URL.encode([UInt8](repeating: 5, count: 32))
        return try .json(
          200, SealingKeyring(current: 1, keys: [SealingKeyVersion(version: 1, key: key)]))
      },
      // There is one version, so nobody has anything to report.
      AuthorityOperations.reportSealingVersions.id: { _ in throw Problem.notFound },
    ]
  }
}
