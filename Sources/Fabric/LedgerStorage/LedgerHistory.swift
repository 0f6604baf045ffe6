package import LedgerBook
package import LedgerJournal
package import Storage
import Vocabulary

/// All of a ledger's history, read from the journal alone: entry after entry, each decided once
/// more. Needs no index and no snapshot, and owns nothing, so it can look at the books of a running
/// ledger. Blocks.
package struct LedgerHistory {
  let reader: StoreReader

  package init(_ reader: StoreReader) { self.reader = reader }

  /// How many entries there are now.
  package func entries() throws -> Int64 { try reader.read { try JournalStore.tip($0).sequence } }

  /// Walks from the first entry to the one that is the last now.
  /// - Parameter visit: called after each entry, with the book as it stands then. The book remembers
  ///   the transfers of this entry and few before it.
  /// - Returns: the book at the end.
  /// - Throws: `JournalMismatch` for the first entry that is not to be believed.
  @discardableResult
  package func replay(
    _ visit: (SealedEntry, JournaledBook) throws -> Void = { _, _ in }
  ) throws -> JournaledBook {
    let last = try entries()
    var limits = Book.Limits()
    limits.recentBlock = Book.batchMax
    var journaled = JournaledBook(Book(limits: limits), epoch: .max)
    while journaled.tip.sequence < last {
      guard let sealed = try reader.read({ try JournalStore.entry(after: journaled.tip, $0) })
      else { throw JournalMismatch.missing(entry: journaled.tip.sequence + 1) }
      try journaled.replay(sealed)
      try visit(sealed, journaled)
      journaled.forget(through: journaled.book.sequence)
    }
    return journaled
  }

  /// Calls back for every transfer in the order of history, in words.
  package func transfers(_ visit: (Transfer) throws -> Void) throws {
    try replay { sealed, journaled in try journaled.transfers(of: sealed).forEach(visit) }
  }
}

extension JournaledBook {
  /// The transfers of an entry that was the last to be replayed, in words.
  package func transfers(of sealed: SealedEntry) -> [Transfer] {
    sealed.entry.accepted.enumerated().compactMap { place, row in
      book.transfer(
        KnownTransfer(row: row, sequence: sealed.entry.firstTransfer + Int64(place)))
    }
  }
}
