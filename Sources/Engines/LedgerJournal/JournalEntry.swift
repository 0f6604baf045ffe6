package import LedgerBook
package import Vocabulary

/// One step of the truth: what a group of batches did to the books at one moment. Only what was
/// accepted is in it; what was refused leaves no trace.
package struct JournalEntry: Hashable, Sendable {
  /// Its number, from 1, without gaps.
  package var sequence: Int64
  /// Who wrote it: grows by one each time another writer takes over.
  package var epoch: Int64
  package var moment: Instant
  /// The hash of the entry before.
  package var previous: JournalHash
  /// The sequence of the first transfer in it, or of the next one where it has none.
  package var firstTransfer: Int64
  /// The holds that expired, in the order in which they did; they come first.
  package var expired: [UInt128]
  /// The accounts that were opened then, in the order of their numbers.
  package var opened: [AccountRow]
  /// The transfers that were accepted last, in the order of their sequences.
  package var accepted: [TransferRow]
  /// What was done to accounts, each after the transfer that it names, in order.
  package var changed: [AccountChangeRow]

  package init(
    sequence: Int64, epoch: Int64, moment: Instant, previous: JournalHash, firstTransfer: Int64,
    expired: [UInt128] = [], opened: [AccountRow] = [], accepted: [TransferRow] = [],
    changed: [AccountChangeRow] = []
  ) {
    self.sequence = sequence
    self.epoch = epoch
    self.moment = moment
    self.previous = previous
    self.firstTransfer = firstTransfer
    self.expired = expired
    self.opened = opened
    self.accepted = accepted
    self.changed = changed
  }

  /// The sequence after its last transfer.
  package var nextTransfer: Int64 { firstTransfer + Int64(accepted.count) }
}

/// An entry as it is stored.
package struct SealedEntry: Hashable, Sendable {
  package let entry: JournalEntry
  package let body: [UInt8]
  /// SHA-256 of `body`, which holds the hash of the entry before.
  package let hash: JournalHash

  package var position: JournalPosition { .init(sequence: entry.sequence, hash: hash) }

  package init(_ entry: JournalEntry) {
    self.entry = entry
    body = entry.encoded
    hash = JournalHash(of: body)
  }

  /// An entry from storage.
  /// - Throws: `JournalMismatch` where it is not what was written there, or not the one that
  ///   follows.
  package init(
    body: [UInt8], hash: JournalHash, after position: JournalPosition
  ) throws(JournalMismatch) {
    let sequence = position.sequence + 1
    guard JournalHash(of: body) == hash else { throw .hashDiffers(entry: sequence) }
    guard let entry = JournalEntry(encoded: body) else { throw .malformed(entry: sequence) }
    guard entry.sequence == sequence, entry.previous == position.hash else {
      throw .chainBroken(entry: sequence)
    }
    self.entry = entry
    self.body = body
    self.hash = hash
  }
}

/// Why a journal is not to be believed; each case says where.
package enum JournalMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  case missing(entry: Int64)
  case hashDiffers(entry: Int64)
  case malformed(entry: Int64)
  case chainBroken(entry: Int64)
  case epochGoesBack(entry: Int64)
  case transfersDoNotFollow(entry: Int64)
  /// The book, given this entry, decides otherwise.
  case book(entry: Int64, BookMismatch)
  case snapshot(at: Int64, String)
  /// The index has transfers that the journal, up to its last entry, has not.
  case indexAhead(of: Int64)

  package var description: String {
    switch self {
    case .missing(let entry): "journal entry \(entry) is missing"
    case .hashDiffers(let entry): "journal entry \(entry) is not what was written: its hash differs"
    case .malformed(let entry): "journal entry \(entry) cannot be read"
    case .chainBroken(let entry): "journal entry \(entry) does not follow the entry before it"
    case .epochGoesBack(let entry): "journal entry \(entry) was written by a writer of the past"
    case .transfersDoNotFollow(let entry):
      "the transfers of journal entry \(entry) do not follow those before"
    case .book(let entry, let mismatch): "journal entry \(entry): \(mismatch)"
    case .indexAhead(let entry):
      "the index has transfers that the journal, up to entry \(entry), has not"
    case .snapshot(let position, let reason): "the snapshot at entry \(position): \(reason)"
    }
  }
}
