import LedgerBook
import Vocabulary

/// What a batch did, in words.
struct Decided {
  var outcomes: [TransferOutcome] = []
  var created: [Transfer] = []
  var ended: [HoldEnd] = []
  var rows: [KnownTransfer] = []
}

/// History in memory: what the book has accepted so far, kept as storage would keep it.
struct Memory {
  private(set) var transfers: [TransferID: Transfer] = [:]
  private(set) var ends: [TransferID: HoldEnd] = [:]
  private var rows: [UInt128: KnownTransfer] = [:]
  private var endRows: [UInt128: KnownTransfer] = [:]
  private var used: Set<UInt128> = []

  func transfer(_ id: TransferID) -> Transfer? { transfers[id] }
  func row(_ id: TransferID) -> KnownTransfer? { rows[id.bits] }

  /// Answers what a batch asks of history.
  func recall(_ batch: [RequestRow], _ tokens: [UInt128], in book: Book) -> Recalled {
    let questions = book.questions(of: batch, tokens: tokens) { _ in true }
    var found = questions.transfers.compactMap { rows[$0] }
    let ended = questions.ends.compactMap { endRows[$0] }
    found += book.holdsToRecall(after: found, batch: batch).compactMap { rows[$0] }
    return Recalled(transfers: found, ends: ended, tokens: used.intersection(questions.tokens))
  }

  /// Keeps what a batch did. Returns a complaint where it rewrites history.
  mutating func keep(_ decided: Decided) -> String? {
    for known in decided.rows {
      guard rows.updateValue(known, forKey: known.row.id) == nil else {
        return "transfer \(known.row.id) was created twice"
      }
      guard known.sequence == Int64(rows.count) else {
        return "sequence \(known.sequence) leaves a gap"
      }
      if known.row.does([.postPending, .voidPending]) { endRows[known.row.pendingID] = known }
      guard known.row.token == 0 || used.insert(known.row.token).inserted else {
        return "token \(known.row.token) was used twice"
      }
    }
    for transfer in decided.created { transfers[transfer.id] = transfer }
    for end in decided.ended {
      guard ends.updateValue(end, forKey: end.hold) == nil else {
        return "hold \(end.hold) ended twice"
      }
    }
    return nil
  }
}

extension Book {
  /// Rehearses a batch after what is due has expired, and looks whether the book is as it was.
  /// - Returns: what it says of the batch; nil where the book is another one afterwards.
  func rehearsed(
    _ batch: [TransferRequest], at instant: Instant, history: Memory
  ) -> [TransferOutcome]? {
    var trial = self
    _ = trial.expire(at: instant)
    let (accounts, holds, sequence) = (trial.accountRows, trial.openHolds, trial.sequence)
    let rows = batch.map(RequestRow.init)
    var authorizations: [Int: Authorization] = [:]
    for (index, request) in batch.enumerated() { authorizations[index] = request.authorization }
    let recalled = history.recall(rows, authorizations.values.map(\.transaction.bits), in: trial)
    let outcomes = trial.rehearse(rows, authorizations: authorizations, recalling: recalled)
    let again = trial.rehearse(rows, authorizations: authorizations, recalling: recalled)
    guard
      outcomes == again, trial.accountRows == accounts, trial.openHolds == holds,
      trial.sequence == sequence
    else { return nil }
    let applied = trial.apply(
      rows, authorizations: authorizations, at: instant, recalling: recalled)
    return applied.outcomes == outcomes ? outcomes : nil
  }

  /// Applies a batch with history at hand, and tells in words what it did.
  mutating func apply(
    _ batch: [TransferRequest], at instant: Instant, history: Memory
  ) -> Decided {
    let rows = batch.map(RequestRow.init)
    var authorizations: [Int: Authorization] = [:]
    for (index, request) in batch.enumerated() { authorizations[index] = request.authorization }
    let tokens = authorizations.values.map(\.transaction.bits)
    let recalled = history.recall(rows, tokens, in: self)
    let applied = apply(
      rows, authorizations: authorizations, at: instant, recalling: recalled)
    var decided = Decided(outcomes: applied.outcomes)
    decided.ended = applied.expired.map {
      HoldEnd(hold: TransferID(bits: $0.row.id), manner: .expired, by: nil)
    }
    for (sequence, row) in zip(applied.created, recentRows(applied.created)) {
      let known = KnownTransfer(row: row, sequence: sequence)
      decided.rows.append(known)
      guard let transfer = transfer(known) else { continue }
      decided.created.append(transfer)
      guard let hold = transfer.pendingID, transfer.flags.resolves else { continue }
      decided.ended.append(
        HoldEnd(
          hold: hold, manner: transfer.flags.contains(.postPending) ? .posted : .voided,
          by: transfer.id))
    }
    forget(through: sequence)
    return decided
  }
}
