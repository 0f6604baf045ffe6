package import Vocabulary

// What was accepted once is decided once more: the same outcome, field by field, or the book and
// the journal disagree.

extension Book {
  /// Carries out what a journal says happened at one moment: expiries first, then accounts, then
  /// transfers with the changes of accounts between them.
  /// - Throws: `BookMismatch` for the first thing that the book decides otherwise. The book is of
  ///   no use then.
  package mutating func replay(
    expired: [UInt128], opened: [AccountRow], accepted: [TransferRow],
    changed: [AccountChangeRow] = [], at instant: Instant
  ) throws(BookMismatch) {
    guard instant >= now else { throw .expiriesDiffer(instant) }
    let due = apply([], at: instant).expired.map(\.row.id)
    guard due == expired else { throw .expiriesDiffer(instant) }
    for row in opened { try replay(row) }
    var changes = changed[...]
    try replay(&changes)
    for row in accepted {
      try replay(row)
      if !changes.isEmpty { try replay(&changes) }
    }
    if let left = changes.first {
      throw .accountDiffers(AccountID(bits: left.account), "its change is out of place")
    }
  }

  /// The changes that come next, between two transfers.
  private mutating func replay(_ changes: inout ArraySlice<AccountChangeRow>) throws(BookMismatch) {
    while let next = changes.first, next.after == sequence {
      let id = AccountID(bits: next.account)
      let outcome = change(id, next.change, at: now)
      guard outcome == .created else { throw .accountDiffers(id, outcome.name) }
      changes.removeFirst()
    }
  }

  private mutating func replay(_ row: AccountRow) throws(BookMismatch) {
    let id = AccountID(bits: row.id)
    guard let currency = Currency(numericCode: row.currency) else {
      throw .accountDiffers(id, "\(row.currency) is no currency of ISO 4217")
    }
    let request = AccountRequest(
      id: id, currency: currency, code: row.code,
      owner: row.owner == 0 ? nil : PersonID(bits: row.owner),
      // A chain that was accepted has no bearing on the accounts one by one.
      flags: AccountFlags(rawValue: row.flags).subtracting(.linked))
    let outcome = open([request], at: now).outcomes.first
    guard outcome == .created else { throw .accountDiffers(id, outcome?.name ?? "") }
    accounts[accounts.count - 1].flags = row.flags
    guard accounts[accounts.count - 1] == row else { throw .accountDiffers(id, "fields differ") }
  }

  private mutating func replay(_ row: TransferRow) throws(BookMismatch) {
    func differs(_ reason: String) -> BookMismatch {
      .transferDiffers(TransferID(bits: row.id), sequence: sequence + 1, reason)
    }
    guard accounts.indices.contains(Int(row.debit)), accounts.indices.contains(Int(row.credit))
    else { throw differs("it names an account that does not exist") }
    let request = RequestRow(
      row, debit: accounts[Int(row.debit)].id, credit: accounts[Int(row.credit)].id)
    let outcome = decideAgain(request, token: row.token)
    guard outcome == .created else { throw differs(outcome.name) }
    guard recent[sequence] == row else { throw differs("fields differ") }
  }
}
