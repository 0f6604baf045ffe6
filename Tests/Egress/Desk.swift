import Charters
import Chassis
import Egress
import EgressAPI
import HTTPLine
import NIOCore
import NIOHTTP1
import NIOPosix
import OutsideReach
import Synchronization
import TestKit
import Vocabulary

extension Instant {
  static var now: Instant { Clock.system.now() }
}

extension OutsideServer {
  /// Answers by the path.
  @Sendable static func clerk(_ heard: Heard) -> Manner {
    switch heard.head.uri {
    case "/redirect":
      .answer(LineAnswer(status: 302, headers: ["location": "https://169.254.169.254/latest/"]))
    case "/large":
      .answer(LineAnswer(status: 200, body: ByteBuffer(repeating: 0x78, count: (1 << 20) + 1)))
    case "/most":
      .answer(LineAnswer(status: 200, body: ByteBuffer(repeating: 0x78, count: 1 << 20)))
    case "/never": .silence
    case "/drop": .drop
    case "/secret":
      .answer(
        LineAnswer(
          status: 200, headers: ["set-cookie": "a=b", "x-internal": "1", "etag": "\"7\""],
          body: ByteBuffer(string: "{}")))
    default:
      .answer(
        LineAnswer(
          status: 200, headers: ["content-type": "text/plain"],
          body: ByteBuffer(string: "\(heard.head.method) \(heard.body)")))
    }
  }
}

/// A desk with a charter that names what a test says, and a resolver that says what a test wants.
struct Desk: Sendable {
  final class Records: Sendable {
    private let kept = Mutex<[FetchDesk.Account]>([])
    func keep(_ account: FetchDesk.Account) { kept.withLock { $0.append(account) } }
    var all: [FetchDesk.Account] { kept.withLock { $0 } }
  }

  let desk: FetchDesk
  let records = Records()

  /// - Parameter egress: YAML of the caller's destinations.
  init(
    egress: String, authority: OwnAuthority? = nil, timeMax: Duration = .seconds(10),
    atOnceMax: Int = 16, perSecond: Int = 1_000, goesAnywhere: Bool = false,
    lookup: @escaping @Sendable (String) async throws -> [IPAddress] = { _ in [] }
  ) throws {
    let records = records
    desk = FetchDesk(
      try Self.charters(egress), lookup: NameLookup(lookup),
      group: MultiThreadedEventLoopGroup.singleton,
      dialler: OutsideDialler(
        group: MultiThreadedEventLoopGroup.singleton, authorityFile: authority?.file,
        answerBytesMax: 1 << 20),
      clock: .system, timeMax: timeMax,
      shares: CallerShares(atOnceMax: atOnceMax, perSecond: perSecond), goesAnywhere: goesAnywhere
    ) { records.keep($0) }
  }

  private static func charters(_ egress: String) throws -> CharterSet {
    let limits = "limits: {memory_mib: 64, open_files: 64, connections: 8}"
    let wayOut = """
      apiVersion: strongroom/v1
      service: egress
      summary: The way out.
      port: 7108
      role: outside
      operations: [{id: fetch, method: POST, path: /v1/fetches, callers: [every-service]}]
      \(limits)
      """
    func caller(_ name: String, _ port: Int, _ egress: String) -> CharterFile {
      CharterFile(
        name: "\(name).yaml",
        text: """
          apiVersion: strongroom/v1
          service: \(name)
          summary: Asks.
          port: \(port)
          calls: [{service: egress, operations: [fetch]}]
          egress: [\(egress)]
          \(limits)
          """)
    }
    return try CharterSet.load([
      CharterFile(name: "egress.yaml", text: wayOut), caller("loans", 7_112, egress),
      caller("cards", 7_113, ""),
    ])
  }

  func fetch(
    _ url: String, _ method: FetchRequest.Method = .get, fields: [HTTPField] = [],
    body: String? = nil, as caller: ServiceName = "loans", within span: Duration = .seconds(20)
  ) async throws -> FetchAnswer {
    try await desk.fetch(
      FetchRequest(method, url, fields: fields, body: body), for: caller,
      correlation: CorrelationID(bits: 7)!,  // Not zero.
      by: Deadline(.now + span))
  }

  /// The slug of the refusal; nil for an answer.
  func refusal(
    _ url: String, _ method: FetchRequest.Method = .get, fields: [HTTPField] = [],
    body: String? = nil, as caller: ServiceName = "loans", within span: Duration = .seconds(20)
  ) async throws -> String? {
    do {
      _ = try await fetch(url, method, fields: fields, body: body, as: caller, within: span)
      return nil
    } catch let refusal as any Refusal {
      return refusal.problem.slug
    }
  }
}
