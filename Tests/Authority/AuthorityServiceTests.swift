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
private struct Chancery {
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

  func keyring(of service: ServiceName) async throws -> SealingKeyring {
    let answer = try await call("POST", "/v1/sealing-keyring", as: service)
    #expect(answer.status == 200)
    return try StrictJSON.decode(SealingKeyring.self, from: answer.body)
  }

  func records() async throws -> [AuditRecord] {
    try await process.context.outbox.batch(of: AuditOperations.topic).map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }
  }

  func close(keepHome: Bool = false) async {
    await process.drain()
    if !keepHome { place.remove() }
  }

  static func charters() throws -> [String: String] {
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
          operations: [rotateIssuer, rotateTrustRoot, rotateSealingKey, getTrustBundle]
      """,
    ]
    let edges = [
      ("identity", 7102, "getSealingKeyring"), ("customers", 7103, "getSealingKeyring"),
      ("audit", 7106, "getSealingKeyring"), ("gateway", 7100, "issueEdgeCertificate"),
    ]
    for (service, port, operation) in edges {
      let offered = "{id: appendRecords, method: POST, path: /v1/records, callers: [authority]}"
      charters["\(service).yaml"] = """
        apiVersion: strongroom/v1
        service: \(service)
        summary: Calls the authority.
        port: \(port)
        operations: [\(service == "audit" ? offered : "")]
        calls: [{service: authority, operations: [\(operation)]}]
        egress: []
        data: []
        secrets: []
        limits: {memory_mib: 64, open_files: 256, connections: 64}
        """
    }
    return charters
  }
}

private func eventually(_ condition: @escaping () -> Bool) async throws -> Bool {
  for _ in 0..<500 {
    if condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}

@Suite(.serialized) struct `The authority` {
  @Test func `certifies a launched process, and writes down that it did`() async throws {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "customers")
    let credentials = source.current
    #expect(credentials.svid.id.description == "spiffe://strongroom.test/customers")
    #expect(credentials.svid.notAfter - credentials.svid.notBefore == .seconds(3_600))
    let verified = PeerVerifier(trustDomain: "strongroom.test").verify(
      chain: credentials.svid.chain, bundle: credentials.bundle, at: chancery.clock.now())
    #expect(verified == .success(credentials.svid.id))
    let token = try await source.jwt(audience: ["ledger"])
    #expect(token.split(separator: ".").count == 3)
    let issued = try await chancery.records().filter { $0.outcome == "issued" }
    #expect(issued.map(\.caller) == Array(repeating: "customers", count: issued.count))
    #expect(Set(issued.map(\.operation)) == ["FetchX509SVID", "FetchJWTSVID"])
    source.close()
    await chancery.close()
  }

  @Test func `denies a process that nobody started, and writes it down once`() async throws {
    let chancery = try await Chancery()
    try chancery.name(nil)
    await #expect(throws: WorkloadFailure.denied) {
      _ = try await WorkloadSource.connect(
        socket: chancery.place.home.workloadSocket, log: chancery.log,
        firstFetchMax: .seconds(3))
    }
    let refused = try await chancery.records().filter { $0.outcome == "refused" }
    #expect(refused.map(\.reason) == ["no-record"])
    #expect(refused.first?.detail["pid"] == "\(getpid())")
    await chancery.close()
  }

  @Test func `answers nobody who leaves out the security header`() async throws {
    let chancery = try await Chancery()
    // The socket appears a moment after the service: its own certificate comes first.
    try await chancery.source(as: "customers").close()
    let client = try await GRPCClient.connect(path: chancery.place.home.workloadSocket)
    await #expect(throws: GRPCStatus(code: 3, "security header missing from request")) {
      _ = try await client.call(
        "/SpiffeWorkloadAPI/FetchX509SVID", [], timeout: .seconds(2))
    }
    client.close()
    await chancery.close()
  }

  @Test func `gives each service its own sealing keys, and keeps old versions`() async throws {
    let chancery = try await Chancery()
    let first = try await chancery.keyring(of: "customers")
    #expect(first.current == 1 && first.keys.count == 1)
    let audit = try await chancery.keyring(of: "audit")
    #expect(audit.keys.first?.key != first.keys.first?.key)
    let rotated = try await chancery.call(
      "POST", "/v1/sealing-keyring/rotations", #"{"service":"customers"}"#, as: "operator")
    #expect(rotated.status == 201)
    let second = try await chancery.keyring(of: "customers")
    #expect(second.current == 2 && second.keys.first == first.keys.first)
    #expect(second.keys[1].key != second.keys[0].key)
    let unknown = try await chancery.call(
      "POST", "/v1/sealing-keyring/rotations", #"{"service":"gateway"}"#, as: "operator")
    #expect(unknown.status == 404)
    let refused = try await chancery.call("POST", "/v1/sealing-keyring", as: "gateway")
    #expect(refused.status == 403)
    await chancery.close()
  }

  @Test func `gives the gateway a public certificate under the published edge authority`()
    async throws
  {
    let chancery = try await Chancery()
    let body = #"{"hosts":["localhost"],"addresses":["127.0.0.1","::1"]}"#
    let answer = try await chancery.call("POST", "/v1/edge-certificates", body, as: "gateway")
    #expect(answer.status == 201)
    let issued = try StrictJSON.decode(IssuedEdgeCertificate.self, from: answer.body)
    let published = try String(
      contentsOfFile: chancery.place.home.edgeAuthorityFile, encoding: .utf8)
    #expect(issued.authority == published)
    #expect(issued.privateKey.hasPrefix("-----BEGIN PRIVATE KEY-----"))
    for wrong in [
      #"{"hosts":["localhost"],"addresses":["localhost"]}"#, #"{"hosts":[],"addresses":[]}"#,
      #"{"hosts":["UPPER"],"addresses":[]}"#,
    ] {
      let refused = try await chancery.call("POST", "/v1/edge-certificates", wrong, as: "gateway")
      #expect(refused.status == 400, "\(wrong)")
    }
    await chancery.close()
  }

  @Test func `renews everybody at once when the issuer is replaced`() async throws {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "operator")
    let before = source.current
    let answer = try await chancery.call("POST", "/v1/issuer/rotations", as: "operator")
    #expect(answer.status == 201)
    #expect(try await eventually { source.current.svid.chain[1] != before.svid.chain[1] })
    let now = chancery.clock.now()
    for credentials in [before, source.current] {
      #expect(
        PeerVerifier(trustDomain: "strongroom.test").verify(
          chain: credentials.svid.chain, bundle: source.current.bundle, at: now)
          == .success(before.svid.id))
    }
    source.close()
    await chancery.close()
  }

  @Test func `replaces the root so that at no moment two workloads disbelieve each other`()
    async throws
  {
    let chancery = try await Chancery()
    let source = try await chancery.source(as: "operator")
    let before = source.current
    let answer = try await chancery.call("POST", "/v1/roots/rotations", as: "operator")
    let rotation = try StrictJSON.decode(RotationAnswer.self, from: answer.body)
    #expect(answer.status == 201 && rotation.roots == 2)
    #expect(try await eventually { source.current.bundle.authorities.count == 2 })
    // Published, but not yet in use: who has not heard of it yet still believes everybody.
    let prepared = source.current
    let verifier = PeerVerifier(trustDomain: "strongroom.test")
    #expect(
      verifier.verify(
        chain: prepared.svid.chain, bundle: before.bundle, at: chancery.clock.now())
        == .success(before.svid.id))
    chancery.push(KeySchedule.lead)
    #expect(
      try await eventually {
        verifier.verify(
          chain: source.current.svid.chain, bundle: before.bundle, at: chancery.clock.now())
          == .failure(.noTrustedIssuer)
      })
    for credentials in [before, prepared, source.current] {
      #expect(
        verifier.verify(
          chain: credentials.svid.chain, bundle: source.current.bundle, at: chancery.clock.now())
          == .success(before.svid.id))
    }
    source.close()
    await chancery.close()
  }

  @Test func `comes back with the same roots and keys`() async throws {
    let place = try TestHome(charters: Chancery.charters())
    func firstLife() async throws -> ([[UInt8]], SealingKeyring) {
      let first = try await Chancery(in: place)
      let source = try await first.source(as: "customers")
      let keys = try await first.keyring(of: "customers")
      source.close()
      await first.close(keepHome: true)
      return (source.current.bundle.authorityBytes, keys)
    }
    let (root, keys) = try await firstLife()
    let second = try await Chancery.reopened(place)
    let source = try await second.source(as: "customers")
    #expect(source.current.bundle.authorityBytes == root)
    let again = try await second.keyring(of: "customers")
    #expect(again == keys)
    source.close()
    await second.close()
  }

  @Test func `does not start with a key that others can read, or that is not its own`()
    async throws
  {
    let place = try TestHome(charters: Chancery.charters())
    try await Chancery(in: place).close(keepHome: true)
    let path = place.home.rootKeyFile
    let good = try String(contentsOfFile: path, encoding: .utf8)
    let table: [(String, Int, String)] = [
      (good, 0o644, "can be read by others"), ("00", 0o600, "64 lower-case hex digits"),
      (good + good, 0o600, "too long"),
      (String(repeating: "ab", count: 32), 0o600, "does not open the authority's keys"),
    ]
    for (text, mode, reason) in table {
      try Data(text.utf8).write(to: URL(filePath: path))
      chmod(path, mode_t(mode))
      do {
        let wrong = try await Chancery.reopened(place)
        Issue.record("started although \(reason)")
        await wrong.close(keepHome: true)
      } catch let failure as StartFailure {
        #expect(failure.reason.contains(reason), "\(failure)")
      }
    }
    place.remove()
  }
}
