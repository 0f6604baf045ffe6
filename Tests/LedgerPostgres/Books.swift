import LedgerBook
import LedgerJournal
import LedgerStorage
import Storage
import StoragePostgres
import Synchronization
import TestKit
import Testing
import Vocabulary

let wallClock = Clock {
  Instant(nanoseconds: Int64((ContinuousClock.now - origin) / .nanoseconds(1)))
    + .seconds(1_795_262_400)
}
private let origin = ContinuousClock.now

/// A ledger on PostgreSQL as its process has it.
struct Books: Sendable {
  let store: Store
  let keeper: LedgerKeeper

  /// Waits while another owns the books.
  static func open(
    _ location: PostgresLocation, onWaiting: @Sendable () -> Void = {}
  ) async throws -> Books {
    let store = try await Store.open(
      location, for: "ledger", migrations: [.journal], clock: wallClock, randomness: .system,
      onWaiting: onWaiting)
    var settings = LedgerKeeper.Settings()
    settings.limits.recentBlock = 64
    let keeper = try await LedgerKeeper(
      store: store, clock: wallClock, randomness: .system, settings: settings)
    let eur = try #require(Currency("EUR"))
    _ = try await keeper.open(
      [1, 2].map { AccountRequest(id: AccountID(bits: $0), currency: eur, code: 1) }
    ) { _ in [] }
    return Books(store: store, keeper: keeper)
  }

  @discardableResult
  func send(_ ids: [Int]) async throws -> [TransferOutcome] {
    try await keeper.apply(ids.map(Self.transfer)).outcomes
  }

  static func transfer(_ id: Int) -> RequestRow {
    var row = RequestRow()
    row.id = UInt128(id)
    (row.debitAccount, row.creditAccount) = (1, 2)
    (row.amount, row.currency, row.code) = (1, 978, 1)
    return row
  }
}

/// Callers who want their transfers kept, and ask again until they hear that they are.
final class Load: Sendable {
  struct Seen {
    var kept: [Int] = []
    /// Batches whose first answer was an error.
    var doubted = 0
    /// Of those, the ones that turned out to have been kept nevertheless.
    var keptUnheard = 0
    var refused: [String] = []
  }
  /// Where they go; a failover changes it.
  let books: Mutex<Books>
  private let seen = Mutex(Seen())
  private let mayStop = Mutex(false)

  init(_ books: Books) { self.books = Mutex(books) }

  var result: Seen { seen.withLock { $0 } }
  func stop() { mayStop.withLock { $0 = true } }

  /// Runs until `stop`, and until the last caller has heard.
  func run(callers: Int = 8) async {
    await withTaskGroup(of: Void.self) { group in
      for caller in 0..<callers {
        group.addTask {
          var next = (caller + 1) * 10_000_000
          while !self.mayStop.withLock({ $0 }) {
            await self.insist([next, next + 1, next + 2])
            next += 3
          }
        }
      }
    }
  }

  private func insist(_ ids: [Int]) async {
    var isDoubted = false
    while true {
      do {
        let outcomes = try await books.withLock { $0 }.send(ids)
        let isNew = outcomes.allSatisfy { $0 == .created }
        let isKnown = outcomes.allSatisfy { $0 == .exists }
        let wasDoubted = isDoubted
        return seen.withLock {
          $0.kept += ids
          if wasDoubted { $0.doubted += 1 }
          if wasDoubted, isKnown { $0.keptUnheard += 1 }
          // In part, or known at the first attempt: both would be wrong.
          if !isNew, !(isKnown && wasDoubted) { $0.refused.append("\(outcomes)") }
        }
      } catch {
        isDoubted = true
        try? await Task.sleep(for: .milliseconds(10))
      }
    }
  }
}

/// Everything that was answered is in the books, once; hashes, balances and index are as they must be.
func expectSound(_ location: PostgresLocation, _ seen: Load.Seen) throws {
  let reader = try StoreReader(PostgresReader(location))
  let report = try LedgerVerifier(reader).verify()
  #expect(report.findings == [])
  var ids: [Int] = []
  try LedgerHistory(reader).transfers { ids.append(Int($0.id.bits)) }
  let missing = Set(seen.kept).subtracting(ids)
  #expect(missing.isEmpty, "\(missing.count) answered transfers are not in the books")
  #expect(Set(ids).count == ids.count, "a transfer is there twice")
  let posted = report.totals.map { "\($0.creditsPosted)" }
  #expect(posted == ["\(ids.count)"])
  #expect(seen.refused == [])
  #expect(seen.kept.count > 0)
}

/// Asks until it is so, and tells how long that took.
func waitUntil(
  _ what: String, within limit: Duration = .seconds(40), _ isSo: () async throws -> Bool
) async throws {
  let begun = ContinuousClock.now
  while try await !isSo() {
    try #require(ContinuousClock.now - begun < limit, "\(what): not within \(limit)")
    try await Task.sleep(for: .milliseconds(10))
  }
  print("postgres: \(what) after \(Int((ContinuousClock.now - begun) / .milliseconds(1))) ms")
}
