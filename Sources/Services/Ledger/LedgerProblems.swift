package import LedgerBook
package import Vocabulary

extension TransferRefusal: Refusal {
  /// The refusal of a single call. The slug is the name with dashes; `result` is the name itself.
  package var problem: Problem {
    Problem(
      rawValue.replacing("_", with: "-"), status, "The ledger refuses this transfer",
      detail: rawValue.replacing("_", with: " "), fields: ["result": rawValue])
  }

  /// 403 for what was not authorised, 404 for what is not there, 409 for what the books do not
  /// allow now, 503 for a full book, 400 for a request that can never be right.
  private var status: Int {
    switch self {
    case .authorizedForDifferentAmount, .authorizedForDifferentCurrency,
      .authorizedForDifferentDebtor, .authorizedForDifferentCreditor, .authorizationAlreadyUsed,
      .debitAccountNotOwnedBySubject:
      403
    case .debitAccountNotFound, .creditAccountNotFound, .pendingTransferNotFound: 404
    case .existsWithDifferentFlags, .existsWithDifferentPendingID, .existsWithDifferentTimeout,
      .existsWithDifferentDebitAccountID, .existsWithDifferentCreditAccountID,
      .existsWithDifferentAmount, .existsWithDifferentPaymentID,
      .existsWithDifferentCorrelationID, .existsWithDifferentBookedOn,
      .existsWithDifferentCurrency, .existsWithDifferentCode, .pendingTransferNotPending,
      .pendingTransferHasDifferentDebitAccountID, .pendingTransferHasDifferentCreditAccountID,
      .pendingTransferHasDifferentCurrency, .pendingTransferHasDifferentCode,
      .exceedsPendingTransferAmount, .pendingTransferHasDifferentAmount,
      .pendingTransferAlreadyPosted, .pendingTransferAlreadyVoided, .pendingTransferExpired,
      .debitAccountAlreadyClosed, .creditAccountAlreadyClosed, .overflowsDebitsPending,
      .overflowsCreditsPending, .overflowsDebitsPosted, .overflowsCreditsPosted, .overflowsDebits,
      .overflowsCredits, .exceedsCredits, .exceedsDebits, .linkedEventFailed,
      .linkedEventChainOpen, .accountsMustHaveTheSameCurrency,
      .transferMustHaveTheSameCurrencyAsAccounts:
      409
    case .tooManyOpenHolds: 503
    case .idMustNotBeZero, .idMustNotBeIntMax, .flagsAreMutuallyExclusive,
      .debitAccountIDMustNotBeZero, .debitAccountIDMustNotBeIntMax,
      .creditAccountIDMustNotBeZero, .creditAccountIDMustNotBeIntMax, .accountsMustBeDifferent,
      .pendingIDMustBeZero, .pendingIDMustNotBeZero, .pendingIDMustNotBeIntMax,
      .pendingIDMustBeDifferent, .timeoutReservedForPendingTransfer, .timeoutOutOfRange,
      .closingTransferMustBePending, .amountMustNotBeZero, .amountOutOfRange,
      .currencyMustNotBeZero, .codeMustNotBeZero:
      400
    }
  }
}
