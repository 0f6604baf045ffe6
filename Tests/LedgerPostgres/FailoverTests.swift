import Dispatch
import LedgerBook
import LedgerStorage
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing
import Vocabulary

@Suite(.postgres, .serialized, .timeLimit(.minutes(3))) struct `A standby of the ledger` {
  @Test func `waits while the leader lives, and takes over when it ends`() async throws {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let leader = try await Books.open(location)
    try await leader.send([10, 11])
    let isWaiting = Mutex(false)
    async let standby = Books.open(location) { isWaiting.withLock { $0 = true } }
    try await waitUntil("standing by") { isWaiting.withLock { $0 } }
    try await Task.sleep(for: .seconds(1))
    try await leader.send([12])
    let ended = ContinuousClock.now
    leader.store.close()
    let books = try await standby
    print(
      "postgres: a standby took over \((ContinuousClock.now - ended) / .milliseconds(1)) ms after the leader's end"
    )
    #expect(try await books.send([10, 12, 13]) == [.exists, .exists, .created])
    books.store.close()
  }

  /// The leader hears nothing and is not heard, as after SIGSTOP; the server ends its session, and the lock is free.
  @Test func `takes over from a leader that is paused, which then keeps nothing and says nothing`()
    async throws
  {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let proxy = try ConnectionProxy(to: server.folder)
    defer { proxy.close() }
    let leader = try await Books.open(location.with("host", proxy.folder))
    let load = Load(leader)
    async let running: Void = load.run()
    try await Task.sleep(for: .milliseconds(400))
    proxy.set(.hold)
    let paused = ContinuousClock.now
    let standby = try await Books.open(location)
    print(
      "postgres: a standby took over \((ContinuousClock.now - paused) / .seconds(1)) s after the leader's pause"
    )
    load.books.withLock { $0 = standby }
    try await standby.send(Array(100..<200))
    proxy.set(.none)
    await leader.store.untilDeposed()
    await #expect(throws: (any Error).self) { try await leader.send([200]) }
    await #expect(
      throws: StoreError.deposed(place: location.with("host", proxy.folder).description)
    ) {
      try await leader.store.write { try $0.execute("DELETE FROM outbox") }
    }
    let before = load.result.kept.count
    try await waitUntil("going on at the new leader") { load.result.kept.count > before + 100 }
    load.stop()
    await running
    leader.store.close()
    standby.store.close()
    try expectSound(location, load.result)
  }

  @Test func `need not fear answers from the memory of a leader that is paused`() async throws {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let proxy = try ConnectionProxy(to: server.folder)
    defer { proxy.close() }
    let leader = try await Books.open(location.with("host", proxy.folder))
    #expect(try await leader.keeper.trialBalance().count == 1)
    #expect(try await leader.send([10]) == [.created])
    #expect(try await leader.send([10]) == [.exists])
    proxy.set(.hold)
    let paused = ContinuousClock.now
    async let standby = Books.open(location)
    // It goes silent before anybody else can be the leader.
    try await waitUntil("silence") { (try? await leader.keeper.trialBalance()) == nil }
    #expect(ContinuousClock.now - paused < .seconds(10))
    let books = try await standby
    #expect(ContinuousClock.now - paused > .seconds(8))
    await #expect(throws: StoreError.self) { try await leader.keeper.trialBalance() }
    // It knows this transfer, and has nothing to commit that would tell it that it was replaced.
    await #expect(throws: StoreError.self) { try await leader.send([10]) }
    proxy.set(.none)
    leader.store.close()
    books.store.close()
  }

  /// A pooler that resets sessions takes the lock away without the owner's knowing.
  @Test func `is safe from a leader that lost its lock and still has its session`() async throws {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let leader = try await Books.open(location)
    try await leader.send([10])
    try await leader.store.write { _ = try $0.rows("SELECT pg_advisory_unlock_all() IS NULL AS x") }
    let standby = try await Books.open(location)
    await #expect(throws: StoreError.deposed(place: location.description)) {
      try await leader.store.write { transaction in
        transaction.append(
          OutboxMessage(id: "late", topic: "audit", body: [], at: wallClock.now()))
      }
    }
    await #expect(throws: (any Error).self) { try await leader.send([11]) }
    await leader.store.untilDeposed()
    #expect(try await standby.send([10, 11]) == [.exists, .created])
    #expect(try await Outbox(store: standby.store).batch(of: "audit").messages.isEmpty)
    leader.store.close()
    standby.store.close()
  }

  @Test func `waits for what the leader has on its way, and then has it`() async throws {
    let server = try PostgresServer.shared
    let location = try server.newStore()
    let leader = try await Books.open(location)
    try await leader.store.write { _ = try $0.rows("SELECT pg_advisory_unlock_all() IS NULL AS x") }
    let (isInside, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    async let late: Void = leader.store.write { transaction in
      transaction.append(
        OutboxMessage(id: "in time", topic: "audit", body: [], at: wallClock.now()))
      isInside.signal()
      mayEnd.wait()
    }
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        isInside.wait()
        continuation.resume()
      }
    }
    let hasTakenOver = Mutex(false)
    async let standby = {
      let books = try await Books.open(location)
      hasTakenOver.withLock { $0 = true }
      return books
    }()
    try await Task.sleep(for: .seconds(1))
    #expect(!hasTakenOver.withLock { $0 })
    mayEnd.signal()
    try await late
    let books = try await standby
    #expect(
      try await Outbox(store: books.store).batch(of: "audit").messages.map(\.id) == ["in time"])
    leader.store.close()
    books.store.close()
  }
}

@Suite struct `The ownership machine` {
  @Test func `answers every event in every state`() {
    typealias Machine = OwnershipMachine
    let first = Machine.Action.reconnect(after: .zero)
    let again = Machine.Action.reconnect(after: Machine.pauseMin)
    let table: [([Machine.Event], Machine.Event, Machine.Action)] = [
      ([], .cut, first), ([], .unreachable, .nothing), ([], .lockHeld, .nothing),
      ([], .returned(epoch: 7), .nothing), ([], .fenced, .depose),
      ([.cut], .cut, .nothing), ([.cut], .unreachable, again), ([.cut], .lockHeld, again),
      ([.cut], .returned(epoch: 7), .resume), ([.cut], .returned(epoch: 8), .depose),
      ([.cut], .fenced, .depose),
      ([.fenced], .cut, .nothing), ([.fenced], .unreachable, .nothing),
      ([.fenced], .lockHeld, .nothing), ([.fenced], .returned(epoch: 7), .nothing),
      ([.fenced], .fenced, .nothing),
    ]
    for (history, event, expected) in table {
      var machine = Machine(epoch: 7)
      for earlier in history { _ = machine.handle(earlier) }
      #expect(machine.handle(event) == expected, "\(history) then \(event)")
    }
  }

  @Test func `comes back slower and slower, up to two seconds`() {
    var machine = OwnershipMachine(epoch: 1)
    _ = machine.handle(.cut)
    let pauses = (0..<8).map { _ in machine.handle(.unreachable) }
    #expect(pauses.first == .reconnect(after: .milliseconds(100)))
    #expect(pauses.last == .reconnect(after: .seconds(2)))
  }
}
