import GRDB
import LedgerBook
import LedgerStorage
import Storage
import Testing
import Vocabulary

@Suite struct `Verifying a ledger` {
  private func house() async throws -> KeeperHouse {
    let house = try await KeeperHouse(snapshotEvery: 20)
    _ = try await house.send([house.hold(1, seconds: 0), house.hold(2, seconds: 0)])
    _ = try await house.send([house.end(3, of: 1, .postPending)])
    for start in stride(from: 100, to: 200, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    return house
  }

  @Test func `finds sound books sound, beside their owner and in a copy`() async throws {
    let house = try await house()
    let path = "\(house.folder)/ledger.sqlite"
    for _ in 0..<2 {
      let report = try LedgerVerifier(StoreReader(path: path)).verify()
      #expect(report.findings == [])
      #expect(report.transfers == 103)
      #expect(report.indexed >= 100)
      #expect((1...2).contains(report.snapshots))
      #expect(report.openHolds == 1)
      house.store.close()
    }
    house.remove()
  }

  @Test(arguments: [
    (
      "UPDATE journal SET moment = 1, body = CAST(body || x'00' AS BLOB) WHERE sequence = 5",
      "journal entry 5 is not"
    ),
    ("DELETE FROM journal WHERE sequence = 4", "journal entry 4 is missing"),
    (
      "DELETE FROM index_chunks WHERE kind = 0 AND segment IN (SELECT id FROM index_segments)",
      "by id is wrong"
    ),
    ("UPDATE index_chunks SET body = zeroblob(length(body)) WHERE kind = 1", "by account is wrong"),
    ("UPDATE snapshots SET hash = zeroblob(32)", "is another book"),
    ("DELETE FROM index_segments WHERE first = 1", "the index has a gap at transfer 1"),
    ("INSERT INTO account_owners VALUES (zeroblob(16), 1)", "the owners of accounts"),
  ])
  func `says where they are not`(sql: String, place: String) async throws {
    let house = try await house()
    house.store.close()
    let path = "\(house.folder)/ledger.sqlite"
    let database = try DatabaseQueue(path: path)
    try await database.write { database in
      try database.execute(sql: "DROP TRIGGER journal_stays; DROP TRIGGER journal_remains")
      try database.execute(sql: sql)
    }
    try database.close()
    let report = try LedgerVerifier(StoreReader(path: path)).verify()
    #expect(report.findings.contains { $0.contains(place) }, "\(report.findings)")
    house.remove()
  }
}
