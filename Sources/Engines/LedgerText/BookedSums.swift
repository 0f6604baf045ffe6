package import LedgerBook
package import Vocabulary

/// What an export must know before its first line: which accounts it meets, since when, and what they had. As large as the
/// number of accounts.
package struct BookedSums: Sendable {
  private let choice: TransferChoice
  private var firstDays: [AccountID: CivilDate] = [:]
  /// The last booked day of all that is written.
  package private(set) var lastDay: CivilDate?
  /// Debits less credits of each account before the first day that is written.
  package private(set) var carried: [AccountID: Int64] = [:]
  /// Debits less credits of each account at the end of the last day that is written.
  package private(set) var balances: [AccountID: Int64] = [:]

  package init(_ choice: TransferChoice) { self.choice = choice }

  package mutating func add(_ transfer: Transfer) {
    guard transfer.movesMoney else { return }
    let day = transfer.bookedDay
    if choice.until.map({ day <= $0 }) ?? true {
      balances[transfer.debitAccount, default: 0] += transfer.amount
      balances[transfer.creditAccount, default: 0] -= transfer.amount
      if let from = choice.from, day < from {
        carried[transfer.debitAccount, default: 0] += transfer.amount
        carried[transfer.creditAccount, default: 0] -= transfer.amount
      }
    }
    guard choice.takes(transfer) else { return }
    lastDay = max(lastDay ?? day, day)
    for account in [transfer.debitAccount, transfer.creditAccount] {
      firstDays[account] = min(firstDays[account] ?? day, day)
    }
  }

  /// Whether the account's balance is asserted.
  package func isChosen(_ id: AccountID) -> Bool {
    choice.accounts.isEmpty || choice.accounts.contains(id)
  }

  /// Whether the account is met in what is written.
  package func isNeeded(_ account: Account) -> Bool {
    isChosen(account.id) || firstDays[account.id] != nil
  }

  /// The day on which the account must be there.
  package func firstDay(of account: Account) -> CivilDate {
    let known = [account.createdAt.day, firstDays[account.id], choice.from].compactMap { $0 }
    return known.min() ?? account.createdAt.day
  }
}
