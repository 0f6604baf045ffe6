package import Vocabulary

/// Stored accounts and holds that cannot be a book; each case says where.
package enum BookMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  case accountTwice(AccountID)
  case sumOutOfRange(AccountID)
  case limitCrossed(AccountID)
  case holdWithoutAccount(TransferID)
  case pendingDiffersFromHolds(AccountID)
  case unbalanced(CurrencyTotal)

  package var description: String {
    switch self {
    case .accountTwice(let id): "account \(id) is stored twice"
    case .sumOutOfRange(let id): "a sum of account \(id) is outside 0 to 2^53 - 1"
    case .limitCrossed(let id): "account \(id) has crossed its own limit"
    case .holdWithoutAccount(let id): "open hold \(id) names an account that is not stored"
    case .pendingDiffersFromHolds(let id):
      "the pending sums of account \(id) are not the sums of its open holds"
    case .unbalanced(let total):
      """
      \(total.currency): debits are not equal to credits: pending \(total.debitsPending) to \
      \(total.creditsPending), posted \(total.debitsPosted) to \(total.creditsPosted)
      """
    }
  }
}

extension Book {
  /// A book from storage: accounts in the order of opening, open holds in any order. Checks all it
  /// is given.
  /// - Throws: `BookMismatch` for the first thing that cannot be.
  package init(
    restoring accounts: [Account], holds: [Transfer], sequence: Int64, now: Instant,
    limits: Limits = Limits()
  ) throws(BookMismatch) {
    self.init(limits: limits)
    self.sequence = sequence
    self.now = now
    self.accounts = accounts
    numbers.reserveCapacity(accounts.count)
    for (number, account) in accounts.enumerated() {
      guard numbers.updateValue(number, forKey: account.id) == nil else {
        throw .accountTwice(account.id)
      }
      try account.checkSums()
    }
    try restore(holds)
    for total in trialBalance where !total.isBalanced { throw .unbalanced(total) }
  }

  private mutating func restore(_ open: [Transfer]) throws(BookMismatch) {
    var debits = [Int64](repeating: 0, count: accounts.count)
    var credits = debits
    for hold in open {
      guard let debit = numbers[hold.debitAccount], let credit = numbers[hold.creditAccount] else {
        throw .holdWithoutAccount(hold.id)
      }
      let (debited, tooMuch) = debits[debit].addingReportingOverflow(hold.amount)
      let (credited, tooMuchAgain) = credits[credit].addingReportingOverflow(hold.amount)
      guard !tooMuch, !tooMuchAgain else { throw .pendingDiffersFromHolds(hold.debitAccount) }
      debits[debit] = debited
      credits[credit] = credited
      keep(hold)
    }
    for (number, account) in accounts.enumerated()
    where account.debitsPending != debits[number] || account.creditsPending != credits[number] {
      throw .pendingDiffersFromHolds(account.id)
    }
  }
}

extension Account {
  fileprivate func checkSums() throws(BookMismatch) {
    let range = 0...Book.amountMax
    guard range.contains(debitsPending), range.contains(debitsPosted),
      range.contains(creditsPending), range.contains(creditsPosted),
      range.contains(debitsPending + debitsPosted), range.contains(creditsPending + creditsPosted)
    else { throw .sumOutOfRange(id) }
    guard
      !flags.contains(.debitsMustNotExceedCredits) || debitsPending + debitsPosted <= creditsPosted,
      !flags.contains(.creditsMustNotExceedDebits) || creditsPending + creditsPosted <= debitsPosted
    else { throw .limitCrossed(id) }
  }
}
