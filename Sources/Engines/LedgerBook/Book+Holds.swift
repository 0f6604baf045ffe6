import Vocabulary

// What ends a hold: posting, voiding, time.

extension Book {
  /// Posts or voids the hold that the request names.
  mutating func resolve(
    _ request: RequestRow, _ recalled: borrowing Recalled
  ) throws(TransferRefusal) {
    let pendingID = request.pendingID
    guard
      let hold = holds.named(pendingID) ?? recent.transfer(pendingID)
        ?? recalled.transfer(pendingID)
    else { throw .pendingTransferNotFound }
    guard hold.row.isEnded(by: request) else { throw .pendingTransferNotMadeByCaller }
    let isPosting = request.does(.postPending)
    let amount = try checkAgainst(hold.row, request)
    guard holds.isOpen(pendingID) else { throw refusal(ofEnded: hold.row.id, recalled) }
    let debit = Int(hold.row.debit)
    let credit = Int(hold.row.credit)
    if isPosting { try requireUnbarred(accounts[debit], accounts[credit]) }

    if steps != nil {
      steps?.append(.account(debit, accounts[debit]))
      steps?.append(.account(credit, accounts[credit]))
      steps?.append(.holdEnded)
    }
    release(hold.row)
    if isPosting {
      accounts[debit].debitsPosted += amount
      accounts[credit].creditsPosted += amount
    } else {
      reopen(after: hold.row)
    }
    holds.end(pendingID)
    var filled = request
    filled.code = hold.row.code
    filled.currency = hold.row.currency
    if filled.paymentID == 0 { filled.paymentID = hold.row.paymentID }
    if filled.correlationID == 0 { filled.correlationID = hold.row.correlationID }
    if filled.bookedOn == RequestRow.absentDay { filled.bookedOn = hold.row.bookedOn }
    recent.append(
      TransferRow(
        filled, token: 0, debit: debit, credit: credit, amount: amount,
        createdAt: now.nanoseconds))
  }

  /// A hold that is not open has an end: what posted or voided it is known, or time has.
  private func refusal(ofEnded hold: UInt128, _ recalled: borrowing Recalled) -> TransferRefusal {
    guard let end = recent.end(of: hold) ?? recalled.end(of: hold) else {
      return .pendingTransferExpired
    }
    return end.row.does(.postPending)
      ? .pendingTransferAlreadyPosted : .pendingTransferAlreadyVoided
  }

  /// The request beside the hold it names; the amount that is posted or given back.
  private func checkAgainst(
    _ hold: TransferRow, _ request: RequestRow
  ) throws(TransferRefusal) -> Int64 {
    guard hold.does(.pending) else { throw .pendingTransferNotPending }
    guard request.debitAccount == 0 || request.debitAccount == accounts[Int(hold.debit)].id else {
      throw .pendingTransferHasDifferentDebitAccountID
    }
    guard request.creditAccount == 0 || request.creditAccount == accounts[Int(hold.credit)].id
    else { throw .pendingTransferHasDifferentCreditAccountID }
    guard request.currency == 0 || request.currency == hold.currency else {
      throw .pendingTransferHasDifferentCurrency
    }
    guard request.code == 0 || request.code == hold.code else {
      throw .pendingTransferHasDifferentCode
    }
    let amount = request.amount == RequestRow.absentAmount ? hold.amount : request.amount
    guard amount <= hold.amount else { throw .exceedsPendingTransferAmount }
    guard request.does(.postPending) || amount == hold.amount else {
      throw .pendingTransferHasDifferentAmount
    }
    return amount
  }

  /// Takes a hold out of the pending sums. The subtraction cannot go below zero: the same amount
  /// was added by the hold.
  mutating func release(_ hold: TransferRow) {
    accounts[Int(hold.debit)].debitsPending -= hold.amount
    accounts[Int(hold.credit)].creditsPending -= hold.amount
  }

  /// A closing hold that is not kept opens its account again.
  mutating func reopen(after hold: TransferRow) {
    if hold.does(.closingDebit) { accounts[Int(hold.debit)].bars.remove(.closedByHold) }
    if hold.does(.closingCredit) { accounts[Int(hold.credit)].bars.remove(.closedByHold) }
  }
}
