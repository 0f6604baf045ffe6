import Storage
import StoragePostgres
import TestKit
import Testing
import Vocabulary

/// A store on a server into which several processes write; here two of them in one process.
@Suite(.postgres) struct `A store with several writers` {
  private let location: PostgresLocation
  private let print = RequestPrint(meaning: [1], spelling: [0])
  private let key = IdempotencyKey("order-1")!  // The literal is within the allowed characters.

  init() throws { location = try PostgresServer.shared.newStore() }

  private func open() async throws -> Store {
    try await Store.open(
      location, for: "test", migrations: [notes], clock: fixedClock, randomness: .system,
      isShared: true)
  }

  @Test func `decides each change on what is there, whoever wrote it`() async throws {
    let stores = [try await open(), try await open()]
    try await add("0", to: stores[0])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<100 {
        group.addTask {
          try await stores[number % 2].write { transaction in
            let known = try transaction.row("SELECT text FROM notes")?.text("text")
            let next = (known.flatMap { Int($0) } ?? 0) + 1
            try transaction.execute("UPDATE notes SET text = ?", [.text("\(next)")])
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await texts(of: stores[1]) == ["100"])
  }

  @Test func `makes nothing twice of one key, whoever is asked`() async throws {
    let keys = [
      IdempotencyStore(store: try await open()), IdempotencyStore(store: try await open()),
    ]
    func begin(_ store: Int, at moment: Instant = noon) async throws -> IdempotencyOutcome {
      try await keys[store].begin(scope: "a", key: key, print: print, at: moment)
    }
    guard case .fresh = try await begin(0), case .inFlight = try await begin(1),
      case .inFlight = try await begin(1, at: noon + IdempotencyStore.workMax - .nanoseconds(1))
    else {
      Issue.record("a key that is worked on was given to another")
      return
    }
    // Whoever has not finished by then is taken for dead; what it still answers is not kept over the other's answer.
    let answer = StoredAnswer(status: 201, headers: [], body: [1])
    guard case .fresh(let claim) = try await begin(1, at: noon + IdempotencyStore.workMax) else {
      Issue.record("the key of a dead process stays locked")
      return
    }
    try await keys[1].finish(claim, answer: answer)
    try await keys[0].finish(claim, answer: StoredAnswer(status: 500, headers: [], body: []))
    guard case .replay(let kept) = try await begin(0) else {
      Issue.record("the answer of one is not the other's")
      return
    }
    #expect(kept == answer)
  }

  @Test func `gives a key free for all when it is abandoned`() async throws {
    let keys = [
      IdempotencyStore(store: try await open()), IdempotencyStore(store: try await open()),
    ]
    for forgetting in [false, true] {
      guard
        case .fresh(let claim) = try await keys[0].begin(
          scope: "a", key: key, print: print, at: noon)
      else {
        Issue.record("not fresh")
        return
      }
      try await keys[0].abandon(claim, forgetting: forgetting)
      guard
        case .fresh(let other) = try await keys[1].begin(
          scope: "a", key: key, print: print, at: noon)
      else {
        Issue.record("not free")
        return
      }
      try await keys[1].abandon(other, forgetting: true)
    }
  }

  @Test func `delivers what one has appended and cannot deliver any more`() async throws {
    let (first, second) = (try await open(), try await open())
    let message = OutboxMessage(id: "m-1", topic: "audit", body: [1], at: noon)
    try await first.write { $0.append(message) }
    first.close()
    for await _ in Outbox(store: second).signals() {
      let batch = try await Outbox(store: second).batch(of: "audit")
      guard !batch.messages.isEmpty else { continue }
      #expect(batch.messages == [message])
      try await Outbox(store: second).settle(batch, at: noon)
      break
    }
    #expect(Outbox(store: second).pendingCount <= 0)
  }

  @Test func `is written by none of them when somebody owns it`() async throws {
    let shared = try await open()
    let owner = try await Store.open(
      location, for: "test", migrations: [notes], clock: fixedClock, randomness: .system)
    await #expect(throws: StoreError.deposed(place: location.description)) {
      try await add("late", to: shared)
    }
    try await add("owned", to: owner)
    #expect(try await texts(of: owner) == ["owned"])
  }
}
