import Vocabulary

// What ends a hold: posting, voiding, time.

extension Book {
  /// Posts or voids the hold that the request names.
  mutating func resolve(
    _ request: TransferRequest, _ work: inout Work<some TransferHistory>
  ) throws(TransferRefusal) {
    guard let pendingID = request.pendingID, let hold = holds[pendingID] ?? work.transfer(pendingID)
    else { throw .pendingTransferNotFound }
    let isPosting = request.flags.contains(.postPending)
    let amount = try checkAgainst(hold, request)
    if let end = work.end(of: hold.id) {
      switch end.manner {
      case .posted: throw .pendingTransferAlreadyPosted
      case .voided: throw .pendingTransferAlreadyVoided
      case .expired: throw .pendingTransferExpired
      }
    }
    // A hold without an end is open, and an open hold's accounts are in the book.
    guard holds[hold.id] != nil, let debit = numbers[hold.debitAccount],
      let credit = numbers[hold.creditAccount]
    else { throw .pendingTransferNotFound }
    if isPosting {
      guard !accounts[debit].isClosed else { throw .debitAccountAlreadyClosed }
      guard !accounts[credit].isClosed else { throw .creditAccountAlreadyClosed }
    }

    work.note(.account(debit, accounts[debit]))
    work.note(.account(credit, accounts[credit]))
    work.note(.holdEnded(hold))
    release(hold, touching: &work.applied.touched)
    if isPosting {
      accounts[debit].debitsPosted += amount
      accounts[credit].creditsPosted += amount
    } else {
      reopen(after: hold)
    }
    holds[hold.id] = nil
    sequence += 1
    var filled = request
    filled.code = hold.code
    filled.paymentID = request.paymentID ?? hold.paymentID
    filled.correlationID = request.correlationID ?? hold.correlationID
    filled.bookedOn = request.bookedOn ?? hold.bookedOn
    let transfer = Transfer(
      filled, debitAccount: hold.debitAccount, creditAccount: hold.creditAccount, amount: amount,
      currency: hold.currency, sequence: sequence, createdAt: now)
    work.created(transfer, authorizedBy: nil)
    work.ended(
      HoldEnd(
        hold: hold.id, manner: isPosting ? .posted : .voided, by: transfer.id, at: now))
  }

  /// The request beside the hold it names; the amount that is posted or given back.
  private func checkAgainst(
    _ hold: Transfer, _ request: TransferRequest
  ) throws(TransferRefusal) -> Int64 {
    guard hold.flags.contains(.pending) else { throw .pendingTransferNotPending }
    guard request.debitAccount ?? hold.debitAccount == hold.debitAccount else {
      throw .pendingTransferHasDifferentDebitAccountID
    }
    guard request.creditAccount ?? hold.creditAccount == hold.creditAccount else {
      throw .pendingTransferHasDifferentCreditAccountID
    }
    guard request.currency ?? hold.currency == hold.currency else {
      throw .pendingTransferHasDifferentCurrency
    }
    guard request.code == 0 || request.code == hold.code else {
      throw .pendingTransferHasDifferentCode
    }
    let amount = request.amount ?? hold.amount
    guard amount <= hold.amount else { throw .exceedsPendingTransferAmount }
    guard request.flags.contains(.postPending) || amount == hold.amount else {
      throw .pendingTransferHasDifferentAmount
    }
    return amount
  }

  /// Notes an open hold.
  mutating func keep(_ hold: Transfer) {
    holds[hold.id] = hold
    guard let expiry = hold.expiresAt else { return }
    expiries.insert(.init(at: expiry, sequence: hold.sequence, hold: hold.id))
    // Holds that ended before their time leave an entry behind; sweep when those are most of the
    // queue.
    if expiries.count > 2 * holds.count + 1_024 {
      expiries.keep { holds[$0.hold]?.expiresAt == $0.at }
    }
  }

  /// Takes a hold out of the pending sums. The subtraction cannot go below zero: the same amount
  /// was added by the hold.
  mutating func release(_ hold: Transfer, touching touched: inout [Int]) {
    guard let debit = numbers[hold.debitAccount], let credit = numbers[hold.creditAccount] else {
      return
    }
    accounts[debit].debitsPending -= hold.amount
    accounts[credit].creditsPending -= hold.amount
    touched.append(debit)
    touched.append(credit)
  }

  /// A closing hold that is not kept opens its account again.
  mutating func reopen(after hold: Transfer) {
    if hold.flags.contains(.closingDebit), let debit = numbers[hold.debitAccount] {
      accounts[debit].isClosed = false
    }
    if hold.flags.contains(.closingCredit), let credit = numbers[hold.creditAccount] {
      accounts[credit].isClosed = false
    }
  }
}
