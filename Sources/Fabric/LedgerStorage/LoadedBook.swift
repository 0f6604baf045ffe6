import LedgerBook
import LedgerJournal
import Storage
import Vocabulary

/// The book as the store has it: the newest snapshot, every entry after it decided once more, and a
/// filter of the ids that the index has, where that are not so many that a start would wait for it.
struct LoadedBook {
  private(set) var journaled: JournaledBook
  private(set) var filter: IDFilter
  private let projected: Int64
  private let snapshotAt: Int64

  /// - Throws: `JournalMismatch` for the first place where snapshot, journal, index and book
  ///   disagree.
  init(
    _ snapshot: Snapshot, settings: LedgerKeeper.Settings, key: UInt64, epoch: Int64
  ) throws {
    projected = try IndexStore.projected(snapshot)
    if let newest = try JournalStore.newestSnapshot(snapshot) {
      var recent: [TransferRow] = []
      if projected < newest.lastTransfer {
        let sequences = Array(projected + 1...newest.lastTransfer)
        recent = try JournalStore.transfers(sequences, snapshot).map(\.row)
      }
      let book = try newest.book(limits: settings.limits, key: key, remembering: recent)
      journaled = JournaledBook(book, at: newest.position, epoch: epoch)
      snapshotAt = newest.lastTransfer
    } else {
      journaled = JournaledBook(Book(limits: settings.limits, key: key), epoch: epoch)
      snapshotAt = 0
    }
    while let entry = try JournalStore.entry(after: journaled.tip, snapshot) {
      try journaled.replay(entry)
      journaled.forget(through: projected)
    }
    guard projected <= journaled.book.sequence else {
      throw JournalMismatch.indexAhead(of: journaled.tip.sequence)
    }
    for total in journaled.book.trialBalance where !total.isBalanced {
      throw JournalMismatch.book(entry: journaled.tip.sequence, .unbalanced(total))
    }
    if projected <= settings.filteredAtStartMax {
      filter = try Self.filter(
        indexed: projected, snapshot, bytesMax: settings.filterBytes, key: key)
    } else {
      filter = IDFilter(ids: Int(projected), bytesMax: settings.filterBytes, key: key)
      filter.knowsPast = false
    }
    filter.insert(journaled.book)
  }

  /// A filter of the ids and tokens that the index has.
  static func filter(
    indexed: Int64, _ snapshot: Snapshot, bytesMax: Int, key: UInt64
  ) throws -> IDFilter {
    var filter = IDFilter(ids: Int(indexed), bytesMax: bytesMax, key: key)
    for segment in try IndexStore.segments(snapshot) {
      for kind in [IndexKind.id, .token] {
        var key: [UInt8]?
        while let next = try IndexStore.chunk(of: segment.id, kind, after: key, snapshot) {
          key = next.key
          for index in 0..<next.chunk.count { filter.insert(next.chunk[index].key) }
        }
      }
    }
    return filter
  }

  func flow(generation: Int) -> LedgerKeeper.Flow {
    let book = journaled.book
    return LedgerKeeper.Flow(
      commits: CommitFlow(
        tip: journaled.tip.sequence, transfer: book.sequence, generation: generation),
      durable: journaled.tip,
      projected: projected, snapshotAt: snapshotAt, openHolds: book.openHoldCount,
      nextExpiry: book.nextExpiry)
  }
}

extension IDFilter {
  /// What the book remembers.
  mutating func insert(_ book: Book) {
    for row in book.recentRows(book.recentRange) { insert(row) }
  }

  mutating func insert(_ row: TransferRow) {
    insert(row.id)
    if row.token != 0 { insert(row.token) }
  }
}
