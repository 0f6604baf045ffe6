import LedgerBook
import LedgerJournal

/// The index behind the journal: real runs, searched plainly.
struct SimulatedIndex {
  let fault: PlantedFault?
  private(set) var last: Int64 = 0
  private var runs: [IndexKind: [IndexRun]] = [:]
  private var rows: [TransferRow] = []

  init(fault: PlantedFault?) { self.fault = fault }

  mutating func add(_ new: [TransferRow]) {
    for kind in [IndexKind.id, .ended, .token] {
      if kind == .ended, fault == .endsNotIndexed { continue }
      if kind == .token, fault == .tokensNotIndexed { continue }
      runs[kind, default: []].append(IndexRun(kind, of: new, first: last + 1))
    }
    rows += new
    last += Int64(new.count)
  }

  /// Dropped, to be built again.
  mutating func drop() {
    runs = [:]
    rows = []
    last = 0
  }

  var ids: [UInt128] { rows.flatMap { [$0.id, $0.token] } }

  func recall(_ batch: [RequestRow], _ tokens: [UInt128], _ filter: IDFilter, _ book: Book)
    -> Recalled
  {
    let questions = book.questions(of: batch, tokens: tokens) {
      fault == .filterForgets ? false : filter.mayContain($0)
    }
    var known = find(questions.transfers, .id)
    known += find(book.holdsToRecall(after: known, batch: batch), .id)
    return Recalled(
      transfers: known, ends: find(questions.ends, .ended),
      tokens: Set(find(questions.tokens, .token).map(\.row.token)))
  }

  private func find(_ keys: [UInt128], _ kind: IndexKind) -> [KnownTransfer] {
    keys.compactMap { key in
      for run in runs[kind] ?? [] {
        guard let entry = run.entries.first(where: { $0.key == key }) else { continue }
        return KnownTransfer(row: rows[Int(entry.sequence) - 1], sequence: entry.sequence)
      }
      return nil
    }
  }
}
