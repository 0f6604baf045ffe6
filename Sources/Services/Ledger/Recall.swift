import LedgerBook
import Storage
import Vocabulary

/// What the store knows of the ids that a batch names: read once, before the book decides, in the
/// same transaction.
struct Recall: TransferHistory {
  private var stored: [TransferID: StoredTransfer] = [:]
  private var tokens: Set<TransactionID> = []

  init(_ requests: [TransferRequest], _ snapshot: Snapshot) throws {
    var ids = Set(requests.map(\.id))
    ids.formUnion(requests.compactMap(\.pendingID))
    try read(ids, snapshot)
    // A posting that is sent again is compared with its hold, which the request need not name
    // rightly.
    let holds = Set(stored.values.compactMap(\.transfer.pendingID)).subtracting(ids)
    try read(holds, snapshot)
    let named = Set(requests.compactMap { $0.authorization?.transaction })
    if !named.isEmpty { tokens = try LedgerStore.usedTokens(named, snapshot) }
  }

  private mutating func read(_ ids: Set<TransferID>, _ snapshot: Snapshot) throws {
    guard !ids.isEmpty else { return }
    for found in try LedgerStore.transfers(ids, snapshot) { stored[found.transfer.id] = found }
  }

  func transfer(_ id: TransferID) -> Transfer? { stored[id]?.transfer }
  func end(of hold: TransferID) -> HoldEnd? { stored[hold]?.end }
  func hasHold(authorizedBy transaction: TransactionID) -> Bool { tokens.contains(transaction) }
}
