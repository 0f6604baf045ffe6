package import Vocabulary

/// An account to open.
package struct NewAccount: Codable, Hashable, Sendable {
  /// Never zero and never all ones; never used again.
  package var id: AccountID
  package var currency: Currency
  /// What kind of account it is, 1–65,535, in the operator's own chart of accounts.
  package var code: UInt16
  /// Whose it is; absent for the bank's own accounts.
  package var owner: PersonID?
  package var flags: Flags<AccountFlag>?

  package init(
    id: AccountID, currency: Currency, code: UInt16, owner: PersonID? = nil,
    flags: Flags<AccountFlag>? = nil
  ) {
    self.id = id
    self.currency = currency
    self.code = code
    self.owner = owner
    self.flags = flags
  }
}

/// The body of `createAccounts`.
package struct NewAccounts: Codable, Hashable, Sendable {
  /// 1 to `LedgerLimits.batchMax`.
  package var accounts: [NewAccount]
  package init(accounts: [NewAccount]) { self.accounts = accounts }
}

/// An account as it stands now. The four sums are in minor units, 0 to 2^53 − 1.
package struct LedgerAccount: Codable, Hashable, Sendable {
  package var id: AccountID
  package var currency: Currency
  package var code: UInt16
  package var owner: PersonID?
  package var flags: Flags<AccountFlag>
  /// As it is now; absent where the past was asked for.
  package var state: AccountState?
  package var debitsPending: Int64
  package var debitsPosted: Int64
  package var creditsPending: Int64
  package var creditsPosted: Int64
  /// When it was opened, by the ledger's clock.
  package var createdAt: Instant
  /// Present where the past was asked for: the last transfer that counts; 0 before the first.
  package var asOfSequence: Int64?
  /// Present where a booked day was asked for: the last day that counts, `YYYY-MM-DD`. Pending sums are zero then.
  package var bookedUntil: String?

  private enum CodingKeys: String, CodingKey {
    case id, currency, code, owner, flags, state
    case asOfSequence = "as_of_sequence"
    case bookedUntil = "booked_until"
    case debitsPending = "debits_pending"
    case debitsPosted = "debits_posted"
    case creditsPending = "credits_pending"
    case creditsPosted = "credits_posted"
    case createdAt = "created_at"
  }

  /// Posted credits less posted debits: what a customer's account holds, in minor units.
  package var balance: Int64 { creditsPosted - debitsPosted }
  /// The balance less what is on hold: what may still be spent, in minor units.
  package var available: Int64 { balance - debitsPending }

  package init(
    _ account: NewAccount, flags: Flags<AccountFlag>, debitsPending: Int64, debitsPosted: Int64,
    creditsPending: Int64, creditsPosted: Int64, createdAt: Instant
  ) {
    id = account.id
    currency = account.currency
    code = account.code
    owner = account.owner
    self.flags = flags
    self.debitsPending = debitsPending
    self.debitsPosted = debitsPosted
    self.creditsPending = creditsPending
    self.creditsPosted = creditsPosted
    self.createdAt = createdAt
  }
}

/// The answer of `listAccounts` and `lookupAccounts`.
package struct LedgerAccounts: Codable, Hashable, Sendable {
  package var accounts: [LedgerAccount]
  /// Give it as `after` for the next page; absent on the last, and where the accounts were named.
  package var next: String?
  package init(accounts: [LedgerAccount], next: String? = nil) {
    self.accounts = accounts
    self.next = next
  }
}

/// The body of `lookupAccounts`.
package struct AccountIDs: Codable, Hashable, Sendable {
  /// 1 to `LedgerLimits.batchMax`.
  package var ids: [AccountID]
  package init(ids: [AccountID]) { self.ids = ids }
}

/// The answer of `getTrialBalance`.
package struct TrialBalance: Codable, Hashable, Sendable {
  package var currencies: [CurrencyTotals]
  /// True when debits equal credits in every currency, pending and posted.
  package var balanced: Bool
  /// Present where the past was asked for: the last transfer that counts; 0 before the first.
  package var asOfSequence: Int64?
  /// Present where a booked day was asked for: the last day that counts, `YYYY-MM-DD`. Pending sums are zero then.
  package var bookedUntil: String?

  private enum CodingKeys: String, CodingKey {
    case currencies, balanced
    case asOfSequence = "as_of_sequence"
    case bookedUntil = "booked_until"
  }

  package init(
    currencies: [CurrencyTotals], balanced: Bool, asOfSequence: Int64? = nil,
    bookedUntil: String? = nil
  ) {
    self.currencies = currencies
    self.balanced = balanced
    self.asOfSequence = asOfSequence
    self.bookedUntil = bookedUntil
  }
}

/// The sums of all accounts of one currency, in minor units; decimal texts, for a sum of many
/// balances may exceed 2^53.
package struct CurrencyTotals: Codable, Hashable, Sendable {
  package var currency: Currency
  package var accounts: Int
  package var debitsPending: String
  package var debitsPosted: String
  package var creditsPending: String
  package var creditsPosted: String

  private enum CodingKeys: String, CodingKey {
    case currency, accounts
    case debitsPending = "debits_pending"
    case debitsPosted = "debits_posted"
    case creditsPending = "credits_pending"
    case creditsPosted = "credits_posted"
  }

  package init(
    currency: Currency, accounts: Int, debitsPending: UInt128, debitsPosted: UInt128,
    creditsPending: UInt128, creditsPosted: UInt128
  ) {
    self.currency = currency
    self.accounts = accounts
    self.debitsPending = String(debitsPending)
    self.debitsPosted = String(debitsPosted)
    self.creditsPending = String(creditsPending)
    self.creditsPosted = String(creditsPosted)
  }
}
