// The names of every "no", in the order in which they are looked for: when several apply, the
// caller learns the first. The order is TigerBeetle's ("create_accounts" and "create_transfers",
// section Result), with currency for ledger and with what we add in its own place. An absent field
// counts as zero. `exists` stands between the two groups marked below.

/// Why an account was not opened, by precedence.
package enum AccountRefusal: String, CaseIterable, Hashable, Sendable {
  // Its place in a chain.
  case linkedEventFailed = "linked_event_failed"
  case linkedEventChainOpen = "linked_event_chain_open"
  // Its id, and what stands under that id already. Then: `exists`.
  case idMustNotBeZero = "id_must_not_be_zero"
  case idMustNotBeIntMax = "id_must_not_be_int_max"
  case existsWithDifferentFlags = "exists_with_different_flags"
  case existsWithDifferentOwner = "exists_with_different_owner"
  case existsWithDifferentCurrency = "exists_with_different_currency"
  case existsWithDifferentCode = "exists_with_different_code"
  // The request by itself.
  case flagsAreMutuallyExclusive = "flags_are_mutually_exclusive"
  case codeMustNotBeZero = "code_must_not_be_zero"
  // The book.
  case tooManyAccounts = "too_many_accounts"
}

/// Why a transfer was not made, by precedence.
package enum TransferRefusal: String, CaseIterable, Hashable, Sendable {
  // Its place in a chain.
  case linkedEventFailed = "linked_event_failed"
  case linkedEventChainOpen = "linked_event_chain_open"
  // What it is authorised for, told before anything about the book.
  case authorizedForDifferentAmount = "authorized_for_different_amount"
  case authorizedForDifferentCurrency = "authorized_for_different_currency"
  case authorizedForDifferentDebtor = "authorized_for_different_debtor"
  case authorizedForDifferentCreditor = "authorized_for_different_creditor"
  // Its id, and what stands under that id already. Then: `exists`.
  case idMustNotBeZero = "id_must_not_be_zero"
  case idMustNotBeIntMax = "id_must_not_be_int_max"
  case existsWithDifferentFlags = "exists_with_different_flags"
  case existsWithDifferentPendingID = "exists_with_different_pending_id"
  case existsWithDifferentTimeout = "exists_with_different_timeout"
  case existsWithDifferentDebitAccountID = "exists_with_different_debit_account_id"
  case existsWithDifferentCreditAccountID = "exists_with_different_credit_account_id"
  case existsWithDifferentAmount = "exists_with_different_amount"
  case existsWithDifferentPaymentID = "exists_with_different_payment_id"
  case existsWithDifferentCorrelationID = "exists_with_different_correlation_id"
  case existsWithDifferentBookedOn = "exists_with_different_booked_on"
  case existsWithDifferentCurrency = "exists_with_different_currency"
  case existsWithDifferentCode = "exists_with_different_code"
  // The authorisation, once the id is known to be new: one token, one hold.
  case authorizationAlreadyUsed = "authorization_already_used"
  // The request by itself.
  case flagsAreMutuallyExclusive = "flags_are_mutually_exclusive"
  case debitAccountIDMustNotBeZero = "debit_account_id_must_not_be_zero"
  case debitAccountIDMustNotBeIntMax = "debit_account_id_must_not_be_int_max"
  case creditAccountIDMustNotBeZero = "credit_account_id_must_not_be_zero"
  case creditAccountIDMustNotBeIntMax = "credit_account_id_must_not_be_int_max"
  case accountsMustBeDifferent = "accounts_must_be_different"
  case pendingIDMustBeZero = "pending_id_must_be_zero"
  case pendingIDMustNotBeZero = "pending_id_must_not_be_zero"
  case pendingIDMustNotBeIntMax = "pending_id_must_not_be_int_max"
  case pendingIDMustBeDifferent = "pending_id_must_be_different"
  case timeoutReservedForPendingTransfer = "timeout_reserved_for_pending_transfer"
  case timeoutOutOfRange = "timeout_out_of_range"
  case closingTransferMustBePending = "closing_transfer_must_be_pending"
  case amountMustNotBeZero = "amount_must_not_be_zero"
  case amountOutOfRange = "amount_out_of_range"
  case currencyMustNotBeZero = "currency_must_not_be_zero"
  case codeMustNotBeZero = "code_must_not_be_zero"
  // The accounts.
  case debitAccountNotFound = "debit_account_not_found"
  case creditAccountNotFound = "credit_account_not_found"
  case debitAccountNotOwnedBySubject = "debit_account_not_owned_by_subject"
  case accountsMustHaveTheSameCurrency = "accounts_must_have_the_same_currency"
  case transferMustHaveTheSameCurrencyAsAccounts =
    "transfer_must_have_the_same_currency_as_accounts"
  // The hold that is posted or voided.
  case pendingTransferNotFound = "pending_transfer_not_found"
  case pendingTransferNotMadeByCaller = "pending_transfer_not_made_by_caller"
  case pendingTransferNotPending = "pending_transfer_not_pending"
  case pendingTransferHasDifferentDebitAccountID =
    "pending_transfer_has_different_debit_account_id"
  case pendingTransferHasDifferentCreditAccountID =
    "pending_transfer_has_different_credit_account_id"
  case pendingTransferHasDifferentCurrency = "pending_transfer_has_different_currency"
  case pendingTransferHasDifferentCode = "pending_transfer_has_different_code"
  case exceedsPendingTransferAmount = "exceeds_pending_transfer_amount"
  case pendingTransferHasDifferentAmount = "pending_transfer_has_different_amount"
  case pendingTransferAlreadyPosted = "pending_transfer_already_posted"
  case pendingTransferAlreadyVoided = "pending_transfer_already_voided"
  case pendingTransferExpired = "pending_transfer_expired"
  // The balances.
  case debitAccountAlreadyClosed = "debit_account_already_closed"
  case creditAccountAlreadyClosed = "credit_account_already_closed"
  case debitAccountFrozen = "debit_account_frozen"
  case creditAccountFrozen = "credit_account_frozen"
  case overflowsDebitsPending = "overflows_debits_pending"
  case overflowsCreditsPending = "overflows_credits_pending"
  case overflowsDebitsPosted = "overflows_debits_posted"
  case overflowsCreditsPosted = "overflows_credits_posted"
  case overflowsDebits = "overflows_debits"
  case overflowsCredits = "overflows_credits"
  case exceedsCredits = "exceeds_credits"
  case exceedsDebits = "exceeds_debits"
  // The book.
  case tooManyOpenHolds = "too_many_open_holds"
}

/// What became of one event of a batch.
package enum Outcome<Refusal: Hashable & Sendable>: Hashable, Sendable {
  /// Done, just now.
  case created
  /// Done before, with the same content; nothing moved now.
  case exists
  /// Not done; nothing moved.
  case refused(Refusal)
}

package typealias AccountOutcome = Outcome<AccountRefusal>
package typealias TransferOutcome = Outcome<TransferRefusal>

extension Outcome where Refusal: RawRepresentable, Refusal.RawValue == String {
  /// The name in the contract: `created`, `exists` or the refusal's.
  package var name: String {
    switch self {
    case .created: "created"
    case .exists: "exists"
    case .refused(let refusal): refusal.rawValue
    }
  }
}
