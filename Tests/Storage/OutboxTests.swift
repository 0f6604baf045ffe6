import Storage
import Synchronization
import Telemetry
import TestKit
import Testing
import Vocabulary

private func message(_ number: Int, topic: String = "audit") -> OutboxMessage {
  OutboxMessage(id: "message-\(number)", topic: topic, body: [UInt8(number % 256)], at: noon)
}

private func append(_ numbers: Range<Int>, to store: Store) async throws {
  for number in numbers { try await store.write { $0.append(message(number)) } }
}

@Suite struct `The outbox` {
  /// After an hour's backlog the door kept 16 MiB for records that had long been delivered.
  @Test func `keeps few pages in memory where it is alone in its store`() async throws {
    for (migrations, kibibytes) in [([], 2_048), ([notes], 16_384)] {
      let folder = try TemporaryFolder()
      let store = try Store.open(
        path: folder.database, migrations: migrations, clock: fixedClock)
      let row = try await store.write { transaction in
        try transaction.row("SELECT -cache_size AS kibibytes FROM pragma_cache_size")
          .map { try $0.integer("kibibytes") }
      }
      #expect(row == Int64(kibibytes))
    }
  }

  @Test(arguments: StoreKind.installed)
  func `gives messages in the order of their commits, by topic`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let outbox = Outbox(store: store)
    try await append(0..<5, to: store)
    try await store.write { $0.append(message(99, topic: "other")) }
    let first = try await outbox.batch(of: "audit", limit: 3)
    #expect(first.messages == (0..<3).map { message($0) } && first.isFull)
    // Told twice, as after an answer that was lost.
    for _ in 0..<2 { try await outbox.settle(first, at: noon) }
    #expect(try await outbox.batch(of: "audit").messages == (3..<5).map { message($0) })
    #expect(try await outbox.batch(of: "other").messages.count == 1)
    #expect(outbox.pendingCount == 3)
  }

  @Test(arguments: StoreKind.installed)
  func `keeps a message with its state, or neither`(kind: StoreKind) async throws {
    struct Refused: Error {}
    let site = try StoreSite(kind)
    do {
      let store = try await openStore(at: site)
      await #expect(throws: Refused.self) {
        try await store.write { transaction in
          try transaction.execute("INSERT INTO notes (text) VALUES ('a')")
          transaction.append(message(1))
          throw Refused()
        }
      }
      #expect(Outbox(store: store).pendingCount == 0)
      try await append(2..<3, to: store)
      store.close()
    }
    let store = try await openStore(at: site)
    #expect(try await Outbox(store: store).batch(of: "audit").messages == [message(2)])
    #expect(Outbox(store: store).pendingCount == 1)
    #expect(try await texts(of: store).isEmpty)
  }

  @Test(arguments: StoreKind.installed)
  func `keeps the messages of one commit together, as they were`(kind: StoreKind) async throws {
    let seed = testSeed("outbox bundles")
    let random = Randomness.seeded(seed)
    let messages = (0..<600).map { number in
      OutboxMessage(
        id: number % 7 == 0 ? "ü \n \(number)" : "\(number)",
        topic: number % 3 == 0 ? "other" : "audit",
        body: random.bytes(Int(random.next() % 41)), at: noon + .nanoseconds(number - 300))
    }
    let site = try StoreSite(kind)
    do {
      let store = try await openStore(at: site)
      try await store.write { transaction in
        for message in messages { transaction.append(message) }
      }
      #expect(Outbox(store: store).pendingCount == 600)
      store.close()
    }
    let store = try await openStore(at: site)
    let outbox = Outbox(store: store)
    #expect(outbox.pendingCount == 600)
    #expect(try await store.read { try $0.rows("SELECT sequence FROM outbox").count } == 3)
    for topic in ["audit", "other"] {
      var received: [OutboxMessage] = []
      while true {
        let batch = try await outbox.batch(of: topic, limit: 300)
        guard !batch.messages.isEmpty else { break }
        received += batch.messages
        try await outbox.settle(batch, at: noon)
      }
      #expect(received == messages.filter { $0.topic == topic }, "seed \(seed)")
    }
    #expect(outbox.pendingCount == 0)
  }

  @Test(arguments: StoreKind.installed)
  func `sets a row aside that does not hold what it says`(kind: StoreKind) async throws {
    let store = try await openStore(at: StoreSite(kind))
    let (id, body): (String, [UInt8]) = ("a", [1, 2, 3])
    let sound = Array("1 5 3\n\(id)".utf8) + body
    for (count, bytes) in [
      (2, sound), (1, sound + [0]), (1, Array(sound.dropLast())), (1, []), (0, sound),
      (1, Array("1 5\na".utf8)), (1, Array("-1 5 3\n".utf8)), (1, Array("1 5 x\na".utf8)),
      (1, Array("1 5 9223372036854775807\na".utf8)), (1, Array("1  3\na123".utf8)),
    ] {
      try await store.write { transaction in
        try transaction.execute("DELETE FROM outbox")
        try transaction.execute(
          "INSERT INTO outbox (topic, messages, body) VALUES ('audit', ?, ?)",
          [.count(count), .blob(bytes)])
      }
      #expect(try await Outbox(store: store).batch(of: "audit").messages == [], "\(bytes)")
    }
    try await store.write { $0.append(message(1)) }
    let received = Mutex<[String]>([])
    let delivery = OutboxDelivery(
      Outbox(store: store), topic: "audit", clock: fixedClock, randomness: .seeded(1),
      log: Log(service: "test", sink: LogSink { _ in }, clock: fixedClock)
    ) { batch in
      received.withLock { $0 += batch.map(\.id) }
      return .taken
    }
    let task = Task { await delivery.run() }
    for _ in 0..<500 where received.withLock({ $0.isEmpty }) {
      try await Task.sleep(for: .milliseconds(10))
    }
    task.cancel()
    await task.value
    #expect(received.withLock { $0 } == ["message-1"])
    let aside = try await store.read { try $0.rows("SELECT id, body FROM outbox_refused") }
    #expect(aside.count == 1)
    #expect(try aside.first?.blob("body") == Array("1  3\na123".utf8))
  }

  @Test(arguments: StoreKind.installed)
  func `takes over the messages of a store from before`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let before = [
      OutboxMessage(id: "ü-1", topic: "audit", body: [0, 255, 10, 32, 0], at: noon),
      OutboxMessage(id: "2", topic: "audit", body: [], at: noon + .seconds(1)),
    ]
    do {
      // As migration 0 left it.
      let bytes = kind == .sqlite ? ("INTEGER PRIMARY KEY", "BLOB") : ("bigint", "bytea")
      let store = try await openStore(at: site)
      try await store.write { transaction in
        try transaction.execute("DROP TABLE outbox")
        try transaction.execute("DELETE FROM migrations WHERE number = -1")
        try transaction.execute(
          """
          CREATE TABLE outbox (sequence \(bytes.0), id TEXT, topic TEXT, body \(bytes.1), appended_at bigint)
          """)
        for (sequence, message) in before.enumerated() {
          try transaction.execute(
            "INSERT INTO outbox (sequence, id, topic, body, appended_at) VALUES (?, ?, ?, ?, ?)",
            [
              .count(sequence), .text(message.id), .text(message.topic), .blob(message.body),
              .integer(message.at.nanoseconds),
            ])
        }
      }
      store.close()
    }
    let store = try await openStore(at: site)
    #expect(Outbox(store: store).pendingCount == 2)
    #expect(try await Outbox(store: store).batch(of: "audit").messages == before)
  }

  @Test(arguments: StoreKind.installed)
  func `lets a message wait for company, but not for long`(kind: StoreKind) async throws {
    let store = try await openStore(at: StoreSite(kind))
    func append(_ number: Int) -> Task<Void, any Error> {
      Task {
        try await withCheckedThrowingContinuation {
          (continuation: CheckedContinuation<Void, any Error>) in
          store.append(message(number)) { continuation.resume(with: $0) }
        }
      }
    }
    // Alone: its patience ends by itself.
    try await append(1).value
    let alone = store.counts.commits
    let rides = (2..<30).map { append($0) }
    try await store.write { $0.append(message(30)) }
    for ride in rides { try await ride.value }
    #expect(store.counts.commits - alone < 29)
    #expect(Outbox(store: store).pendingCount == 30)
    let last = append(31)
    store.hasten()
    try await last.value
    // What waits when the store ends is kept.
    store.append(message(32)) { _ in }
    store.close()
    #expect(store.counts.writes == 32)
  }

  @Test(arguments: StoreKind.installed)
  func `delivers all, in order, through failures and refusals`(kind: StoreKind) async throws {
    let site = try StoreSite(kind)
    let store = try await openStore(at: site)
    let seed = testSeed("outbox")
    let random = Randomness.seeded(seed)
    let received = Mutex<[String]>([])
    let calls = Mutex(0)
    let log = Log(service: "test", sink: LogSink { _ in }, clock: fixedClock)
    // Real time: the waits between deliveries are real.
    let origin = ContinuousClock.now
    let clock = Clock { noon + (ContinuousClock.now - origin) }
    let delivery = OutboxDelivery(
      Outbox(store: store), topic: "audit", batchMax: 10, clock: clock, randomness: random,
      log: log
    ) { batch in
      let call = calls.withLock { calls -> Int in
        calls += 1
        return calls
      }
      if call == 2 { return .unreachable }
      let refused = Set(batch.map(\.id).filter { $0 == "message-17" })
      received.withLock { $0 += batch.map(\.id).filter { !refused.contains($0) } }
      return refused.isEmpty ? .taken : .refused(ids: refused, reason: "malformed")
    }
    let task = Task { await delivery.run() }
    try await append(0..<50, to: store)
    for _ in 0..<500 where Outbox(store: store).pendingCount > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    task.cancel()
    await task.value
    let expected = (0..<50).filter { $0 != 17 }.map { "message-\($0)" }
    #expect(received.withLock { $0 } == expected)
    let aside = try await store.read { try $0.rows("SELECT id, reason FROM outbox_refused") }
    #expect(try aside.map { try $0.text("id") } == ["message-17"])
  }
}

@Suite struct `The delivery machine` {
  private func machine(after events: [DeliveryMachine.Event]) throws -> DeliveryMachine {
    var machine = DeliveryMachine()
    for event in events { _ = try machine.handle(event) }
    return machine
  }

  @Test func `answers every event in every state`() throws {
    let failed = DeliveryMachine.Event.unreachable(at: noon, random: 0)
    let idle: [DeliveryMachine.Event] = []
    let delivering: [DeliveryMachine.Event] = [.appended]
    let waiting: [DeliveryMachine.Event] = [.appended, failed]
    let until = noon + .milliseconds(50)
    let table: [([DeliveryMachine.Event], DeliveryMachine.Event, DeliveryMachine.Action?)] = [
      (idle, .appended, .deliver),
      (idle, .due(at: noon), .nothing),
      (idle, .settled(wasFull: false), nil),
      (idle, failed, nil),
      (delivering, .appended, .nothing),
      (delivering, .due(at: noon), .nothing),
      (delivering, .settled(wasFull: false), .nothing),
      (delivering, .settled(wasFull: true), .deliver),
      (delivering + [.appended], .settled(wasFull: false), .deliver),
      (delivering, failed, .wake(at: until)),
      (waiting, .appended, .nothing),
      (waiting, .due(at: noon), .wake(at: until)),
      (waiting, .due(at: until), .deliver),
      (waiting, .settled(wasFull: true), nil),
      (waiting, failed, nil),
    ]
    for (history, event, expected) in table {
      var machine = try machine(after: history)
      let action = try? machine.handle(event)
      #expect(action == expected, "\(history) then \(event)")
    }
  }

  @Test func `waits longer with each failure, up to half a minute, and less than said by half`()
    throws
  {
    var machine = DeliveryMachine()
    _ = try machine.handle(.appended)
    var waits: [Duration] = []
    for _ in 0..<12 {
      guard case .wake(let until) = try machine.handle(.unreachable(at: noon, random: 0)) else {
        Issue.record("expected a wait")
        return
      }
      waits.append(until - noon)
      _ = try machine.handle(.due(at: until))
    }
    #expect(waits.first == .milliseconds(50))
    #expect(waits == waits.sorted())
    #expect(waits.last == .seconds(15))
    _ = try machine.handle(.settled(wasFull: false))
    #expect(machine.state == .idle)
  }
}
