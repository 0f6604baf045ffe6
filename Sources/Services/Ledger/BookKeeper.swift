import AuditAPI
import Chassis
import LedgerBook
import Storage
import Synchronization
import Vocabulary

/// Keeps the book in memory and the books on disk the same: every batch is decided and written in
/// one durable transaction, with its audit records, before anybody is answered. Calls that come at
/// the same time share a commit (`Store.write`).
///
/// A class: it owns the one book. The book is only touched inside a write, and writes come one
/// after another.
final class BookKeeper: Sendable {
  private struct Kept {
    var book: Book
    /// The revision of the stored books that `book` stands for; nil where a write did not end well.
    var revision: Int64?
  }

  private let store: Store
  private let limits: Book.Limits
  private let clock: Clock
  private let randomness: Randomness
  private let kept: Mutex<Kept>
  /// What others may look at while a batch is being written, which holds `kept` for as long.
  private let glance: Mutex<Glance>

  private struct Glance {
    var openHolds: Int
    var nextExpiry: Instant?
    init(_ book: Book) {
      openHolds = book.openHoldCount
      nextExpiry = book.nextExpiry
    }
  }

  /// Loads the books and checks them.
  /// - Throws: `BookMismatch` where debits and credits, pending sums and holds, or limits do not
  /// fit: it says where.
  init(
    store: Store, clock: Clock, randomness: Randomness, limits: Book.Limits = .init()
  ) async throws {
    let (book, revision) = try await store.read { try LedgerStore.load($0, limits: limits) }
    self.store = store
    self.clock = clock
    self.randomness = randomness
    self.limits = limits
    kept = Mutex(Kept(book: book, revision: revision))
    glance = Mutex(Glance(book))
  }

  /// What a batch came to.
  struct Posted: Sendable {
    let outcomes: [TransferOutcome]
    /// For a single request: the transfer that was created or had been before; nil where it was
    /// refused.
    let transfer: StoredTransfer?
  }

  func open(_ batch: [AccountRequest], on occasion: Occasion) async throws -> [AccountOutcome] {
    try await write { book, transaction, keeper in
      let now = keeper.clock.now()
      let opened = book.open(batch, at: now)
      guard !opened.opened.isEmpty else { return (opened.outcomes, false) }
      try LedgerStore.keep(opened, in: book, transaction)
      try keeper.append([occasion.record(opened)], at: now, transaction)
      return (opened.outcomes, true)
    }
  }

  func apply(_ batch: [TransferRequest], on occasion: Occasion) async throws -> Posted {
    try await write { book, transaction, keeper in
      let now = keeper.clock.now()
      let recall = try Recall(batch, transaction.snapshot)
      let applied = book.apply(batch, at: now, history: recall)
      let hasChanged = !applied.created.isEmpty || !applied.ended.isEmpty
      if hasChanged { try LedgerStore.keep(applied, in: book, recalling: recall, transaction) }
      let expired = try keeper.expired(applied, transaction)
      try keeper.append(occasion.records(applied, batch) + expired, at: now, transaction)
      let only = batch.count == 1 ? batch.first?.id : nil
      let transfer = try only.flatMap { try LedgerStore.transfer($0, transaction.snapshot) }
      let isAnswer = applied.outcomes.first.map { $0 == .created || $0 == .exists } ?? false
      let posted = Posted(outcomes: applied.outcomes, transfer: isAnswer ? transfer : nil)
      return (posted, hasChanged)
    }
  }

  /// Gives back the holds whose time has passed. Costs nothing where none is due.
  func sweep() async throws {
    let now = clock.now()
    guard let next = glance.withLock({ $0.nextExpiry }), next <= now else { return }
    _ = try await apply([], on: .expiry)
  }

  var openHoldCount: Int { glance.withLock { $0.openHolds } }

  private func expired(_ applied: Applied, _ transaction: Transaction) throws -> [MoneyEvent] {
    let ids = applied.ended.filter { $0.manner == .expired }.map(\.hold)
    guard !ids.isEmpty else { return [] }
    return try LedgerStore.transfers(ids, transaction.snapshot)
      .sorted { $0.transfer.sequence < $1.transfer.sequence }
      .map { MoneyEvent.expired($0.transfer) }
  }

  private func append(
    _ events: [MoneyEvent], at now: Instant, _ transaction: Transaction
  ) throws {
    for event in events {
      let id = AuditRecordID(at: now, random: randomness.bits128())
      let own = CorrelationID(bits: randomness.bits128())
      guard let correlation = event.correlation ?? own else { continue }
      try transaction.append(OutboxMessage(event.record(id, at: now, correlation: correlation)))
    }
  }

  /// One change of the books. If an earlier one was decided but could not be kept, the book is read
  /// again first: what is on disk is the truth.
  private func write<Result: Sendable>(
    _ change: @escaping @Sendable (inout Book, Transaction, BookKeeper) throws -> (Result, Bool)
  ) async throws -> Result {
    do {
      return try await store.write { transaction in
        try self.kept.withLock { kept in
          let stored = try LedgerStore.revision(transaction.snapshot)
          if kept.revision != stored {
            kept.book = try LedgerStore.load(transaction.snapshot, limits: self.limits).0
          }
          kept.revision = nil
          let (result, hasChanged) = try change(&kept.book, transaction, self)
          if hasChanged {
            try LedgerStore.setRevision(stored + 1, at: kept.book.now, transaction)
          }
          kept.revision = hasChanged ? stored + 1 : stored
          let seen = Glance(kept.book)
          self.glance.withLock { $0 = seen }
          return result
        }
      }
    } catch {
      // A hold that expired in what was lost is open again: the next sweep reads the books and sees.
      glance.withLock { $0.nextExpiry = Instant(nanoseconds: 0) }
      throw error
    }
  }
}
