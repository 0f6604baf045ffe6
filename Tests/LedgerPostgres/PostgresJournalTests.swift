import LedgerBook
import LedgerJournal
import LedgerPostgres
import Testing
import Vocabulary

@Suite(.serialized) struct `A journal on PostgreSQL` {
  @Test func `survives a crash of the server with everything that was kept`() throws {
    guard let server = try PostgresServer() else { return }
    var writer = try Writer(server, force: false)
    for id in 10..<30 { #expect(try writer.send(id)) }
    try server.crash()
    #expect(throws: PostgresFailure.self) { try writer.send(30) }
    try server.start()
    let standby = try Writer(server, force: false)
    #expect(standby.journaled.book.sequence == 20)
    #expect(standby.journaled.book.trialBalance.map(\.creditsPosted) == [20])
  }

  @Test func `is taken over only by force while its writer lives`() throws {
    guard let server = try PostgresServer() else { return }
    let first = try Writer(server, force: false)
    let second = try PostgresJournal(PostgresConnection(server.location))
    #expect(try second.takeOver() == nil)
    #expect(try second.takeOver(force: true) == first.journaled.epoch + 1)
  }

  @Test func `takes nothing from a writer that was replaced while it was paused`() throws {
    guard let server = try PostgresServer() else { return }
    var paused = try Writer(server, force: false)
    #expect(try paused.send(10))
    var leader = try Writer(server, force: true)
    #expect(try leader.send(11))
    // It wakes up with an entry that it had decided before, and with one that it decides now.
    #expect(try !paused.send(12))
    #expect(try !paused.send(13))
    #expect(try leader.send(12))
    var reader = JournaledBook(Book(), epoch: .max)
    try PostgresJournal(PostgresConnection(server.location)).replay(into: &reader)
    #expect(reader.book.sequence == 3)
  }

  @Test func `takes nothing that does not follow`() throws {
    guard let server = try PostgresServer() else { return }
    var writer = try Writer(server, force: false)
    let (skipped, next) = (writer.decide(10), writer.decide(11))
    let answers = try [next, skipped, skipped, next].map { entry in
      try writer.journal.append(try #require(entry))
    }
    #expect(answers == [false, true, false, true])
  }
}

/// A book with two accounts and its journal.
private struct Writer {
  let journal: PostgresJournal
  var journaled: JournaledBook

  init(_ server: PostgresServer, force: Bool) throws {
    journal = try PostgresJournal(PostgresConnection(server.location))
    let epoch = try #require(try journal.takeOver(force: force))
    journaled = JournaledBook(Book(), epoch: epoch)
    try journal.replay(into: &journaled)
    guard journaled.book.accountCount == 0, let eur = Currency("EUR") else { return }
    _ = journaled.begin(at: Instant(seconds: 1))
    _ = journaled.open(
      [1, 2].map { AccountRequest(id: AccountID(bits: $0), currency: eur, code: 1) })
    let sealed = journaled.seal()
    #expect(try journal.append(try #require(sealed)))
  }

  mutating func decide(_ id: Int) -> SealedEntry? {
    var row = RequestRow()
    row.id = UInt128(id)
    (row.debitAccount, row.creditAccount) = (1, 2)
    (row.amount, row.currency, row.code) = (1, 978, 1)
    _ = journaled.begin(at: Instant(seconds: Int64(id)))
    _ = journaled.apply([row])
    return journaled.seal()
  }

  mutating func send(_ id: Int) throws -> Bool {
    guard let sealed = decide(id) else { return false }
    return try journal.append(sealed)
  }
}
