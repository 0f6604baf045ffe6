import AuditAPI
import Authority
import AuthorityAPI
import Charters
import Chassis
import Foundation
import Launcher
import NIOPosix
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Tokens
import Vocabulary
import Workload

private let mail: SecretName = "mail-password"
private let place = #"{"service":"customers","name":"mail-password"}"#

private func text(_ value: String) -> String {
  #"{"service":"customers","name":"mail-password","value":"\#(Base64URL.encode(Array(value.utf8)))"}"#
}

extension Chancery {
  fileprivate func set(_ value: String) async throws -> SecretStanding {
    let answer = try await call("POST", "/v1/secrets", text(value), as: "operator")
    try #require(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
    return try StrictJSON.decode(SecretStanding.self, from: answer.body)
  }

  fileprivate func handOver(
    _ known: [String: Int], as service: ServiceName = "customers"
  ) async throws -> SecretsGiven {
    let answer = try await call(
      "POST", "/v1/secrets/hand-overs",
      String(decoding: try StrictJSON.encode(SecretsWanted(known: known)), as: UTF8.self),
      as: service)
    try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    return try StrictJSON.decode(SecretsGiven.self, from: answer.body)
  }

  fileprivate func list() async throws -> [SecretList.Entry] {
    let answer = try await call("GET", "/v1/secrets?service=customers", as: "operator")
    return try StrictJSON.decode(SecretList.self, from: answer.body).secrets
  }

  /// What is on record of secrets: outcome, reason, and the rest in the order of its names.
  fileprivate func secretRecords() async throws -> [String] {
    try await records().filter { $0.operation == "secret" }.map { record in
      ([record.outcome] + [record.reason].compactMap { $0 } + ["\(record.caller)"]
        + record.detail.sorted { $0.key < $1.key }.map(\.value)).joined(separator: " ")
    }
  }
}

@Suite(.serialized) struct `A secret of the outside` {
  @Test func `is given to the service whose charter names it, and only what is new`() async throws {
    let chancery = try await Chancery()
    #expect(try await chancery.handOver(["mail-password": 0]).secrets.isEmpty)
    let first = try await chancery.set("correct horse")
    #expect(first == SecretStanding(service: "customers", name: mail, version: 1))
    let given = try await chancery.handOver(["mail-password": 0]).secrets
    #expect(given.map(\.version) == [1])
    #expect(given.first?.value == Base64URL.encode(Array("correct horse".utf8)))
    let known = try await chancery.handOver(["mail-password": 1]).secrets
    #expect(known.map(\.version) == [1] && known.first?.value == nil)
    #expect(try await chancery.set("battery staple").version == 2)
    #expect(try await chancery.handOver(["mail-password": 1]).secrets.first?.value != nil)
    #expect(
      try await chancery.secretRecords() == [
        "set operator mail-password customers 1", "handed-over customers mail-password customers 1",
        "set operator mail-password customers 2", "handed-over customers mail-password customers 2",
      ])
    await chancery.close()
  }

  @Test func `is listed with its version and day, and never with its value`() async throws {
    let chancery = try await Chancery(
      in: try TestHome(charters: Chancery.charters(outside: ["mail-password", "bureau-key"])))
    _ = try await chancery.set("correct horse")
    let entries = try await chancery.list()
    #expect(entries.map { "\($0.name)" } == ["bureau-key", "mail-password"])
    #expect(entries.map(\.version) == [nil, 1] && entries.allSatisfy(\.isNamed))
    #expect(entries[0].setAt == nil && entries[1].setAt != nil)
    let unknown = try await chancery.call("GET", "/v1/secrets?service=nobody", as: "operator")
    #expect(unknown.status == 404)
    await chancery.close()
  }

  @Test func `is gone once it was removed, and its number does not come back`() async throws {
    let chancery = try await Chancery()
    _ = try await chancery.set("correct horse")
    let removed = try await chancery.call("POST", "/v1/secrets/removals", place, as: "operator")
    #expect(removed.status == 200)
    #expect(try await chancery.handOver(["mail-password": 1]).secrets.isEmpty)
    #expect(try await chancery.list().map(\.version) == [nil])
    let again = try await chancery.call("POST", "/v1/secrets/removals", place, as: "operator")
    #expect(again.status == 404)
    #expect(try await chancery.set("battery staple").version == 3)
    await chancery.close()
  }

  @Test func `outlives a restart, sealed, and is given to nobody once no charter names it`()
    async throws
  {
    let place = try TestHome(charters: Chancery.charters())
    try await oneLife(in: place) { _ = try await $0.set("correct horse") }
    try await oneLife(in: place) { chancery in
      let given = try await chancery.handOver(["mail-password": 0]).secrets
      #expect(given.count == 1)
    }
    for name in try FileManager.default.subpathsOfDirectory(atPath: place.home.path) {
      let content = FileManager.default.contents(atPath: "\(place.home.path)/\(name)") ?? Data()
      for word in ["correct horse", Base64URL.encode(Array("correct horse".utf8))] {
        #expect(content.range(of: Data(word.utf8)) == nil, "\(name)")
      }
    }
    for (name, text) in try Chancery.charters(outside: ["bureau-key"]) {
      try Data(text.utf8).write(to: URL(filePath: "\(place.home.chartersFolder)/\(name)"))
    }
    try await oneLife(in: place) { chancery in
      let refused = try await chancery.call(
        "POST", "/v1/secrets/hand-overs", #"{"known":{"mail-password":0}}"#, as: "customers")
      let entries = try await chancery.list()
      #expect(refused.status == 403 && entries.map(\.isNamed) == [true, false])
    }
    place.remove()
  }

  /// The store has one owner, and an authority that is still held somewhere is one.
  private func oneLife(
    in place: TestHome, _ body: (Chancery) async throws -> Void
  ) async throws {
    let chancery = try await Chancery.reopened(place)
    try await body(chancery)
    await chancery.close(keepHome: true)
  }

  @Test(arguments: [
    ("/v1/secrets/hand-overs", #"{"known":{"bureau-key":0}}"#, "customers", 403),
    ("/v1/secrets/hand-overs", #"{"known":{"mail-password":0,"root-key":0}}"#, "customers", 403),
    ("/v1/secrets/hand-overs", #"{"known":{"sealing-keyring":0}}"#, "customers", 403),
    ("/v1/secrets/hand-overs", #"{"known":{"mail-password":0}}"#, "payments", 403),
    ("/v1/secrets", text("x"), "customers", 403),
    ("/v1/secrets", text(""), "operator", 400),
    ("/v1/secrets", text(String(repeating: "x", count: 16_385)), "operator", 400),
    (
      "/v1/secrets", #"{"service":"customers","name":"mail-password","value":"x y"}"#, "operator",
      400
    ),
    ("/v1/secrets", #"{"service":"ledger","name":"mail-password","value":"eA"}"#, "operator", 409),
    ("/v1/secrets", #"{"service":"nobody","name":"mail-password","value":"eA"}"#, "operator", 409),
    ("/v1/secrets", #"{"service":"customers","name":"root-key","value":"eA"}"#, "operator", 409),
  ])
  func `is refused to whose charter does not name it, and where it is none`(
    target: String, body: String, caller: String, status: Int
  ) async throws {
    let chancery = try await Chancery()
    let answer = try await chancery.call(
      "POST", target, body, as: try #require(ServiceName(caller)))
    #expect(answer.status == status, "\(String(decoding: answer.body, as: UTF8.self))")
    #expect(try await chancery.list().map(\.version) == [nil])
    await chancery.close()
  }

  @Test func `may be as long as a key with its chain, and its refusal is on record`() async throws {
    let chancery = try await Chancery()
    let longest = String(repeating: "x", count: 16_384)
    #expect(try await chancery.set(longest).version == 1)
    let given = try await chancery.handOver(["mail-password": 0]).secrets.first?.value
    #expect(given == Base64URL.encode(Array(longest.utf8)))
    let refused = try await chancery.call(
      "POST", "/v1/secrets/hand-overs", #"{"known":{"bureau-key":0,"../x":0}}"#, as: "customers")
    #expect(refused.status == 403)
    #expect(
      try await chancery.secretRecords().last
        == "refused secret-not-named customers bureau-key handOverSecrets")
    await chancery.close()
  }
}

/// The charters' edges stand before this; here they are left out.
@Suite(.serialized) struct `Keys of the platform` {
  @Test(arguments: [
    ("/v1/sealing-keyring", "", "sealing-keyring"),
    ("/v1/sealing-keyring/uses", #"{"current":1,"in_use":[1]}"#, "sealing-keyring"),
    (
      "/v1/edge-certificates", #"{"hosts":["localhost"],"addresses":[]}"#, "edge-certificate"
    ),
  ])
  func `are refused to a service whose charter does not name them, on record`(
    target: String, body: String, name: String
  ) async throws {
    let place = try TestHome(
      charters: Chancery.charters(), weakened: [.edgeChecks, .policies])
    let chancery = try await Chancery(in: place)
    let answer = try await chancery.call("POST", target, body, as: "ledger")
    #expect(answer.status == 403)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("secret-not-named"))
    let last = try await chancery.secretRecords().last
    #expect(last?.hasPrefix("refused secret-not-named ledger \(name) ") == true, "\(last ?? "-")")
    await chancery.close()
  }

  @Test func `are opened by the authority only where its own charter names the root key`()
    async throws
  {
    var charters = try Chancery.charters()
    charters["authority.yaml"] = charters["authority.yaml"]?.replacing(
      "secrets: [root-key]", with: "secrets: []")
    let place = try TestHome(charters: charters)
    await #expect(throws: StartFailure.self) { try await Chancery(in: place) }
    place.remove()
  }
}

/// A service that has nothing but its secrets.
private struct Holder: Service {
  static let name: ServiceName = "customers"
  let context: ServiceContext
  init(_ context: ServiceContext) async throws { self.context = context }
  var operations: [String: Handler] { [:] }

  func secret() -> String? {
    context.secrets.with(mail) { String(decoding: $0, as: UTF8.self) }
  }
}

@Suite(.serialized) struct `A service with secrets` {
  /// What a service logs.
  private final class Lines: Sendable {
    private final class Kept: Sendable { let bytes = Mutex<[UInt8]>([]) }
    private let kept: Kept
    let sink: LogSink
    init() {
      let kept = Kept()
      self.kept = kept
      sink = LogSink { line in kept.bytes.withLock { $0 += line } }
    }
    var text: String {
      sink.flush()
      return kept.bytes.withLock { String(decoding: $0, as: UTF8.self) }
    }
  }

  private func start(_ chancery: Chancery, _ lines: Lines) async throws -> ServiceProcess<Holder> {
    let source = try await chancery.source(as: "customers")
    let credentials = source.current
    source.close()
    return try await ServiceProcess.start(
      Holder.self, home: chancery.place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: Log(service: "customers", sink: lines.sink, clock: chancery.clock),
      clock: chancery.clock, randomness: .system,
      credentials: CredentialsSource { _ in
        CredentialsFeed(first: credentials, updates: AsyncStream { $0.finish() })
      })
  }

  private func waits(for value: String?, in holder: ServiceProcess<Holder>) async throws -> Bool {
    for _ in 0..<150 {
      if holder.service.secret() == value { return true }
      try await Task.sleep(for: .milliseconds(100))
    }
    return false
  }

  @Test func `has them when it starts, and hears of changes without a restart`() async throws {
    let chancery = try await Chancery()
    _ = try await chancery.set("correct horse")
    let lines = Lines()
    let holder = try await start(chancery, lines)
    #expect(holder.service.secret() == "correct horse")
    #expect(holder.context.secrets.version(of: mail) == 1)
    _ = try await chancery.set("battery staple")
    #expect(try await waits(for: "battery staple", in: holder))
    _ = try await chancery.call("POST", "/v1/secrets/removals", place, as: "operator")
    #expect(try await waits(for: nil, in: holder))
    #expect(lines.text.contains("secrets were taken over"))
    for word in ["correct horse", "battery staple", "Y29ycmVjdC", "YmF0dGVyeS"] {
      #expect(!lines.text.contains(word))
    }
    await holder.drain()
    await chancery.close()
  }

  @Test func `starts without one that is not set, and says so`() async throws {
    let chancery = try await Chancery()
    let lines = Lines()
    let holder = try await start(chancery, lines)
    #expect(holder.service.secret() == nil)
    #expect(lines.text.contains("not set"))
    await holder.drain()
    await chancery.close()
  }
}

@Suite struct `A secret that is typed` {
  /// What comes on standard input, and what of it is the value; nil: refused.
  @Test(arguments: [
    ("word\n", "word"), ("word\r\n", "word"), ("word", "word"), ("two\nlines\n", "two\nlines"),
    ("\n\n", "\n"), ("", nil), ("\n", nil),
    (String(repeating: "x", count: 16_384) + "\r\n", String(repeating: "x", count: 16_384)),
    (String(repeating: "x", count: 16_385), nil),
  ])
  func `is all that came but one line end`(input: String, value: String?) throws {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try pipe.fileHandleForWriting.close()
    let descriptor = pipe.fileHandleForReading.fileDescriptor
    do {
      let secret = try SecretInput.read(from: descriptor)
      #expect(secret.withBytes { String(decoding: $0, as: UTF8.self) } == value)
    } catch {
      #expect(value == nil, "\(error)")
    }
  }
}
