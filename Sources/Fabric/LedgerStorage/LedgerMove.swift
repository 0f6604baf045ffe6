package import LedgerBook
import LedgerJournal
package import Storage
import Vocabulary

/// Carries a ledger's books from a file into a database: the journal entry by entry as it was sealed, each decided once
/// more on its way, so that every id, moment, owner, hold and hash is the same; and the messages that wait for others.
/// Index and snapshots follow from the journal; they come along, because without them a start would hold all of history
/// in memory, and are verified where they arrive. Neither store may have an owner at work.
package struct LedgerMove {
  /// The target's books are not the beginning of ours.
  package struct OtherBooks: Error, Hashable, CustomStringConvertible {
    package let entry: Int64
    package var description: String {
      "there are other books already, which differ from these at journal entry \(entry); name an empty database or schema"
    }
  }

  /// A ledger has worked on the target since: what waits there, and what it answered, is newer than ours.
  package struct Outrun: Error, Hashable, CustomStringConvertible {
    package var description: String {
      "a ledger has worked on the books there already; this file is older than they are, and nothing of it is carried"
    }
  }

  package struct Report: Sendable {
    /// Entries that were carried now; the rest was there from an attempt before.
    package internal(set) var carried: Int64 = 0
    package internal(set) var entries: Int64 = 0
    /// Messages, keys and makers.
    package internal(set) var rows = 0
    package internal(set) var tip = ""
    package internal(set) var openHolds = 0
    package internal(set) var totals: [CurrencyTotal] = []
  }

  /// What is carried entry by entry.
  private static let ownTables: Set = ["journal", "writer", "account_owners"]
  private static let derivedTables: Set = ["snapshots", "index_segments", "index_chunks"]

  private struct Step: Sendable {
    let sealed: SealedEntry
    let firstAccount: Int
  }

  private let source: StoreReader
  private let target: Store
  private let writeBytes: Int

  /// - Parameter writeBytes: of entries in one transaction, unless a single one has more.
  package init(from source: StoreReader, to target: Store, writeBytes: Int = 1_048_576) {
    self.source = source
    self.target = target
    self.writeBytes = writeBytes
  }

  /// Blocks, and may be repeated after it was interrupted.
  /// - Parameter progress: told of the last entry that is kept, after each transaction; what it throws ends the move.
  /// - Throws: `JournalMismatch` for the first entry that is not to be believed; `OtherBooks`; `Outrun`; `StoreError`.
  package func run(progress: (Int64) throws -> Void = { _ in }) throws -> Report {
    var report = Report()
    let epoch = try source.read { try JournalStore.epoch($0) }
    // Each ledger that starts counts it up.
    guard try target.readNow({ try JournalStore.epoch($0) }) <= epoch else { throw Outrun() }
    let begun = try target.readNow { try JournalStore.tip($0) }
    var steps: [Step] = []
    var bytes = 0
    let journaled = try LedgerHistory(source).replay { sealed, journaled in
      let entry = sealed.entry
      guard entry.sequence > begun.sequence else {
        if entry.sequence == begun.sequence, sealed.hash != begun.hash {
          throw OtherBooks(entry: entry.sequence)
        }
        return
      }
      steps.append(
        Step(sealed: sealed, firstAccount: journaled.book.accountCount - entry.opened.count))
      bytes += sealed.body.count
      report.carried += 1
      guard bytes >= writeBytes else { return }
      try keep(steps)
      (steps, bytes) = ([], 0)
      try progress(entry.sequence)
    }
    guard journaled.tip.sequence >= begun.sequence else {
      throw OtherBooks(entry: journaled.tip.sequence + 1)
    }
    try keep(steps)
    try target.writeNow {
      try $0.execute(
        "UPDATE writer SET epoch = ? WHERE epoch < ?", [.integer(epoch), .integer(epoch)])
    }
    _ = try TableCopy(from: source, only: Self.derivedTables).run { try target.writeNow($0) }
    report.rows = try TableCopy(
      from: source, except: Self.ownTables.union(Self.derivedTables)
    ).run { try target.writeNow($0) }
    report.entries = journaled.tip.sequence
    report.tip = journaled.tip.hash.description
    report.openHolds = journaled.book.openHoldCount
    report.totals = journaled.book.trialBalance
    return report
  }

  private func keep(_ steps: [Step]) throws {
    guard !steps.isEmpty else { return }
    try target.writeNow { transaction in
      for step in steps {
        guard try JournalStore.tip(transaction.snapshot).hash == step.sealed.entry.previous else {
          throw JournalMismatch.chainBroken(entry: step.sealed.entry.sequence)
        }
        try JournalStore.insert(step.sealed, firstAccount: step.firstAccount, transaction)
      }
    }
  }
}
