import LedgerBook
import LedgerJournal
import Storage
import Vocabulary

/// Where in the journal a moment or a transfer stands. Moments never go back from entry to entry, so a moment is found
/// by halving: about twenty looks at a million entries.
enum JournalPlaces {
  private struct Entry {
    let moment: Instant
    let nextTransfer: Int64
  }

  /// Right after everything that happened up to a moment.
  static func place(at moment: Instant, _ snapshot: Snapshot) throws -> PastPlace {
    var low: Int64 = 0
    var high = try JournalStore.tip(snapshot).sequence
    // The last entry at or before the moment lies in low...high.
    while low < high {
      let middle = low + (high - low + 1) / 2
      if try entry(middle, snapshot).moment <= moment { low = middle } else { high = middle - 1 }
    }
    let last = low == 0 ? 0 : try entry(low, snapshot).nextTransfer - 1
    return PastPlace(entry: low, sequence: last, moment: moment)
  }

  /// Right after a transfer; nil where it is none of the journal.
  static func place(after sequence: Int64, _ snapshot: Snapshot) throws -> PastPlace? {
    guard
      let row = try snapshot.row(
        """
        SELECT sequence, moment, first_transfer, transfers FROM journal
        WHERE transfers > 0 AND first_transfer <= ? ORDER BY first_transfer DESC LIMIT 1
        """, [.integer(sequence)]),
      try row.integer("first_transfer") + row.integer("transfers") > sequence
    else { return nil }
    return PastPlace(
      entry: try row.integer("sequence"), sequence: sequence,
      moment: Instant(nanoseconds: try row.integer("moment")))
  }

  private static func entry(_ sequence: Int64, _ snapshot: Snapshot) throws -> Entry {
    guard
      let row = try snapshot.row(
        "SELECT moment, first_transfer, transfers FROM journal WHERE sequence = ?",
        [.integer(sequence)])
    else { throw JournalMismatch.missing(entry: sequence) }
    return Entry(
      moment: Instant(nanoseconds: try row.integer("moment")),
      nextTransfer: try row.integer("first_transfer") + row.integer("transfers"))
  }
}
