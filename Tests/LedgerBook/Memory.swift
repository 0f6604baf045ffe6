import LedgerBook
import Vocabulary

/// History in memory: what the book has accepted so far, kept as storage would keep it.
struct Memory: TransferHistory {
  private(set) var transfers: [TransferID: Transfer] = [:]
  private(set) var ends: [TransferID: HoldEnd] = [:]
  private(set) var used: Set<TransactionID> = []

  func transfer(_ id: TransferID) -> Transfer? { transfers[id] }
  func end(of hold: TransferID) -> HoldEnd? { ends[hold] }
  func hasHold(authorizedBy transaction: TransactionID) -> Bool { used.contains(transaction) }

  /// Keeps what a batch did. Returns a complaint where it rewrites history.
  mutating func keep(_ applied: Applied) -> String? {
    for transfer in applied.created {
      guard transfers.updateValue(transfer, forKey: transfer.id) == nil else {
        return "transfer \(transfer.id) was created twice"
      }
      guard transfer.sequence == Int64(transfers.count) else {
        return "sequence \(transfer.sequence) leaves a gap"
      }
    }
    for end in applied.ended {
      guard ends.updateValue(end, forKey: end.hold) == nil else {
        return "hold \(end.hold) ended twice"
      }
    }
    for token in applied.used.keys where !used.insert(token).inserted {
      return "token \(token) was used twice"
    }
    return nil
  }
}
