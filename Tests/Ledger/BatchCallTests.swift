import Chassis
import GRDB
import LedgerAPI
import TestKit
import Testing
import Vocabulary

@Suite struct `A batch over the mesh` {
  static func transfer(_ id: Int, _ amount: Int64) throws -> NewTransfer {
    NewTransfer(
      id: TransferID(bits: UInt128(id)), amount: try People.eur(amount), from: People.vault,
      to: People.bobsAccount, code: 1)
  }

  @Test func `is taken at its limit, refused above it, and the same again moves nothing`()
    async throws
  {
    let house = try await LedgerHouse()
    try await house.moveIn()
    let full = try (0..<LedgerLimits.batchMax).map { try Self.transfer(1_000 + $0, 1) }
    let results = try await house.postUntilKnown(full)
    #expect(results.count == full.count)
    #expect(results.allSatisfy { ["created", "exists"].contains($0) })
    #expect(try await house.postUntilKnown(full).allSatisfy { $0 == "exists" })
    let tooMany = try full + [Self.transfer(1, 1)]
    let above = await house.refusal { _ = try await house.post(tooMany) }
    #expect(above == "malformed-request")
    let none = await house.refusal { _ = try await house.post([]) }
    #expect(none == "malformed-request")
    #expect(try await house.balances() == [10_000, 10_000, 8_190, 8_190])
    await house.close()
  }

  @Test func `answers each event for itself and each chain as one`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    var first = try Self.transfer(10, 5)
    first.flags = [.linked]
    var day = try Self.transfer(12, 7)
    day.bookedOn = "1993-01-31"
    let batch = [first, try Self.transfer(11, 0), day, try Self.transfer(12, 7)]
    #expect(
      try await house.post(batch) == [
        "linked_event_failed", "amount_must_not_be_zero", "created",
        "exists_with_different_booked_on",
      ])
    day.bookedOn = "1993-02-29"
    let wrong = await house.refusal { _ = try await house.post([day]) }
    #expect(wrong == "malformed-request")
    await house.close()
  }

  @Test func `is read back page by page, in both orders, and only by its owner`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    _ = try await house.post(try (10..<35).map { try Self.transfer($0, 1) })
    for (order, expected) in [("oldest", Array(10..<35)), ("newest", (10..<35).reversed())] {
      var seen: [Int] = []
      var next: String?
      repeat {
        var query = ["limit": "10", "order": order, "owner": "\(People.bob)"]
        query["after"] = next
        let page = try await house.ask(
          "operator", LedgerOperations.listTransfers, Nothing(),
          path: ["id": "\(People.bobsAccount)"], query: query)
        seen += page.transfers.map { Int($0.id.bits) }
        next = page.next
      } while next != nil
      #expect(seen == expected)
    }
    let foreign = await house.refusal {
      _ = try await house.ask(
        "operator", LedgerOperations.listTransfers, Nothing(),
        path: ["id": "\(People.bobsAccount)"], query: ["owner": "\(People.ada)"])
    }
    #expect(foreign == "not-found")
    let mine = try await house.ask(
      "operator", LedgerOperations.listAccounts, Nothing(), query: ["owner": "\(People.bob)"])
    #expect(mine.accounts.map(\.id) == [People.bobsAccount])
    await house.close()
  }
}

@Suite struct `The stored books` {
  @Test func `stand again after a restart, open holds included`() async throws {
    var trial: TrialBalance?
    let left = try await LedgerHouse.left { house in
      _ = try await house.hold(house.newHold(10, 1_000))
      trial = try await house.ask("operator", LedgerOperations.getTrialBalance, Nothing())
    }
    let again = try await left.reopen()
    #expect(try await again.balances() == [10_000, 9_000, 0, 0])
    let restored = try await again.ask("operator", LedgerOperations.getTrialBalance, Nothing())
    #expect(restored == trial && restored.balanced)
    #expect(
      try await again.end(LedgerOperations.postHold, 10, HoldPosting(id: TransferID(bits: 11)))
        .result == "created")
    await again.close()
  }

  @Test func `refuse to be rewritten`() async throws {
    let left = try await LedgerHouse.left { _ in }
    let database = try DatabaseQueue(path: left.storeFile)
    for sql in [
      "UPDATE journal SET body = x'00'", "DELETE FROM journal",
      "INSERT INTO journal SELECT * FROM journal",
    ] {
      await #expect(throws: DatabaseError.self, "\(sql)") {
        try await database.write { try $0.execute(sql: sql) }
      }
    }
    left.place.remove()
  }

  /// Each damage is one that SQLite itself cannot see.
  @Test(arguments: [
    (
      "UPDATE journal SET body = CAST(body || x'00' AS BLOB) WHERE sequence = 2",
      "journal entry 2 is not what"
    ),
    (
      "UPDATE journal SET hash = (SELECT hash FROM journal WHERE sequence = 1) WHERE sequence = 2",
      "journal entry 2 is not what"
    ),
    ("DELETE FROM journal WHERE sequence = 1", "journal entry 1 is missing"),
    (
      "INSERT INTO index_segments (level, first, last) VALUES (0, 1, 99)",
      "the index has transfers that the journal, up to entry 2, has not"
    ),
    (
      "INSERT INTO snapshots (sequence, hash, body) VALUES (2, zeroblob(32), x'00')",
      "the snapshot at entry 2: it is not what was written"
    ),
  ])
  func `do not open where journal and book disagree, and say where`(
    sql: String, place: String
  ) async throws {
    let left = try await LedgerHouse.left { _ in }
    let database = try DatabaseQueue(path: left.storeFile)
    try await database.write { database in
      try database.execute(sql: "DROP TRIGGER journal_stays; DROP TRIGGER journal_remains")
      try database.execute(sql: sql)
    }
    try database.close()
    do {
      let again = try await left.reopen()
      Issue.record("the ledger opened damaged books")
      await again.drain()
    } catch {
      #expect("\(error)".contains(place), "\(error)")
    }
    left.place.remove()
  }

  @Test func `stay shut when their journal has lost what was answered`() async throws {
    let house = try await LedgerHouse()
    try await house.moveIn()
    #expect(try await house.hold(house.newHold(9, 9_500)).result == "created")
    // As after a failover to a server that was behind: going on would forget the hold, and free its id.
    let database = try DatabaseQueue(path: house.place.home.storeFile(of: "ledger"))
    try await database.write { database in
      try database.execute(
        sql: "DROP TRIGGER journal_remains; DELETE FROM journal WHERE sequence = 3")
    }
    try database.close()
    for attempt in UInt128(10)..<15 {
      let refusal = await house.refusal { _ = try await house.hold(house.newHold(attempt, 500)) }
      #expect(refusal == "unavailable")
      try await Task.sleep(for: .milliseconds(100))
    }
    await house.close()
  }
}
