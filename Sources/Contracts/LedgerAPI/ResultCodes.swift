/// The numbers of the results in a binary answer. A number is never given to another result: new names are added at the
/// end, wherever their place in the order of precedence is.
package enum ResultCodes {
  /// What became of an account to open, by code.
  package static let accounts = [
    "created",
    "exists",
    "linked_event_failed",
    "linked_event_chain_open",
    "id_must_not_be_zero",
    "id_must_not_be_int_max",
    "exists_with_different_flags",
    "exists_with_different_owner",
    "exists_with_different_currency",
    "exists_with_different_code",
    "flags_are_mutually_exclusive",
    "code_must_not_be_zero",
    "too_many_accounts",
  ]
  /// What became of a transfer to make, by code.
  package static let transfers = [
    "created",
    "exists",
    "linked_event_failed",
    "linked_event_chain_open",
    "authorized_for_different_amount",
    "authorized_for_different_currency",
    "authorized_for_different_debtor",
    "authorized_for_different_creditor",
    "id_must_not_be_zero",
    "id_must_not_be_int_max",
    "exists_with_different_flags",
    "exists_with_different_pending_id",
    "exists_with_different_timeout",
    "exists_with_different_debit_account_id",
    "exists_with_different_credit_account_id",
    "exists_with_different_amount",
    "exists_with_different_payment_id",
    "exists_with_different_correlation_id",
    "exists_with_different_booked_on",
    "exists_with_different_currency",
    "exists_with_different_code",
    "authorization_already_used",
    "flags_are_mutually_exclusive",
    "debit_account_id_must_not_be_zero",
    "debit_account_id_must_not_be_int_max",
    "credit_account_id_must_not_be_zero",
    "credit_account_id_must_not_be_int_max",
    "accounts_must_be_different",
    "pending_id_must_be_zero",
    "pending_id_must_not_be_zero",
    "pending_id_must_not_be_int_max",
    "pending_id_must_be_different",
    "timeout_reserved_for_pending_transfer",
    "timeout_out_of_range",
    "closing_transfer_must_be_pending",
    "amount_must_not_be_zero",
    "amount_out_of_range",
    "currency_must_not_be_zero",
    "code_must_not_be_zero",
    "debit_account_not_found",
    "credit_account_not_found",
    "debit_account_not_owned_by_subject",
    "accounts_must_have_the_same_currency",
    "transfer_must_have_the_same_currency_as_accounts",
    "pending_transfer_not_found",
    "pending_transfer_not_pending",
    "pending_transfer_has_different_debit_account_id",
    "pending_transfer_has_different_credit_account_id",
    "pending_transfer_has_different_currency",
    "pending_transfer_has_different_code",
    "exceeds_pending_transfer_amount",
    "pending_transfer_has_different_amount",
    "pending_transfer_already_posted",
    "pending_transfer_already_voided",
    "pending_transfer_expired",
    "debit_account_already_closed",
    "credit_account_already_closed",
    "overflows_debits_pending",
    "overflows_credits_pending",
    "overflows_debits_posted",
    "overflows_credits_posted",
    "overflows_debits",
    "overflows_credits",
    "exceeds_credits",
    "exceeds_debits",
    "too_many_open_holds",
  ]

  /// The code of each name.
  package static let ofAccounts = codes(accounts)
  /// The same for transfers.
  package static let ofTransfers = codes(transfers)

  private static func codes(_ names: [String]) -> [String: UInt16] {
    Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, UInt16($0)) })
  }
}
