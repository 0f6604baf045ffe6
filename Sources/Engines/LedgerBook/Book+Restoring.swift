package import Vocabulary

/// Stored accounts and holds that cannot be a book; each case says where.
package enum BookMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  case accountTwice(AccountID)
  case sumOutOfRange(AccountID)
  case limitCrossed(AccountID)
  case holdWithoutAccount(TransferID)
  case pendingDiffersFromHolds(AccountID)
  case unbalanced(CurrencyTotal)
  /// An account that the journal opens is refused by the book, or comes out different.
  case accountDiffers(AccountID, String)
  /// A transfer that the journal says was accepted is refused by the book, or comes out different.
  case transferDiffers(TransferID, sequence: Int64, String)
  /// The holds that expire at this moment are not those of the journal.
  case expiriesDiffer(Instant)

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
    case .accountDiffers(let id, let reason):
      "account \(id) cannot have been opened: \(reason)"
    case .transferDiffers(let id, let sequence, let reason):
      "transfer \(id), number \(sequence), cannot have been accepted: \(reason)"
    case .expiriesDiffer(let instant):
      "the holds that expired at \(instant) are not those of the book"
    }
  }
}

extension Book {
  /// A book from storage: accounts in the order of opening, open holds in any order. Checks all it
  /// is given.
  /// - Parameter recent: the last transfers up to `sequence`, which history does not know yet.
  /// - Throws: `BookMismatch` for the first thing that cannot be.
  package init(
    restoring accounts: [AccountRow], holds: [KnownTransfer], sequence: Int64, now: Instant,
    limits: Limits = Limits(), key: UInt64 = 0, remembering recent: [TransferRow] = []
  ) throws(BookMismatch) {
    self.init(limits: limits, after: sequence - Int64(recent.count), key: key)
    for row in recent { self.recent.append(row) }
    self.now = now
    self.accounts = accounts
    numbers = IDTable(capacity: accounts.count, key: key)
    for (number, account) in accounts.enumerated() {
      guard numbers.find(account.id) == nil else {
        throw .accountTwice(AccountID(bits: account.id))
      }
      numbers.insert(account.id, at: number)
      try account.checkSums()
    }
    try restore(holds)
    for total in trialBalance where !total.isBalanced { throw .unbalanced(total) }
  }

  private mutating func restore(_ open: [KnownTransfer]) throws(BookMismatch) {
    var debits = [Int64](repeating: 0, count: accounts.count)
    var credits = debits
    for hold in open {
      let (debit, credit) = (Int(hold.row.debit), Int(hold.row.credit))
      guard debit < accounts.count, credit < accounts.count else {
        throw .holdWithoutAccount(TransferID(bits: hold.row.id))
      }
      let (debited, tooMuch) = debits[debit].addingReportingOverflow(hold.row.amount)
      let (credited, tooMuchAgain) = credits[credit].addingReportingOverflow(hold.row.amount)
      guard !tooMuch, !tooMuchAgain, hold.row.amount >= 0, holds.named(hold.row.id) == nil else {
        throw .pendingDiffersFromHolds(AccountID(bits: accounts[debit].id))
      }
      debits[debit] = debited
      credits[credit] = credited
      holds.keep(hold)
    }
    for (number, account) in accounts.enumerated()
    where account.debitsPending != debits[number] || account.creditsPending != credits[number] {
      throw .pendingDiffersFromHolds(AccountID(bits: account.id))
    }
  }
}

extension AccountRow {
  fileprivate func checkSums() throws(BookMismatch) {
    let range = 0...Book.amountMax
    guard range.contains(debitsPending), range.contains(debitsPosted),
      range.contains(creditsPending), range.contains(creditsPosted),
      range.contains(debitsPending + debitsPosted), range.contains(creditsPending + creditsPosted)
    else { throw .sumOutOfRange(AccountID(bits: id)) }
    guard
      !has(.debitsMustNotExceedCredits) || debitsPending + debitsPosted <= creditsPosted,
      !has(.creditsMustNotExceedDebits) || creditsPending + creditsPosted <= debitsPosted
    else { throw .limitCrossed(AccountID(bits: id)) }
  }
}
