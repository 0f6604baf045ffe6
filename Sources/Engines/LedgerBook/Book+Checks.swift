// What can be said of a request by itself, and of a request whose id was used before.

extension Book {
  /// The request by itself, in the order of `TransferRefusal`.
  func checkAlone(_ request: RequestRow) throws(TransferRefusal) {
    if request.does(.resolving) {
      let both = TransferFlags.resolving.rawValue
      guard request.flags & both != both,
        !request.does([.pending, .balancing, .closing])
      else { throw .flagsAreMutuallyExclusive }
      try checkResolving(request)
    } else {
      try checkMoving(request)
    }
  }

  private func checkResolving(_ request: RequestRow) throws(TransferRefusal) {
    guard request.debitAccount != .max else { throw .debitAccountIDMustNotBeIntMax }
    guard request.creditAccount != .max else { throw .creditAccountIDMustNotBeIntMax }
    guard request.pendingID != 0 else { throw .pendingIDMustNotBeZero }
    guard request.pendingID != .max else { throw .pendingIDMustNotBeIntMax }
    guard request.pendingID != request.id else { throw .pendingIDMustBeDifferent }
    guard request.timeoutSeconds == 0 else { throw .timeoutReservedForPendingTransfer }
    guard request.amount != RequestRow.absentAmount else { return }
    guard request.amount != 0 else { throw .amountMustNotBeZero }
    guard (1...Self.amountMax).contains(request.amount) else { throw .amountOutOfRange }
  }

  private func checkMoving(_ request: RequestRow) throws(TransferRefusal) {
    guard request.debitAccount != 0 else { throw .debitAccountIDMustNotBeZero }
    guard request.debitAccount != .max else { throw .debitAccountIDMustNotBeIntMax }
    guard request.creditAccount != 0 else { throw .creditAccountIDMustNotBeZero }
    guard request.creditAccount != .max else { throw .creditAccountIDMustNotBeIntMax }
    guard request.debitAccount != request.creditAccount else { throw .accountsMustBeDifferent }
    guard request.pendingID == 0 else { throw .pendingIDMustBeZero }
    guard request.does(.pending) || request.timeoutSeconds == 0 else {
      throw .timeoutReservedForPendingTransfer
    }
    guard Int64(request.timeoutSeconds) <= Self.timeoutSecondsMax else { throw .timeoutOutOfRange }
    guard !request.does(.closing) || request.does(.pending) else {
      throw .closingTransferMustBePending
    }
    if !(request.does(.balancing) && request.amount == RequestRow.absentAmount) {
      let amount = request.amountOrZero
      guard amount != 0 || request.does(.closing) else { throw .amountMustNotBeZero }
      guard (0...Self.amountMax).contains(amount) else { throw .amountOutOfRange }
    }
    guard request.currency != 0 else { throw .currencyMustNotBeZero }
    guard request.code != 0 else { throw .codeMustNotBeZero }
  }

  /// Throws the name of the first field in which the request differs from the transfer that has its
  /// id. In a posting or voiding an absent field means "as the hold has it", so it is compared with
  /// the hold's.
  func compare(
    _ request: RequestRow, with earlier: TransferRow, _ recalled: borrowing Recalled
  ) throws(TransferRefusal) {
    guard request.flags == earlier.flags else { throw .existsWithDifferentFlags }
    guard request.pendingID == earlier.pendingID else { throw .existsWithDifferentPendingID }
    guard request.timeoutSeconds == earlier.timeoutSeconds else {
      throw .existsWithDifferentTimeout
    }
    // The hold of an accepted posting is in history by the meaning of `TransferRow`; without it
    // nothing is inherited.
    var hold: TransferRow?
    if earlier.does(.resolving) {
      let pending = earlier.pendingID
      hold = (holds.named(pending) ?? recent.transfer(pending) ?? recalled.transfer(pending))?.row
      // Whoever may not end the hold learns nothing of how it ended either.
      guard hold?.isEnded(by: request) ?? true else { throw .pendingTransferNotMadeByCaller }
    }
    let debtor = accounts[Int(earlier.debit)].id
    let creditor = accounts[Int(earlier.credit)].id
    guard (hold != nil && request.debitAccount == 0) || request.debitAccount == debtor else {
      throw .existsWithDifferentDebitAccountID
    }
    guard (hold != nil && request.creditAccount == 0) || request.creditAccount == creditor else {
      throw .existsWithDifferentCreditAccountID
    }
    guard
      amountOf(request, hold) == (earlier.does(.balancing) ? earlier.amountLimit : earlier.amount)
    else { throw .existsWithDifferentAmount }
    guard (request.paymentID != 0 ? request.paymentID : hold?.paymentID ?? 0) == earlier.paymentID
    else { throw .existsWithDifferentPaymentID }
    guard
      (request.correlationID != 0 ? request.correlationID : hold?.correlationID ?? 0)
        == earlier.correlationID
    else { throw .existsWithDifferentCorrelationID }
    let noDay = RequestRow.absentDay
    guard
      (request.bookedOn != noDay ? request.bookedOn : hold?.bookedOn ?? noDay) == earlier.bookedOn
    else { throw .existsWithDifferentBookedOn }
    guard (request.currency != 0 ? request.currency : hold?.currency ?? 0) == earlier.currency
    else { throw .existsWithDifferentCurrency }
    guard (request.code != 0 ? request.code : hold?.code ?? 0) == earlier.code else {
      throw .existsWithDifferentCode
    }
  }

  /// What a request asks for, to be held against what was asked for under its id.
  private func amountOf(_ request: RequestRow, _ hold: TransferRow?) -> Int64 {
    if request.does(.balancing) || request.amount != RequestRow.absentAmount {
      return request.amount
    }
    return hold?.amount ?? 0
  }
}
