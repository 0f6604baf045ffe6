package import LedgerBook
package import Vocabulary

extension AccountChangeRefusal: Refusal {
  /// The slug is the name with dashes; `result` is the name itself.
  package var problem: Problem {
    Problem(
      rawValue.replacing("_", with: "-"), self == .accountNotFound ? 404 : 409,
      "The ledger does not change this account", kind: kind, detail: detail,
      fields: ["result": rawValue])
  }

  private var kind: ProblemKind {
    switch self {
    case .accountNotFound: .absent
    case .accountAlreadyClosed: .over
    case .accountNotEmpty: .refused
    }
  }

  private var detail: String {
    switch self {
    case .accountNotFound: "there is no such account"
    case .accountAlreadyClosed: "it was closed for good"
    case .accountNotEmpty: "there is money in it, or on hold"
    }
  }
}

extension AccountRefusal: Refusal {
  /// The refusal of a single account.
  package var problem: Problem {
    Problem(
      rawValue.replacing("_", with: "-"), status, "The ledger does not open this account",
      kind: kind, detail: rawValue.replacing("_", with: " "), fields: ["result": rawValue])
  }

  private var status: Int {
    switch self {
    case .linkedEventFailed, .linkedEventChainOpen, .existsWithDifferentFlags,
      .existsWithDifferentOwner, .existsWithDifferentCurrency, .existsWithDifferentCode:
      409
    case .idMustNotBeZero, .idMustNotBeIntMax, .flagsAreMutuallyExclusive, .codeMustNotBeZero: 400
    case .tooManyAccounts: 503
    }
  }

  private var kind: ProblemKind {
    switch self {
    case .linkedEventFailed, .linkedEventChainOpen: .refused
    case .existsWithDifferentFlags, .existsWithDifferentOwner, .existsWithDifferentCurrency,
      .existsWithDifferentCode:
      .differs
    case .idMustNotBeZero, .idMustNotBeIntMax, .flagsAreMutuallyExclusive, .codeMustNotBeZero:
      .malformed
    case .tooManyAccounts: .unavailable
    }
  }
}

extension TransferRefusal: Refusal {
  /// The refusal of a single call. The slug is the name with dashes; `result` is the name itself.
  package var problem: Problem {
    Problem(
      rawValue.replacing("_", with: "-"), status, "The ledger refuses this transfer",
      kind: kind, detail: rawValue.replacing("_", with: " "), fields: ["result": rawValue])
  }

  /// 403 for what was not authorised, 404 for what is not there, 409 for what the books do not
  /// allow now, 503 for a full book, 400 for a request that can never be right.
  private var status: Int {
    switch self {
    case .authorizedForDifferentAmount, .authorizedForDifferentCurrency,
      .authorizedForDifferentDebtor, .authorizedForDifferentCreditor, .authorizationAlreadyUsed,
      .debitAccountNotOwnedBySubject, .pendingTransferNotMadeByCaller:
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
      .debitAccountAlreadyClosed, .creditAccountAlreadyClosed, .debitAccountFrozen,
      .creditAccountFrozen, .overflowsDebitsPending,
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

  /// The ledger has looked at the transfer, so what was not authorised is `refused` too. Whoever made a hold decides on
  /// these: `differs` says that there may be one, `barred` that it may still be posted, `over` that it never will be.
  private var kind: ProblemKind {
    switch self {
    case .authorizedForDifferentAmount, .authorizedForDifferentCurrency,
      .authorizedForDifferentDebtor, .authorizedForDifferentCreditor, .authorizationAlreadyUsed,
      .debitAccountNotOwnedBySubject, .pendingTransferNotMadeByCaller, .pendingTransferNotPending,
      .pendingTransferHasDifferentDebitAccountID, .pendingTransferHasDifferentCreditAccountID,
      .pendingTransferHasDifferentCurrency, .pendingTransferHasDifferentCode,
      .exceedsPendingTransferAmount, .pendingTransferHasDifferentAmount,
      .pendingTransferAlreadyPosted, .overflowsDebitsPending, .overflowsCreditsPending,
      .overflowsDebitsPosted, .overflowsCreditsPosted, .overflowsDebits, .overflowsCredits,
      .exceedsCredits, .exceedsDebits, .linkedEventFailed, .linkedEventChainOpen,
      .accountsMustHaveTheSameCurrency, .transferMustHaveTheSameCurrencyAsAccounts:
      .refused
    case .debitAccountNotFound, .creditAccountNotFound, .pendingTransferNotFound: .absent
    case .existsWithDifferentFlags, .existsWithDifferentPendingID, .existsWithDifferentTimeout,
      .existsWithDifferentDebitAccountID, .existsWithDifferentCreditAccountID,
      .existsWithDifferentAmount, .existsWithDifferentPaymentID,
      .existsWithDifferentCorrelationID, .existsWithDifferentBookedOn,
      .existsWithDifferentCurrency, .existsWithDifferentCode:
      .differs
    case .debitAccountAlreadyClosed, .creditAccountAlreadyClosed, .debitAccountFrozen,
      .creditAccountFrozen:
      .barred
    case .pendingTransferAlreadyVoided, .pendingTransferExpired: .over
    case .tooManyOpenHolds: .unavailable
    case .idMustNotBeZero, .idMustNotBeIntMax, .flagsAreMutuallyExclusive,
      .debitAccountIDMustNotBeZero, .debitAccountIDMustNotBeIntMax,
      .creditAccountIDMustNotBeZero, .creditAccountIDMustNotBeIntMax, .accountsMustBeDifferent,
      .pendingIDMustBeZero, .pendingIDMustNotBeZero, .pendingIDMustNotBeIntMax,
      .pendingIDMustBeDifferent, .timeoutReservedForPendingTransfer, .timeoutOutOfRange,
      .closingTransferMustBePending, .amountMustNotBeZero, .amountOutOfRange,
      .currencyMustNotBeZero, .codeMustNotBeZero:
      .malformed
    }
  }
}
