import Vocabulary

// What can be said of a request by itself, and of a request whose id was used before.

extension Book {
  /// The request by itself, in the order of `TransferRefusal`.
  func checkAlone(_ request: TransferRequest) throws(TransferRefusal) {
    let flags = request.flags
    if flags.resolves {
      guard !flags.isSuperset(of: .resolving), flags.isDisjoint(with: [.pending]),
        !flags.balances, !flags.closes
      else { throw .flagsAreMutuallyExclusive }
      try checkResolving(request)
    } else {
      try checkMoving(request)
    }
  }

  private func checkResolving(_ request: TransferRequest) throws(TransferRefusal) {
    if let debtor = request.debitAccount, debtor.bits == .max {
      throw .debitAccountIDMustNotBeIntMax
    }
    if let creditor = request.creditAccount, creditor.bits == .max {
      throw .creditAccountIDMustNotBeIntMax
    }
    guard let pending = request.pendingID, pending.bits != 0 else { throw .pendingIDMustNotBeZero }
    guard pending.bits != .max else { throw .pendingIDMustNotBeIntMax }
    guard pending != request.id else { throw .pendingIDMustBeDifferent }
    guard request.timeoutSeconds == 0 else { throw .timeoutReservedForPendingTransfer }
    guard let amount = request.amount else { return }
    guard amount != 0 else { throw .amountMustNotBeZero }
    guard (1...Self.amountMax).contains(amount) else { throw .amountOutOfRange }
  }

  private func checkMoving(_ request: TransferRequest) throws(TransferRefusal) {
    let flags = request.flags
    guard let debtor = request.debitAccount, debtor.bits != 0 else {
      throw .debitAccountIDMustNotBeZero
    }
    guard debtor.bits != .max else { throw .debitAccountIDMustNotBeIntMax }
    guard let creditor = request.creditAccount, creditor.bits != 0 else {
      throw .creditAccountIDMustNotBeZero
    }
    guard creditor.bits != .max else { throw .creditAccountIDMustNotBeIntMax }
    guard debtor != creditor else { throw .accountsMustBeDifferent }
    guard (request.pendingID?.bits ?? 0) == 0 else { throw .pendingIDMustBeZero }
    guard flags.contains(.pending) || request.timeoutSeconds == 0 else {
      throw .timeoutReservedForPendingTransfer
    }
    guard (0...Self.timeoutSecondsMax).contains(request.timeoutSeconds) else {
      throw .timeoutOutOfRange
    }
    guard !flags.closes || flags.contains(.pending) else { throw .closingTransferMustBePending }
    if !(flags.balances && request.amount == nil) {
      let amount = request.amount ?? 0
      guard amount != 0 || flags.closes else { throw .amountMustNotBeZero }
      guard (0...Self.amountMax).contains(amount) else { throw .amountOutOfRange }
    }
    guard request.currency != nil else { throw .currencyMustNotBeZero }
    guard request.code != 0 else { throw .codeMustNotBeZero }
  }

  /// Throws the name of the first field in which the request differs from the transfer that has its
  /// id. In a posting or voiding an absent field means "as the hold has it", so it is compared with
  /// the hold's.
  func compare(
    _ request: TransferRequest, with earlier: Transfer, _ work: borrowing Work<some TransferHistory>
  ) throws(TransferRefusal) {
    guard request.flags == earlier.flags else { throw .existsWithDifferentFlags }
    guard request.pendingID == earlier.pendingID else { throw .existsWithDifferentPendingID }
    guard request.timeoutSeconds == earlier.timeoutSeconds else {
      throw .existsWithDifferentTimeout
    }
    // The hold of an accepted posting is in the history by the meaning of `Transfer`; without it
    // nothing is inherited.
    var hold: Transfer?
    if earlier.flags.resolves, let pending = earlier.pendingID { hold = work.transfer(pending) }
    guard (request.debitAccount ?? hold?.debitAccount) == earlier.debitAccount else {
      throw .existsWithDifferentDebitAccountID
    }
    guard (request.creditAccount ?? hold?.creditAccount) == earlier.creditAccount else {
      throw .existsWithDifferentCreditAccountID
    }
    let hasSameAmount =
      earlier.flags.balances
      ? request.amount == earlier.amountLimit
      : (request.amount ?? hold?.amount ?? 0) == earlier.amount
    guard hasSameAmount else { throw .existsWithDifferentAmount }
    guard (request.paymentID ?? hold?.paymentID) == earlier.paymentID else {
      throw .existsWithDifferentPaymentID
    }
    guard (request.correlationID ?? hold?.correlationID) == earlier.correlationID else {
      throw .existsWithDifferentCorrelationID
    }
    guard (request.bookedOn ?? hold?.bookedOn) == earlier.bookedOn else {
      throw .existsWithDifferentBookedOn
    }
    guard (request.currency ?? hold?.currency) == earlier.currency else {
      throw .existsWithDifferentCurrency
    }
    guard (request.code == 0 ? hold?.code ?? 0 : request.code) == earlier.code else {
      throw .existsWithDifferentCode
    }
  }
}
