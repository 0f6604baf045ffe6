import Foundation
import LedgerBook
import LedgerStorage
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing
import Vocabulary

@Suite(.postgres) struct `Moving a ledger's books to PostgreSQL` {
  private static let owner = PersonID(bits: 0xada)
  private static let accounts: [AccountID] = [1, 2, 3].map { AccountID(bits: $0) }

  /// Three accounts, one with an owner; 600 transfers; a hold that is open, one that was posted, one that has expired;
  /// and a message that waits.
  private func fill(_ file: String) async throws -> [Account] {
    let ahead = Mutex(Duration.zero)
    let clock = Clock { wallClock.now() + ahead.withLock { $0 } }
    let store = try Store.open(path: file, migrations: Migration.ledger, clock: clock)
    #expect(try await MakerNumbers(store: store).number(of: "loans") == 2)
    let keeper = try await Self.keeper(store, clock)
    let eur = try #require(Currency("EUR"))
    _ = try await keeper.open(
      Self.accounts.map {
        AccountRequest(
          id: $0, currency: eur, code: 1, owner: $0 == Self.accounts[2] ? Self.owner : nil)
      }
    ) { _ in [] }
    for start in stride(from: 1_000, to: 1_600, by: 50) {
      _ = try await keeper.apply((start..<start + 50).map { Books.transfer($0) })
    }
    _ = try await keeper.apply([hold(10, 0), hold(11, 0), hold(12, 1)])
    _ = try await keeper.apply([Self.post(20, 11)])
    ahead.withLock { $0 = .seconds(5) }
    try await keeper.sweep()
    try await store.write {
      $0.append(OutboxMessage(id: "waiting", topic: "audit", body: [7], at: clock.now()))
    }
    let found = try await keeper.accounts(Self.accounts)
    store.close()
    return found
  }

  private static func keeper(_ store: Store, _ clock: Clock) async throws -> LedgerKeeper {
    var settings = LedgerKeeper.Settings()
    settings.limits.recentBlock = 64
    return try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: settings)
  }
  private func hold(_ id: Int, _ seconds: UInt32) -> RequestRow {
    var row = Books.transfer(id)
    row.flags = TransferFlags.pending.rawValue
    row.timeoutSeconds = seconds
    return row
  }
  private static func post(_ id: Int, _ hold: Int) -> RequestRow {
    var row = RequestRow()
    (row.id, row.pendingID) = (UInt128(id), UInt128(hold))
    row.flags = TransferFlags.postPending.rawValue
    return row
  }

  private func open(_ location: PostgresLocation) async throws -> Store {
    try await Store.open(
      location, for: "move", migrations: Migration.ledger, clock: wallClock, randomness: .system)
  }

  @Test func `takes everything along, as it was`() async throws {
    let site = try StoreSite(.sqlite)
    let before = try await fill(site.file)
    let sent = try LedgerVerifier(site.reader()).verify()
    let location = try PostgresServer.shared.newStore()
    let store = try await open(location)
    let report = try LedgerMove(from: site.reader(), to: store).run()
    #expect(report.tip == sent.tip)
    // Who made a hold is a number in the journal: it must mean the same service there.
    #expect(try await MakerNumbers(store: store).number(of: "loans") == 2)
    #expect(report.carried == sent.entries)
    // A message, and three makers.
    #expect(report.rows == 4)
    // So that a start need not hold all of history in memory.
    let segments = "SELECT max(last) AS last FROM index_segments"
    #expect(
      try await store.read { try $0.row(segments)?.integer("last") ?? 0 }
        == site.reader().read { try $0.row(segments)?.integer("last") ?? 0 })
    let keeper = try await Self.keeper(store, wallClock)
    #expect(try await keeper.accounts(Self.accounts) == before)
    #expect(
      try await keeper.accounts(of: Self.owner, max: 9).accounts.map(\.id) == [Self.accounts[2]])
    #expect(keeper.openHoldCount == 1)
    let outcomes = try await keeper.apply([
      Books.transfer(1_000), Books.transfer(1_599), Self.post(30, 11), Self.post(31, 12),
      Self.post(32, 10),
    ]).outcomes
    #expect(
      outcomes == [
        .exists, .exists, .refused(.pendingTransferAlreadyPosted),
        .refused(.pendingTransferExpired), .created,
      ])
    #expect(try await Outbox(store: store).batch(of: "audit").messages.map(\.id) == ["waiting"])
    while keeper.projectionLag >= 64 { try await Task.sleep(for: .milliseconds(5)) }
    let arrived = try LedgerVerifier(StoreReader(PostgresReader(location))).verify()
    #expect(arrived.findings == [])
    #expect(arrived.transfers == sent.transfers + 1)
    // From now on the file is an old copy: what waits there must not go for it.
    #expect(throws: LedgerMove.Outrun.self) {
      try LedgerMove(from: site.reader(), to: store).run()
    }
    #expect(try await Outbox(store: store).batch(of: "audit").messages.map(\.id) == ["waiting"])
    store.close()
  }

  @Test func `goes on where it was interrupted, and twice is as good as once`() async throws {
    struct Interrupted: Error {}
    let site = try StoreSite(.sqlite)
    _ = try await fill(site.file)
    let sent = try LedgerVerifier(site.reader()).verify()
    let location = try PostgresServer.shared.newStore()
    let store = try await open(location)
    #expect(throws: Interrupted.self) {
      try LedgerMove(from: site.reader(), to: store, writeBytes: 4_096).run { _ in
        throw Interrupted()
      }
    }
    let first = try LedgerMove(from: site.reader(), to: store).run()
    #expect((1..<sent.entries).contains(first.carried))
    let second = try LedgerMove(from: site.reader(), to: store).run()
    #expect(second.carried == 0)
    #expect(second.tip == sent.tip)
    let arrived = try LedgerVerifier(StoreReader(PostgresReader(location))).verify()
    #expect(arrived.findings == [])
    #expect(arrived.tip == sent.tip)
    store.close()
  }

  @Test func `is refused where there are other books, which stay as they are`() async throws {
    let site = try StoreSite(.sqlite)
    _ = try await fill(site.file)
    let location = try PostgresServer.shared.newStore()
    let other = try await Books.open(location)
    try await other.send([1])
    let sound = try LedgerVerifier(StoreReader(PostgresReader(location))).verify()
    #expect(throws: LedgerMove.OtherBooks.self) {
      try LedgerMove(from: site.reader(), to: other.store).run()
    }
    let still = try LedgerVerifier(StoreReader(PostgresReader(location))).verify()
    #expect(still.tip == sound.tip)
    other.store.close()
  }
}
