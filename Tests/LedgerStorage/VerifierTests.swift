import GRDB
import LedgerBook
import LedgerStorage
import Storage
import StoragePostgres
import TestKit
import Testing
import Vocabulary

@Suite struct `Verifying a ledger` {
  private func house(_ kind: StoreKind) async throws -> KeeperHouse {
    let house = try await KeeperHouse(kind, snapshotEvery: 20)
    _ = try await house.send([house.hold(1, seconds: 0), house.hold(2, seconds: 0)])
    _ = try await house.send([house.end(3, of: 1, .postPending)])
    for start in stride(from: 100, to: 200, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    return house
  }

  @Test(arguments: StoreKind.installed)
  func `finds sound books sound, beside their owner and when it is gone`(
    kind: StoreKind
  ) async throws {
    let house = try await house(kind)
    for _ in 0..<2 {
      let report = try LedgerVerifier(house.site.reader()).verify()
      #expect(report.findings == [])
      #expect(report.transfers == 103)
      #expect(report.indexed >= 100)
      #expect((1...2).contains(report.snapshots))
      #expect(report.openHolds == 1)
      house.store.close()
    }
    house.remove()
  }

  /// What somebody with the database's own tools could do; `$zeros(n)` are n zero bytes.
  private static let tamperings = [
    (
      "UPDATE journal SET moment = 1, body = $append(body) WHERE sequence = 5",
      "journal entry 5 is not"
    ),
    ("DELETE FROM journal WHERE sequence = 4", "journal entry 4 is missing"),
    (
      "DELETE FROM index_chunks WHERE kind = 0 AND segment IN (SELECT id FROM index_segments)",
      "by id is wrong"
    ),
    ("UPDATE index_chunks SET body = $zeros(length(body)) WHERE kind = 1", "by account is wrong"),
    ("UPDATE snapshots SET hash = $zeros(32)", "is another book"),
    ("UPDATE index_segments SET first = 2 WHERE first = 1", "the index has a gap at transfer 1"),
    ("INSERT INTO account_owners VALUES ($zeros(16), 1)", "the owners of accounts"),
  ]

  @Test(arguments: StoreKind.installed, tamperings)
  func `says where they are not`(kind: StoreKind, tampering: (sql: String, place: String))
    async throws
  {
    let house = try await house(kind)
    house.store.close()
    switch kind {
    case .sqlite:
      let sql = tampering.sql.replacing("$zeros", with: "zeroblob")
        .replacing("$append(body)", with: "CAST(body || x'00' AS BLOB)")
      let database = try DatabaseQueue(path: house.site.file)
      try await database.write { database in
        try database.execute(sql: "DROP TRIGGER journal_stays; DROP TRIGGER journal_remains")
        try database.execute(sql: sql)
      }
      try database.close()
    case .postgres:
      let location = try #require(house.site.location)
      let sql = tampering.sql.replacing("$zeros", with: "zeros")
        .replacing("$append(body)", with: "body || zeros(1)")
      try PostgresConnection(location.parameters(for: "tampering")).control(
        """
        CREATE FUNCTION zeros(n int) RETURNS bytea LANGUAGE sql AS
        $$ SELECT decode(repeat('00', n), 'hex') $$;
        DROP TRIGGER journal_stays ON journal; \(sql)
        """)
    }
    let report = try LedgerVerifier(house.site.reader()).verify()
    #expect(
      report.findings.contains { $0.contains(tampering.place) }, "\(report.findings)")
  }
}
