import LedgerJournal
import Telemetry

extension LedgerService {
  /// What an operator must know of books that stay shut, where callers only hear that they may ask again.
  static func tell(_ mismatch: JournalMismatch?, of place: String, to log: Log) {
    guard let mismatch else { return log.info("the books are whole again, and open") }
    let advice =
      switch mismatch {
      case .missing:
        "bring back the server that has this entry, or promote a replica that does: the ledger then opens by itself. "
          + "Do not start the ledger anew before: it would take the shorter books for the whole"
      case .hashDiffers, .malformed, .chainBroken, .epochGoesBack, .transfersDoNotFollow, .book,
        .snapshot, .indexAhead:
        "run 'strongroom ledger verify', and restore the newest backup that it finds sound"
      }
    log.error(
      "the books are not what was answered, and stay shut: every call gets 503",
      ["what": .text(mismatch.description), "where": .text(place), "hint": .text(advice)])
  }
}
