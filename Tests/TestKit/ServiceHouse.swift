import AuthorityAPI
package import Chassis
import Charters
import Crypto
import Foundation
import Launcher
import NIOCore
import NIOPosix
import StrictJSON
import Synchronization
import Telemetry
import Tokens
import Transport
package import Vocabulary

/// One service as it runs in production: its store, its charter among the platform's, real sockets, certificates and policies.
/// Beside it stands an authority that gives keys and an empty revocation feed; nobody else runs, so what it sends from its outbox
/// stays there. The test stands where its callers do.
package final class ServiceHouse<Subject: Service>: Sendable {
  package let process: ServiceProcess<Subject>
  /// Who stands between people and the service.
  package let door: ServiceName
  private let place: TestHome
  private let mesh: MeshAuthority
  private let authority: ServiceProcess<HouseAuthority>
  private let lines = Mutex<[ServiceName: TransportClient]>([:])

  /// - Parameter source: a test's own file: the service's charter is in the same tree, below `Sources`.
  package init(source: String = #filePath) async throws {
    place = try TestHome(charters: HouseCharters.texts(around: Subject.name, source: source))
    let mesh = try MeshAuthority(at: Clock.system.now() - .seconds(60))
    self.mesh = mesh
    authority = try await ServiceProcess.start(
      HouseAuthority.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: .silent(HouseAuthority.name), clock: .system, randomness: .system,
      credentials: .issued(by: mesh))
    process = try await ServiceProcess.start(
      Subject.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: .silent(Subject.name), clock: .system, randomness: .system,
      credentials: .issued(by: mesh))
    guard let door = process.context.charters.holder(of: .door) else { throw Problem.defect }
    self.door = door
  }

  package func close() async {
    await process.drain()
    await authority.drain()
    place.remove()
  }

  /// Calls an operation as a workload would.
  /// - Parameters:
  ///   - person: on whose behalf; with the transaction token that the door would make for the request.
  ///   - key: the idempotency key.
  /// - Throws: the `Problem` that the service answers with.
  package func call<Input: Encodable & Sendable, Output: Decodable & Sendable>(
    _ operation: Vocabulary.Operation<Input, Output>, _ input: Input, path: [String: String] = [:],
    as caller: ServiceName, for person: PersonID? = nil, key: String? = nil
  ) async throws -> Output {
    let request = try request(
      operation.id, operation.method,
      PathFilling.fill(operation.path, with: path),
      Input.self == Nothing.self ? [] : StrictJSON.encode(input), person, key)
    guard let endpoint = process.context.endpoint(of: Subject.name) else { throw Problem.defect }
    let answer = try await line(of: caller).send(
      request, to: endpoint, by: Deadline(Clock.system.now() + .seconds(10)), isRepeatable: false)
    let body = Array(answer.body.readableBytesView)
    guard answer.status < 400 else {
      throw Problem(document: try JSON.parse(body), status: answer.status, retryAfterSeconds: nil)
        ?? .defect
    }
    return try StrictJSON.decode(Output.self, from: body)
  }

  private func line(of caller: ServiceName) throws -> TransportClient {
    try lines.withLock { lines in
      if let known = lines[caller] { return known }
      let credentials = try MeshCredentials(
        mesh.credentials(for: caller, at: Clock.system.now()), clock: .system)
      let made = TransportClient(
        credentials: credentials, group: MultiThreadedEventLoopGroup.singleton)
      lines[caller] = made
      return made
    }
  }

  private func request(
    _ operation: String, _ method: HTTPMethod, _ target: String, _ body: [UInt8],
    _ person: PersonID?, _ key: String?
  ) throws -> WireRequest {
    let correlation = process.context.newCorrelation()
    var headers: Headers = [Header.correlation: "\(correlation)"]
    if !body.isEmpty { headers.add("content-type", "application/json") }
    if let key { headers.add(Header.idempotencyKey, key) }
    if let person, let declared = process.context.charter.operation(operation) {
      let now = Clock.system.now()
      let signer = try MeshCredentials(mesh.credentials(for: door, at: now), clock: .system)
      let token = TransactionToken(
        id: TransactionID(at: now, random: Randomness.system.bits128()), subject: "\(person)",
        clientID: "app", scopes: declared.scopes, purpose: declared.purpose ?? "",
        correlation: correlation, method: method.rawValue, target: target,
        bodyDigest: Array(SHA256.hash(data: body)), context: [:],
        presenters: [door, Subject.name], issuedAt: now)
      headers.add(
        Header.transactionToken, try TransactionTokenIssuer(credentials: signer).sign(token))
    }
    return WireRequest(
      method: method.rawValue, target: target, headers: headers, body: ByteBuffer(bytes: body))
  }
}

extension Log {
  fileprivate static func silent(_ service: ServiceName) -> Log {
    Log(service: service, sink: LogSink { _ in }, clock: .system)
  }
}

/// The charters of this checkout, with one service's own among them.
private enum HouseCharters {
  static func texts(around service: ServiceName, source: String) throws -> [String: String] {
    func tree(of file: String) -> String { file.components(separatedBy: "/Tests/")[0] }
    let (checkout, tree) = (tree(of: #filePath), tree(of: source))
    let module = "\(service)".prefix(1).uppercased() + "\(service)".dropFirst()
    let own = "\(tree)/Sources/Services/\(module)"
    var texts: [String: String] = [:]
    for file in try CharterFolder.read(checkout, with: tree == checkout ? [] : [own]) {
      guard let charter = try? Charter.parse(file: file.name, text: file.text) else {
        texts[DataClasses.fileName] = file.text
        continue
      }
      texts["\(charter.service).yaml"] =
        charter.service == service ? file.text : Self.withFile(file.text)
    }
    return texts
  }

  /// Nobody but the service itself needs a store on a server.
  private static func withFile(_ charter: String) -> String {
    charter.replacing(/server: allowed(, writers: many)?/, with: "server: never")
  }
}

/// Gives everybody keys and an empty revocation feed. What the authority does is its own tests' affair.
package struct HouseAuthority: Service {
  package static let name = AuthorityOperations.listRevocations.service
  private let context: ServiceContext

  package init(_ context: ServiceContext) async throws {
    self.context = context
    // The charter is the real one, and charter and code must name the same settings.
    for setting in context.charter.settings { _ = context.settings.number(setting.name) }
  }
  package var auditSink: AuditSink? { { _ in } }

  package var operations: [String: Handler] {
    let context = context
    let keyring: Handler = { _ in
      let key = SealingKeyVersion(
        version: 1, key: Base64URL.encode([UInt8](repeating: 5, count: 32)))
      return try .json(200, SealingKeyring(current: 1, keys: [key]))
    }
    let known: [String: Handler] = [
      AuthorityOperations.getSealingKeyring.id: keyring,
      AuthorityOperations.reportSealingVersions.id: keyring,
      AuthorityOperations.listRevocations.id: { call in
        let after = Int64(try call.integer("after", in: 0...Int.max, default: 0))
        let wait = try call.integer("wait_ms", in: 0...60_000, default: 0)
        try await Task.sleep(for: .milliseconds(min(wait, 500)))
        let now = context.clock.now()
        let extract = RevocationExtract(
          feed: "house", after: after, entries: [], next: after, head: after, asOf: now)
        return try .json(
          200, RevocationSigner(credentials: context.credentials).sign(extract, at: now))
      },
    ]
    let refuse: Handler = { _ in throw Problem.notFound }
    let others = context.charter.operations.map { ($0.id, refuse) }
    return known.merging(others) { own, _ in own }
  }
}
