import LedgerBook
import LedgerJournal
import Storage
import Vocabulary

/// The book as the store has it: the newest snapshot, every entry after it decided once more, and a
/// filter of the ids that the index has.
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
    filter = IDFilter(bytes: settings.filterBytes, key: key)
    for row in journaled.book.recentRows(journaled.book.recentRange) {
      filter.insert(row.id)
      if row.token != 0 { filter.insert(row.token) }
    }
    for segment in try IndexStore.segments(snapshot) {
      for kind in [IndexKind.id, .token] { try fill(segment.id, kind, snapshot) }
    }
  }

  private mutating func fill(_ segment: Int64, _ kind: IndexKind, _ snapshot: Snapshot) throws {
    var key: [UInt8]?
    while let next = try IndexStore.chunk(of: segment, kind, after: key, snapshot) {
      key = next.key
      for index in 0..<next.chunk.count { filter.insert(next.chunk[index].key) }
    }
  }

  func flow(generation: Int) -> LedgerKeeper.Flow {
    let book = journaled.book
    return LedgerKeeper.Flow(
      commits: CommitFlow(
        tip: journaled.tip.sequence, transfer: book.sequence, generation: generation),
      projected: projected, snapshotAt: snapshotAt, openHolds: book.openHoldCount,
      nextExpiry: book.nextExpiry)
  }
}
