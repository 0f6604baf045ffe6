package import Vocabulary

/// The ledger's operations. Meaning follows TigerBeetle's documentation; each `result` name is
/// listed, in the order in which it is looked for, in `Sources/Engines/LedgerBook/Refusals.swift`
/// and in the ledger's `openapi.yaml`.
///
/// A refused hold, posting or voiding is answered as a problem whose slug is the result's name with
/// dashes (`exceeds-credits`) and whose field `result` is the name itself (`exceeds_credits`).
package enum LedgerOperations {
  /// Opens accounts, 1 to `LedgerLimits.batchMax` in one atomic, durable batch.
  package static let createAccounts = Operation<NewAccounts, EventResults>(
    "createAccounts", of: "ledger", .post, "/v1/accounts")
  /// Posts transfers, 1 to `LedgerLimits.batchMax` in one durable batch; each event has its own
  /// result.
  package static let createTransfers = Operation<NewTransfers, EventResults>(
    "createTransfers", of: "ledger", .post, "/v1/transfers")
  /// The accounts of a list of ids, in the list's order; ids that are unknown are left out.
  package static let lookupAccounts = Operation<AccountIDs, LedgerAccounts>(
    "lookupAccounts", of: "ledger", .post, "/v1/accounts/lookup")
  /// One account. Queries, all optional: `owner`: another owner's account is answered as not found;
  /// `as_of` (a moment) or `as_of_sequence` (a transfer's sequence): the account as it stood after
  /// that, holds included, if it had not more than 10,000 transfers since (`as-of-too-far`).
  package static let getAccount = Operation<Nothing, LedgerAccount>(
    "getAccount", of: "ledger", .get, "/v1/accounts/{id}")
  /// All accounts of one person. Query `owner` is mandatory.
  package static let listAccounts = Operation<Nothing, LedgerAccounts>(
    "listAccounts", of: "ledger", .get, "/v1/accounts")
  /// One transfer, with what became of it where it is a hold. Not found means: never accepted so
  /// far.
  package static let getTransfer = Operation<Nothing, LedgerTransfer>(
    "getTransfer", of: "ledger", .get, "/v1/transfers/{id}")
  /// An account's transfers. Queries, all optional: `owner` as in `getAccount`; `order` `oldest`
  /// (default) or `newest`; `after`, the `next` of the page before; `limit` 1 to
  /// `LedgerLimits.pageMax`, 100 unless told; `from` and `until`, moments: those accepted at or after
  /// the one, and before the other.
  package static let listTransfers = Operation<Nothing, LedgerTransfers>(
    "listTransfers", of: "ledger", .get, "/v1/accounts/{id}/transfers")
  /// The transfers of a payment, or of a request, oldest first: query `payment_id` or
  /// `correlation_id`, one of them; `after` and `limit` as in `listTransfers`.
  package static let findTransfers = Operation<Nothing, LedgerTransfers>(
    "findTransfers", of: "ledger", .get, "/v1/transfers")
  /// Reserves money: needs a transaction token for `payment.create` with the same amount, currency,
  /// debtor and creditor, whose subject owns the debtor account; one hold for each token. Repeating
  /// it is answered `exists`.
  package static let createHold = Operation<NewHold, HoldAnswer>(
    "createHold", of: "ledger", .post, "/v1/holds")
  /// Posts a hold, whole or in part; the rest returns to the debtor. `{id}` is the hold's.
  package static let postHold = Operation<HoldPosting, HoldAnswer>(
    "postHold", of: "ledger", .post, "/v1/holds/{id}/post")
  /// Gives a hold back to the debtor. `{id}` is the hold's.
  package static let voidHold = Operation<HoldVoiding, HoldAnswer>(
    "voidHold", of: "ledger", .post, "/v1/holds/{id}/void")
  /// The sums of every currency: debits must equal credits. Queries `as_of` and `as_of_sequence` as in
  /// `getAccount`, over at most 250,000 transfers since.
  package static let getTrialBalance = Operation<Nothing, TrialBalance>(
    "getTrialBalance", of: "ledger", .get, "/v1/trial-balance")
}

/// The contract's limits.
package enum LedgerLimits {
  /// Most events of one batch, as TigerBeetle's.
  package static let batchMax = 8_190
  /// Most transfers on one page.
  package static let pageMax = 1_000
  /// Largest amount and largest balance, in minor units: 2^53 − 1, exact in every JSON reader (RFC
  /// 7493 §2.2).
  package static let amountMax: Int64 = Money.minorUnitsMax
  /// Longest life of a hold in seconds: a year.
  package static let timeoutSecondsMax: Int64 = 31_622_400
}
