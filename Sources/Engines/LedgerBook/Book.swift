package import Vocabulary

/// The ledger's decisions: accounts, open holds and their sums in memory, and what a batch does to
/// them at a given moment.
///
/// No clock, no disk, no randomness: the same batches at the same moments give the same book. A
/// batch is all or nothing for each chain of linked events, never for the whole. Time does not run
/// backwards: a moment before the last one seen counts as the last one.
package struct Book: Sendable {
  /// Largest amount, and largest sum of an account, in minor units: 2^53 − 1.
  package static let amountMax: Int64 = Money.minorUnitsMax
  /// Longest life of a hold: 366 days, in seconds.
  package static let timeoutSecondsMax: Int64 = 31_622_400
  /// Most events of one batch, as TigerBeetle's; the caller keeps to it.
  package static let batchMax = 8_190

  /// What the book keeps in memory at most.
  package struct Limits: Hashable, Sendable {
    package var accountsMax: Int
    package var openHoldsMax: Int
    package init(accountsMax: Int = 4_000_000, openHoldsMax: Int = 1_000_000) {
      self.accountsMax = accountsMax
      self.openHoldsMax = openHoldsMax
    }
  }

  let limits: Limits
  var accounts: [Account] = []
  var numbers: [AccountID: Int] = [:]
  var holds: [TransferID: Transfer] = [:]
  var expiries = ExpiryQueue()
  /// The sequence of the last accepted transfer; 0 before the first.
  package internal(set) var sequence: Int64 = 0
  /// The latest moment seen.
  package internal(set) var now = Instant(nanoseconds: .min)

  package init(limits: Limits = Limits()) { self.limits = limits }

  /// The account's number: its place in the order of opening, from 0. Storage may use it for a key.
  package func number(of id: AccountID) -> Int? { numbers[id] }

  /// The account as it stands; nil where there is none.
  package func account(_ id: AccountID) -> Account? { numbers[id].map { accounts[$0] } }

  package var accountCount: Int { accounts.count }
  package var openHoldCount: Int { holds.count }

  /// When the next hold expires, as far as the book knows; it may be a hold that has ended
  /// meanwhile.
  package var nextExpiry: Instant? { expiries.earliest }

  /// All accounts in the order of opening.
  package var allAccounts: [Account] { accounts }

  /// The sums of each currency, sorted by code. Debits equal credits, or the book is wrong.
  package var trialBalance: [CurrencyTotal] {
    var totals: [Currency: CurrencyTotal] = [:]
    for account in accounts {
      totals[account.currency, default: CurrencyTotal(currency: account.currency)].add(account)
    }
    return totals.values.sorted { $0.currency < $1.currency }
  }

  mutating func advance(to instant: Instant) { now = max(now, instant) }
}

/// The sums of all accounts of one currency, in minor units. 128 bits cannot overflow: 2^53 times
/// four million accounts.
package struct CurrencyTotal: Hashable, Sendable {
  package let currency: Currency
  package private(set) var accounts: Int
  package private(set) var debitsPending: UInt128
  package private(set) var debitsPosted: UInt128
  package private(set) var creditsPending: UInt128
  package private(set) var creditsPosted: UInt128

  package init(
    currency: Currency, accounts: Int = 0, debitsPending: UInt128 = 0, debitsPosted: UInt128 = 0,
    creditsPending: UInt128 = 0, creditsPosted: UInt128 = 0
  ) {
    self.currency = currency
    self.accounts = accounts
    self.debitsPending = debitsPending
    self.debitsPosted = debitsPosted
    self.creditsPending = creditsPending
    self.creditsPosted = creditsPosted
  }

  /// True where debits equal credits, pending and posted.
  package var isBalanced: Bool { debitsPending == creditsPending && debitsPosted == creditsPosted }

  mutating func add(_ account: Account) {
    accounts += 1
    // The four sums are never negative: `Book` keeps them from 0 to amountMax, and `restoring`
    // checks what it is given.
    debitsPending += UInt128(account.debitsPending.magnitude)
    debitsPosted += UInt128(account.debitsPosted.magnitude)
    creditsPending += UInt128(account.creditsPending.magnitude)
    creditsPosted += UInt128(account.creditsPosted.magnitude)
  }
}
