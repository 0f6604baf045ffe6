import Foundation
import LedgerBook
import LedgerJournal
import LedgerStorage
import Storage
import Synchronization
import TestKit
import Testing
import Vocabulary

@Suite struct `A ledger keeper` {
  @Test(arguments: StoreKind.installed)
  func `finds transfers wherever they are: in memory, in small segments, in joined ones`(
    kind: StoreKind
  ) async throws {
    let house = try await KeeperHouse(kind)
    // Blocks of four: each second batch goes to the index, and every eighth segment is joined.
    for start in stride(from: 100, to: 900, by: 5) {
      let outcomes = try await house.send((start..<start + 5).map { house.transfer($0) })
      #expect(outcomes == Array(repeating: .created, count: 5))
    }
    try await house.caughtUp()
    for id in [100, 101, 499, 898, 899] {
      #expect(try await house.keeper.transfer(TransferID(bits: UInt128(id)))?.transfer.amount == 1)
    }
    #expect(try await house.keeper.transfer(TransferID(bits: 900)) == nil)
    for newestFirst in [false, true] {
      var seen: [UInt128] = []
      var after: Int64 = newestFirst ? .max : 0
      while let page = try await house.keeper.transfers(
        of: KeeperHouse.vault, after: after, newestFirst: newestFirst, limit: 37),
        let last = page.last
      {
        seen += page.map(\.transfer.id.bits)
        after = last.transfer.sequence
      }
      #expect(seen == (newestFirst ? (100..<900).reversed() : Array(100..<900)))
    }
    house.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `keeps what was frozen, thawed and closed over a restart`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind, snapshotEvery: 1)
    _ = try await house.send([house.transfer(100, amount: 5)])
    #expect(try await house.keeper.change(KeeperHouse.ada, .freeze).outcome == .created)
    #expect(try await house.keeper.change(KeeperHouse.ada, .freeze).outcome == .exists)
    #expect(
      try await house.keeper.change(KeeperHouse.vault, .close).outcome
        == .refused(.accountNotEmpty))
    let again = try await house.restarted()
    #expect(try await again.send([again.transfer(101)]) == [.refused(.creditAccountFrozen)])
    #expect(try await again.keeper.accounts([KeeperHouse.ada]).first?.isFrozen == true)
    #expect(try await again.keeper.change(KeeperHouse.ada, .thaw).account?.isFrozen == false)
    #expect(try await again.send([again.transfer(101)]) == [.created])
    let once = try await again.reopened()
    #expect(try await once.send([once.transfer(102)]) == [.created])
    once.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `answers an old id for ever: the same as exists, another with the field`(kind: StoreKind)
    async throws
  {
    let house = try await KeeperHouse(kind)
    for start in stride(from: 100, to: 300, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    let again = try await house.reopened()
    for keeper in [house, again] {
      let outcomes = try await keeper.send([
        keeper.transfer(100), keeper.transfer(199), keeper.transfer(101, amount: 2),
      ])
      #expect(outcomes == [.exists, .exists, .refused(.existsWithDifferentAmount)])
    }
    again.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `knows the end of a hold when both have left its memory`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind)
    for hold in 1...3 { _ = try await house.send([house.hold(hold, seconds: hold == 3 ? 1 : 0)]) }
    _ = try await house.send([
      house.end(11, of: 1, .postPending), house.end(12, of: 2, .voidPending),
    ])
    house.wait(.seconds(5))
    try await house.keeper.sweep()
    for start in stride(from: 100, to: 200, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    let expected: [(Int, HoldEnd.Manner, TransferRefusal)] = [
      (1, .posted, .pendingTransferAlreadyPosted), (2, .voided, .pendingTransferAlreadyVoided),
      (3, .expired, .pendingTransferExpired),
    ]
    for (hold, manner, refusal) in expected {
      let stored = try await house.keeper.transfer(TransferID(bits: UInt128(hold)))
      #expect(stored?.end?.manner == manner)
      let outcomes = try await house.send([house.end(hold + 20, of: hold, .postPending)])
      #expect(outcomes == [.refused(refusal)])
    }
    #expect(try await house.send([house.end(11, of: 1, .postPending)]) == [.exists])
    house.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `starts from a snapshot, and comes to the same balances`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind, snapshotEvery: 20)
    for start in stride(from: 100, to: 300, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    let before = try await house.keeper.accounts([KeeperHouse.vault, KeeperHouse.ada])
    let kept = try await house.store.read {
      try $0.row("SELECT count(*) AS n FROM snapshots")?.integer("n")
    }
    #expect(kept == 2)
    let again = try await house.reopened()
    #expect(try await again.keeper.accounts([KeeperHouse.vault, KeeperHouse.ada]) == before)
    #expect(
      try await again.send([again.transfer(100), again.transfer(300)]) == [.exists, .created])
    again.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `builds its index again after it was dropped`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind)
    for start in stride(from: 100, to: 200, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    try await house.store.write { transaction in
      try transaction.execute("DELETE FROM index_segments")
      try transaction.execute("DELETE FROM index_chunks")
    }
    let again = try await house.reopened()
    #expect(
      try await again.send([again.transfer(100), again.transfer(200)]) == [.exists, .created])
    try await again.caughtUp()
    #expect(try await again.keeper.transfer(TransferID(bits: 150)) != nil)
    again.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `knows the ids of a past that its start did not read`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind, filteredAtStartMax: 0)
    for start in stride(from: 100, to: 200, by: 10) {
      _ = try await house.send((start..<start + 10).map { house.transfer($0) })
    }
    try await house.caughtUp()
    let again = try await house.reopened()
    // At once, while the filter is made, and afterwards.
    for number in 0..<20 {
      #expect(
        try await again.send([again.transfer(100 + number), again.transfer(300 + number)])
          == [.exists, .created])
    }
    try await again.caughtUp()
    #expect(try await again.keeper.transfer(TransferID(bits: 150)) != nil)
    #expect(try await again.keeper.transfer(TransferID(bits: 999)) == nil)
    again.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `answers many callers at once, each for itself`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind)
    let created = try await withThrowingTaskGroup(of: [TransferOutcome].self) { group in
      for id in 1_000..<1_200 {
        group.addTask { try await house.send([house.transfer(id), house.transfer(id)]) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(created.count { $0 == .created } == 200)
    #expect(created.count { $0 == .exists } == 200)
    let balance = try await house.keeper.accounts([KeeperHouse.ada]).first?.creditsPosted
    #expect(balance == 200)
    house.remove()
  }

  @Test(arguments: StoreKind.installed)
  func `lets an older writer commit nothing`(kind: StoreKind) async throws {
    let house = try await KeeperHouse(kind)
    _ = try await house.send([house.transfer(100)])
    let younger = try await LedgerKeeper(
      store: house.store, clock: house.clock, randomness: .system)
    await #expect(throws: LedgerFault.readingAgain) {
      _ = try await house.send([house.transfer(101)])
    }
    let outcome = try await younger.apply([house.transfer(101)]).outcomes
    #expect(outcome == [.created])
    house.remove()
  }
}

/// A keeper with small blocks over a store in a folder of its own.
struct KeeperHouse {
  static let vault = AccountID(bits: 1)
  static let ada = AccountID(bits: 2)

  let site: StoreSite
  let store: Store
  let keeper: LedgerKeeper
  let clock: Clock
  private let settings: LedgerKeeper.Settings
  private let ahead: Ahead

  final class Ahead: Sendable {
    let span = Mutex(Duration.zero)
  }

  init(
    _ kind: StoreKind, snapshotEvery: Int64 = 1_000_000, pastMax: Int = 10_000,
    filteredAtStartMax: Int64 = 1_000_000
  ) async throws {
    var settings = LedgerKeeper.Settings()
    settings.pastTransfersMax = pastMax
    settings.pastTotalsMax = pastMax
    settings.filteredAtStartMax = filteredAtStartMax
    settings.limits.recentBlock = 4
    settings.filterBytes = 65_536
    settings.snapshotEvery = snapshotEvery
    try await self.init(StoreSite(kind), settings)
    let eur = try #require(Currency("EUR"))
    let opened = try await keeper.open(
      [
        AccountRequest(id: Self.vault, currency: eur, code: 1),
        AccountRequest(id: Self.ada, currency: eur, code: 1, flags: .debitsMustNotExceedCredits),
      ]
    ) { _ in [] }
    #expect(opened.created == 2)
  }

  private init(_ site: StoreSite, _ settings: LedgerKeeper.Settings) async throws {
    self.site = site
    self.settings = settings
    let ahead = Ahead()
    self.ahead = ahead
    clock = Clock {
      Instant(nanoseconds: Int64(Date().timeIntervalSince1970) * 1_000_000_000)
        + ahead.span.withLock { $0 }
    }
    store = try await site.open([.journal], clock: clock)
    keeper = try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: settings)
  }

  /// Another keeper on the same store, as after a crash: nothing is closed before.
  func reopened() async throws -> KeeperHouse { try await KeeperHouse(self) }

  private init(_ other: KeeperHouse, at site: StoreSite? = nil) async throws {
    (settings, ahead, clock) = (other.settings, other.ahead, other.clock)
    self.site = site ?? other.site
    store = try await site?.open([.journal], clock: other.clock) ?? other.store
    keeper = try await LedgerKeeper(
      store: store, clock: clock, randomness: .system, settings: settings)
  }

  /// Another keeper on what a closed store leaves; a file in another place, for the claim on it lives as long as
  /// the keeper that was.
  func restarted() async throws -> KeeperHouse {
    store.close()
    guard site.location == nil else { return try await KeeperHouse(self, at: site) }
    let place = try StoreSite(.sqlite)
    let files = FileManager.default
    try files.createDirectory(atPath: "\(place.folder)/store", withIntermediateDirectories: true)
    try files.moveItem(atPath: site.file, toPath: place.file)
    return try await KeeperHouse(self, at: place)
  }

  func remove() { store.close() }

  func wait(_ span: Duration) { ahead.span.withLock { $0 += span } }

  func caughtUp() async throws {
    while keeper.projectionLag >= Int64(settings.limits.recentBlock) {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  func send(_ batch: [RequestRow]) async throws -> [TransferOutcome] {
    try await keeper.apply(batch).outcomes
  }

  func transfer(_ id: Int, amount: Int64 = 1) -> RequestRow {
    var row = RequestRow()
    row.id = UInt128(id)
    row.debitAccount = Self.vault.bits
    row.creditAccount = Self.ada.bits
    row.amount = amount
    row.currency = 978
    row.code = 1
    return row
  }
  func hold(_ id: Int, seconds: Int) -> RequestRow {
    var row = transfer(id)
    row.flags = TransferFlags.pending.rawValue
    row.timeoutSeconds = UInt32(seconds)
    return row
  }
  func end(_ id: Int, of hold: Int, _ flag: TransferFlags) -> RequestRow {
    var row = RequestRow()
    row.id = UInt128(id)
    row.pendingID = UInt128(hold)
    row.flags = flag.rawValue
    return row
  }
}
