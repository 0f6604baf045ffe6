package import Vocabulary

/// The ledger's operations. Meaning follows TigerBeetle's documentation; each `result` name is
/// listed, in the order in which it is looked for, in `Sources/Engines/LedgerBook/Refusals.swift`
/// and in the ledger's `openapi.yaml`.
///
/// A refused hold, posting or voiding is answered as a problem whose slug is the result's name with
/// dashes (`exceeds-credits`) and whose field `result` is the name itself (`exceeds_credits`).
package enum LedgerOperations {
  /// Opens accounts, 1 to `LedgerLimits.batchMax` in one atomic, durable batch. With the query `dry_run=true` nothing is
  /// opened, and the results say what would have been.
  package static let createAccounts = Operation<NewAccounts, EventResults>(
    "createAccounts", of: "ledger", .post, "/v1/accounts")
  /// Posts transfers, 1 to `LedgerLimits.batchMax` in one durable batch; each event has its own
  /// result. With the query `dry_run=true` nothing is done, and the results say what would have been.
  package static let createTransfers = Operation<NewTransfers, EventResults>(
    "createTransfers", of: "ledger", .post, "/v1/transfers")
  /// The accounts of a list of ids, in the list's order; ids that are unknown are left out.
  package static let lookupAccounts = Operation<AccountIDs, LedgerAccounts>(
    "lookupAccounts", of: "ledger", .post, "/v1/accounts/lookup")
  /// One account. Queries, all optional: `owner`: another owner's account is answered as not found;
  /// `as_of` (a moment) or `as_of_sequence` (a transfer's sequence): the account as it stood after
  /// that, holds included, if it had not more than 10,000 transfers since (`as-of-too-far`); or `booked_until`, a day: what
  /// is booked up to it and on it, whenever that was accepted, without holds.
  package static let getAccount = Operation<Nothing, LedgerAccount>(
    "getAccount", of: "ledger", .get, "/v1/accounts/{id}")
  /// The accounts of one person, page by page. Query `owner` is mandatory; `after` and `limit` (1 to 1,000, 1,000 unless
  /// told) as in `listTransfers`.
  package static let listAccounts = Operation<Nothing, LedgerAccounts>(
    "listAccounts", of: "ledger", .get, "/v1/accounts")
  /// One transfer, with what became of it where it is a hold. Not found means: never accepted so
  /// far.
  package static let getTransfer = Operation<Nothing, LedgerTransfer>(
    "getTransfer", of: "ledger", .get, "/v1/transfers/{id}")
  /// The accounts of the transaction token's subject, page by page as in `listAccounts`; needs a token for `account.read`.
  package static let listOwnAccounts = Operation<Nothing, LedgerAccounts>(
    "listOwnAccounts", of: "ledger", .get, "/v1/own/accounts")
  /// One account of the transaction token's subject. Another's is answered as not found.
  package static let getOwnAccount = Operation<Nothing, LedgerAccount>(
    "getOwnAccount", of: "ledger", .get, "/v1/own/accounts/{id}")
  /// The transfers of an account of the transaction token's subject; queries as in `listTransfers`, without `owner`. With
  /// `movements=true` only what moved money, newest first with the balance after each;
  /// `balance_after` is the page before's `next_balance`.
  package static let listOwnTransfers = Operation<Nothing, LedgerTransfers>(
    "listOwnTransfers", of: "ledger", .get, "/v1/own/accounts/{id}/transfers")
  /// A hold that the caller itself made, and what became of it. Not found means: it made none with this id so far.
  package static let getHold = Operation<Nothing, LedgerTransfer>(
    "getHold", of: "ledger", .get, "/v1/holds/{id}")
  /// An account's transfers. Queries, all optional: `owner` as in `getAccount`; `order` `oldest`
  /// (default) or `newest`; `after`, the `next` of the page before; `limit` 1 to
  /// `LedgerLimits.pageMax`, 100 unless told; `from` and `until`, moments: those accepted at or after
  /// the one, and before the other; `booked_from` and `booked_until`, days: those booked on one of them or between.
  package static let listTransfers = Operation<Nothing, LedgerTransfers>(
    "listTransfers", of: "ledger", .get, "/v1/accounts/{id}/transfers")
  /// The transfers of a payment, or of a request, oldest first: query `payment_id` or
  /// `correlation_id`, one of them; `after` and `limit` as in `listTransfers`.
  package static let findTransfers = Operation<Nothing, LedgerTransfers>(
    "findTransfers", of: "ledger", .get, "/v1/transfers")
  /// Reserves money: needs a transaction token for `payment.create` with the same amount, currency,
  /// debtor and creditor, whose subject owns the debtor account; one hold for each token, for
  /// `LedgerLimits.personHoldSecondsMax` at most. Repeating it is answered `exists`. With `posting`, a new hold is posted at
  /// the same moment, in the same entry of the journal.
  package static let createHold = Operation<NewHold, HoldAnswer>(
    "createHold", of: "ledger", .post, "/v1/holds")
  /// The same call with the query `dry_run=true`: every check, and nothing is done or used up.
  package static let rehearseHold = Operation<NewHold, HoldRehearsal>(
    "createHold", of: "ledger", .post, "/v1/holds")
  /// Posts a hold that the caller made, whole or in part; the rest returns to the debtor. `{id}` is the hold's.
  package static let postHold = Operation<HoldPosting, HoldAnswer>(
    "postHold", of: "ledger", .post, "/v1/holds/{id}/post")
  /// Gives a hold back to the debtor. `{id}` is the hold's.
  package static let voidHold = Operation<HoldVoiding, HoldAnswer>(
    "voidHold", of: "ledger", .post, "/v1/holds/{id}/void")
  /// Freezes, thaws or closes an account. A problem where there is none (`account-not-found`), where it was closed for good
  /// (`account-already-closed`), and where it is to be closed with money in it or on hold (`account-not-empty`).
  package static let changeAccount = Operation<AccountChangeOrder, AccountAnswer>(
    "changeAccount", of: "ledger", .post, "/v1/account-changes")
  /// Opens an account on behalf of whoever manages accounts: needs a transaction token for `account.manage` that names
  /// its owner and currency. Repeating it changes nothing.
  package static let openManagedAccount = Operation<NewAccount, AccountAnswer>(
    "openManagedAccount", of: "ledger", .post, "/v1/managed/accounts")
  /// `changeAccount` on behalf of whoever manages accounts: the token names account and change.
  package static let changeManagedAccount = Operation<AccountChangeOrder, AccountAnswer>(
    "changeManagedAccount", of: "ledger", .post, "/v1/managed/account-changes")
  /// Any account; needs a token for `account.manage`.
  package static let getManagedAccount = Operation<Nothing, LedgerAccount>(
    "getManagedAccount", of: "ledger", .get, "/v1/managed/accounts/{id}")
  /// The accounts of one person. Query `owner` is mandatory; needs a token for `account.manage`.
  package static let listManagedAccounts = Operation<Nothing, LedgerAccounts>(
    "listManagedAccounts", of: "ledger", .get, "/v1/managed/accounts")
  /// The sums of every currency: debits must equal credits. Queries `as_of` and `as_of_sequence` as in
  /// `getAccount`, over at most 250,000 transfers since; `booked_until` too, over as many since 31 days before that day.
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
  /// How many days after today (UTC) a transfer may be booked for.
  package static let bookedDaysAheadMax = 31
  /// Longest life of a hold in seconds: a year.
  package static let timeoutSecondsMax: Int64 = 31_622_400
  /// Longest life in seconds of a hold that a person allowed by a transaction token: a quarter of an hour. Long enough
  /// for payments to come back from a crash and post it, short enough that nobody can keep a person's money from them.
  package static let personHoldSecondsMax: Int64 = 900
}
