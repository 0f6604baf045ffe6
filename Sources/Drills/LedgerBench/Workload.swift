package import LedgerBook
import Vocabulary

/// Transfers to measure with: seeded, the same for every contestant.
package struct Workload: Sendable {
  /// Which accounts take part.
  package enum Shape: String, CaseIterable, Sendable {
    /// Debtor and creditor drawn evenly from all accounts.
    case uniform
    /// One account is the debtor of everything.
    case hot
    /// A hold, then its posting; evenly drawn.
    case twoPhase = "two-phase"
  }

  package let accounts: Int
  package let shape: Shape
  private var state: UInt64
  private var holds: [UInt128] = []

  package init(accounts: Int, shape: Shape, seed: UInt64) {
    self.accounts = accounts
    self.shape = shape
    state = seed
  }

  /// SplitMix64.
  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Ids are random in all 128 bits, which is harder for an index than ids ordered by time.
  package mutating func batch(of count: Int) -> [RequestRow] {
    (0..<count).map { _ in
      var row = RequestRow()
      row.id = UInt128(next()) << 64 | UInt128(next() | 1)
      if shape == .twoPhase, holds.count >= count, let hold = holds.popLast() {
        row.pendingID = hold
        row.flags = TransferFlags.postPending.rawValue
        return row
      }
      let debtor = shape == .hot ? 0 : next() % UInt64(accounts)
      let creditor = (debtor + 1 + next() % UInt64(accounts - 1)) % UInt64(accounts)
      row.debitAccount = UInt128(debtor + 1)
      row.creditAccount = UInt128(creditor + 1)
      row.amount = Int64(1 + next() % 100)
      row.currency = 978
      row.code = 1
      if shape == .twoPhase {
        row.flags = TransferFlags.pending.rawValue
        holds.append(row.id)
      }
      return row
    }
  }
}
