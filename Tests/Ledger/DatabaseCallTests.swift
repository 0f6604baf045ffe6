import Chassis
import Foundation
import Ledger
import LedgerAPI
import Storage
import StoragePostgres
import StrictJSON
import TestKit
import Testing
import Vocabulary

/// The same service over mutual TLS, its books on a real PostgreSQL server.
@Suite(.postgres) struct `A ledger with its books on PostgreSQL` {
  @Test func `answers as one with a file does, and finds everything again`() async throws {
    let server = try PostgresServer.shared
    let house = try await LedgerHouse(database: server.newStore())
    try await house.moveIn()
    let hold = try house.newHold(20, 700)
    #expect(try await house.hold(hold).result == "created")
    #expect(try await house.balances() == [10_000, 9_300, 0, 0])
    let posting = HoldPosting(id: TransferID(bits: 21))
    #expect(try await house.end(LedgerOperations.postHold, 20, posting).result == "created")
    #expect(try await house.end(LedgerOperations.postHold, 20, posting).result == "exists")
    let left = LedgerHouse.Left(place: house.place, authority: house.authority)
    await house.drain()
    let again = try await left.reopen()
    #expect(try await again.balances() == [9_300, 9_300, 700, 700])
    await again.close()
  }

  @Test func `that lack what was answered says so once, is not ready, and goes on when it is back`()
    async throws
  {
    let location = try PostgresServer.shared.newStore()
    let house = try await LedgerHouse(database: location)
    try await house.moveIn()
    let other = try PostgresConnection(location.parameters(for: "loss"))
    let last = try #require(
      try other.run("SELECT max(sequence) AS last FROM journal").rows.first
    ).integer("last")
    // What a failover to a server that was behind comes to.
    try other.control(
      """
      ALTER TABLE journal DISABLE TRIGGER journal_stays;
      CREATE TABLE lost AS SELECT * FROM journal WHERE sequence = \(last);
      DELETE FROM journal WHERE sequence = \(last)
      """)
    let begun = ContinuousClock.now
    while ContinuousClock.now - begun < .seconds(2) {
      let problem = await #expect(throws: Problem.self) {
        _ = try await house.post([try BatchTransfer.to(bob: 10)])
      }
      #expect(problem?.status == 503)
      try await Task.sleep(for: .milliseconds(100))
    }
    let isReady = await house.process.service.isReady
    #expect(!isReady)
    let errors = house.lines.with("stay shut")
    #expect(errors.count == 1)
    for words in [
      "\"level\":\"error\"", "journal entry \(last) is missing", "PostgreSQL database postgres at",
      "promote a replica",
    ] {
      #expect(errors.first?.contains(words) == true, "\(errors)")
    }
    try other.control("INSERT INTO journal SELECT * FROM lost")
    #expect(try await house.postUntilKnown([try BatchTransfer.to(bob: 10)]) == ["created"])
    let isReadyAgain = await house.process.service.isReady
    #expect(isReadyAgain)
    #expect(house.lines.with("whole again").count == 1)
    await house.close()
  }

  @Test func `is not begun anew in a file when nobody says where its database is`() async throws {
    let house = try await LedgerHouse(database: PostgresServer.shared.newStore())
    try await house.moveIn()
    await house.drain()
    var platform = house.place.platform
    platform.place(nil, for: "ledger")
    try Data(StrictJSON.encode(platform)).write(to: URL(filePath: house.place.home.platformFile))
    let left = LedgerHouse.Left(place: house.place, authority: house.authority)
    let error = await #expect(throws: StoreError.self) { _ = try await left.reopen() }
    let file = left.storeFile
    #expect(
      error?.description
        == "\(file) cannot keep a store: this home's store is on PostgreSQL; give 'up' the location of its database again."
    )
    #expect(!FileManager.default.fileExists(atPath: file))
    house.place.remove()
  }

  @Test func `says 503 and when to ask again while the server is gone, and then goes on`()
    async throws
  {
    let server = try PostgresServer()
    let house = try await LedgerHouse(database: server.newStore())
    try await house.moveIn()
    #expect(await house.process.service.isReady)
    try server.crash()
    for _ in 0..<2 {
      let problem = await #expect(throws: Problem.self) {
        _ = try await house.post([try BatchTransfer.to(bob: 10)])
      }
      #expect(problem?.status == 503)
      #expect(problem?.retryAfterSeconds != nil)
    }
    let isReady = await house.process.service.isReady
    #expect(!isReady)
    try server.start()
    let results = try await house.postUntilKnown([try BatchTransfer.to(bob: 10)])
    #expect(["created", "exists"].contains(results.first))
    #expect(try await house.balances() == [10_000, 10_000, 1, 1])
    await house.close()
  }
}

private enum BatchTransfer {
  static func to(bob id: Int) throws -> NewTransfer {
    NewTransfer(
      id: TransferID(bits: UInt128(id)), amount: try People.eur(1), from: People.vault,
      to: People.bobsAccount, code: 1)
  }
}
