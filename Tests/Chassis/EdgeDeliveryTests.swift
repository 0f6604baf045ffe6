import Chassis
import NIOPosix
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Testing
import Vocabulary

private struct News: Codable, Hashable, Sendable {
  let word: String
}
private let hear = Operation<News, Nothing>("hear", of: "reader", .post, "/v1/news")

/// Takes what others send from their outboxes, and says what it wants to say of it.
private struct Reader: Service {
  static let name: ServiceName = "reader"
  let desk = Desk()
  init(_ context: ServiceContext) async throws {}

  struct Heard: Hashable, Sendable {
    let word: String
    let key: String?
    let correlation: CorrelationID
  }
  final class Desk: Sendable {
    private let heard = Mutex<[Heard]>([])
    private let isBusy = Mutex(true)
    var all: [Heard] { heard.withLock { $0 } }
    func take(_ new: Heard) { heard.withLock { $0.append(new) } }
    func isBusyOnce() -> Bool {
      isBusy.withLock { busy in
        defer { busy = false }
        return busy
      }
    }
  }

  var operations: [String: Handler] {
    [
      hear.id: { [desk] call in
        let news = try call.decode(News.self)
        guard news.word != "wrong" else { throw Problem("not-so", 422, "Not so", kind: .refused) }
        guard news.word != "later" || !desk.isBusyOnce() else { throw Problem.unavailable() }
        desk.take(
          Heard(
            word: news.word, key: call.idempotency?.key.description, correlation: call.correlation))
        return .empty()
      }
    ]
  }
}

/// Has a charter that says what it sends from its outbox, and no line of code about it.
private struct Herald: Service {
  static let name: ServiceName = "herald"
  let rung = Counter()
  init(_ context: ServiceContext) async throws {}
  var operations: [String: Handler] { [:] }
  var rounds: [Round] {
    [Round(every: .milliseconds(5), or: "the bell does not ring") { [rung] in try rung.ring() }]
  }

  final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    /// The second time it goes wrong.
    func ring() throws {
      let now = count.withLock { count -> Int in
        count += 1
        return count
      }
      guard now != 2 else { throw Problem.unavailable() }
    }
  }
}

private struct Town {
  let place: TestHome
  let authority: MeshAuthority
  let herald: ServiceProcess<Herald>

  init() async throws {
    func charter(_ name: String, _ port: Int, _ operations: String, _ calls: String) -> String {
      """
      apiVersion: strongroom/v1
      service: \(name)
      summary: A neighbour.
      port: \(port)
      operations: [\(operations)]
      calls: [\(calls)]
      limits: {memory_mib: 64, open_files: 256, connections: 64}
      """
    }
    place = try TestHome(charters: [
      "reader.yaml": charter(
        "reader", 7_001,
        "{id: hear, method: POST, path: /v1/news, callers: [every-service], idempotency: key}", ""),
      "herald.yaml": charter(
        "herald", 7_002, "", "{service: reader, operations: [hear], delivery: outbox}"),
    ])
    authority = try MeshAuthority(at: Clock.system.now() - .seconds(60))
    herald = try await Self.start(Herald.self, at: place, authority)
  }

  func open() async throws -> ServiceProcess<Reader> {
    try await Self.start(Reader.self, at: place, authority)
  }

  private static func start<Subject: Service>(
    _ type: Subject.Type, at place: TestHome, _ authority: MeshAuthority
  ) async throws -> ServiceProcess<Subject> {
    let log = Log(service: Subject.name, sink: LogSink { _ in }, clock: .system)
    return try await ServiceProcess.start(
      type, home: place.home, group: MultiThreadedEventLoopGroup.singleton, log: log,
      clock: .system, randomness: .system, credentials: .issued(by: authority))
  }

  func send(_ word: String, id: String, correlation: CorrelationID? = nil) async throws {
    let message = try OutboxMessage(
      hear, News(word: word), id: id, correlation: correlation, at: Clock.system.now())
    try await herald.context.store.write { $0.append(message) }
  }

  func wait(until isSo: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<400 {
      if try await isSo() { return true }
      try await Task.sleep(for: .milliseconds(25))
    }
    return false
  }
}

@Suite struct `What a charter sends from its outbox` {
  @Test func `waits until the receiver is there, and comes in order, under its own id`()
    async throws
  {
    let town = try await Town()
    let correlation = try #require(CorrelationID(bits: 0xabc))
    for number in 1...5 {
      try await town.send(
        number == 3 ? "later" : "word \(number)", id: "news-\(number)", correlation: correlation)
    }
    let reader = try await town.open()
    #expect(try await town.wait { reader.service.desk.all.count == 5 })
    let heard = reader.service.desk.all
    #expect(heard.map(\.word) == ["word 1", "word 2", "later", "word 4", "word 5"])
    #expect(heard.map(\.key) == (1...5).map { "news-\($0)" })
    #expect(heard.allSatisfy { $0.correlation == correlation })
    #expect(
      try await town.wait {
        try await town.herald.context.outbox.batch(of: "reader.hear").messages.isEmpty
      })
    await reader.drain()
    await town.herald.drain()
    town.place.remove()
  }

  @Test func `is set aside where the receiver says no for ever, and what is behind it goes on`()
    async throws
  {
    let town = try await Town()
    let reader = try await town.open()
    try await town.send("first", id: "1")
    try await town.send("wrong", id: "2")
    try await town.send("last", id: "3")
    #expect(try await town.wait { reader.service.desk.all.count == 2 })
    #expect(reader.service.desk.all.map(\.word) == ["first", "last"])
    // The receiver has them before the sender has noted that.
    #expect(
      try await town.wait {
        try await town.herald.context.outbox.batch(of: "reader.hear").messages.isEmpty
      })
    let aside = try await town.herald.context.store.read { snapshot in
      try snapshot.rows("SELECT id, reason FROM outbox_refused").map {
        try [$0.text("id"), $0.text("reason")]
      }
    }
    #expect(aside == [["2", "not-so"]])
    await reader.drain()
    await town.herald.drain()
    town.place.remove()
  }

  @Test func `and what a service does in rounds, the chassis does for it until the drain`()
    async throws
  {
    let town = try await Town()
    // One that goes wrong ends nothing.
    #expect(try await town.wait { town.herald.service.rung.value > 3 })
    await town.herald.drain()
    let last = town.herald.service.rung.value
    try await Task.sleep(for: .milliseconds(50))
    #expect(town.herald.service.rung.value == last)
    town.place.remove()
  }
}
