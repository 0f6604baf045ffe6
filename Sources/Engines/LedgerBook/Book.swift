package import Vocabulary

/// The ledger's decisions: accounts, open holds and their sums in memory, and what a batch does to
/// them at a given moment.
///
/// No clock, no disk, no randomness: the same batches at the same moments give the same book. A
/// batch is all or nothing for each chain of linked events, never for the whole. Time does not run
/// backwards: a moment before the last one seen counts as the last one.
///
/// Storage is flat: an account is 80 bytes and a place in a table, a transfer 128 bytes until it is
/// forgotten (`forget(through:)`), and deciding a transfer allocates nothing.
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
    /// Accepted transfers are forgotten this many at a time.
    package var recentBlock: Int
    package init(
      accountsMax: Int = 4_000_000, openHoldsMax: Int = 1_000_000, recentBlock: Int = 16_384
    ) {
      self.accountsMax = accountsMax
      self.openHoldsMax = openHoldsMax
      self.recentBlock = max(1, recentBlock)
    }
  }

  let limits: Limits
  private let key: UInt64
  var accounts: [AccountRow] = []
  var numbers: IDTable
  var holds: OpenHolds
  var recent: RecentTransfers
  /// What a chain, or a rehearsal, has done so far; nil outside of both.
  var steps: [Step]?
  var isRehearsing = false
  /// The latest moment seen.
  package internal(set) var now = Instant(nanoseconds: .min)

  /// - Parameters:
  ///   - sequence: of the last transfer before the first that this book accepts.
  ///   - key: random; keeps outsiders from choosing ids that slow the tables down. It changes no
  ///     decision.
  package init(limits: Limits = Limits(), after sequence: Int64 = 0, key: UInt64 = 0) {
    self.limits = limits
    self.key = key
    numbers = IDTable(key: key)
    holds = OpenHolds(key: key &+ 3)
    recent = RecentTransfers(after: sequence, block: limits.recentBlock, key: key &+ 4)
  }

  /// The sequence of the last accepted transfer; 0 before the first.
  package var sequence: Int64 { recent.next - 1 }

  /// The account's number: its place in the order of opening, from 0.
  package func number(of id: AccountID) -> Int? { numbers.find(id.bits) }

  /// The account as it stands; nil where there is none.
  package func account(_ id: AccountID) -> Account? {
    number(of: id).flatMap { Account(accounts[$0]) }
  }

  package var accountCount: Int { accounts.count }
  package var openHoldCount: Int { holds.count }

  /// When the next hold expires, as far as the book knows; it may be a hold that has ended
  /// meanwhile.
  package var nextExpiry: Instant? { holds.expiries.earliest.map(Instant.init(nanoseconds:)) }

  /// All accounts in the order of opening.
  package var allAccounts: [Account] { accounts.compactMap { Account($0) } }
  /// The same in fixed width; an account's number is its index.
  package var accountRows: [AccountRow] { accounts }
  /// The open holds by sequence.
  package var openHolds: [KnownTransfer] { holds.all }

  /// An accepted transfer that is still remembered here; nil for older ones and for none.
  package func recentTransfer(_ id: TransferID) -> KnownTransfer? { recent.transfer(id.bits) }
  /// The transfer that posted or voided this hold, if that is remembered here.
  package func recentEnd(of hold: TransferID) -> KnownTransfer? { recent.end(of: hold.bits) }
  package func isOpenHold(_ id: TransferID) -> Bool { holds.isOpen(id.bits) }

  /// The sequences that are remembered.
  package var recentRange: Range<Int64> { recent.first..<recent.next }
  /// - Parameter range: within `recentRange`.
  package func recentRows(_ range: Range<Int64>) -> [TransferRow] { recent.rows(range) }
  /// The sequences of an account's transfers that are remembered: at most `limit` of those after, or
  /// newest first before, a sequence.
  package func recentSequences(
    of account: UInt32, after sequence: Int64, newestFirst: Bool, limit: Int
  ) -> [Int64] {
    var found: [Int64] = []
    var place = newestFirst ? min(sequence, recent.next) - 1 : max(sequence, recent.first - 1) + 1
    while found.count < limit, recentRange.contains(place) {
      let row = recent[place]
      if row.debit == account || row.credit == account { found.append(place) }
      place += newestFirst ? -1 : 1
    }
    return found
  }
  /// An account's transfers that are remembered, oldest first.
  package func recentTransfers(of account: UInt32) -> [KnownTransfer] {
    recentRange.lazy.map { KnownTransfer(row: recent[$0], sequence: $0) }.filter {
      $0.row.debit == account || $0.row.credit == account
    }
  }
  /// The sequences of the remembered transfers with a property: at most `limit` of those after a
  /// sequence.
  package func recentSequences(
    after sequence: Int64, limit: Int, where isWanted: (TransferRow) -> Bool
  ) -> [Int64] {
    var found: [Int64] = []
    for place in min(max(sequence + 1, recent.first), recent.next)..<recent.next
    where found.count < limit && isWanted(recent[place]) { found.append(place) }
    return found
  }
  /// Forgets transfers up to a sequence, in whole blocks. From now on only history knows them.
  package mutating func forget(through sequence: Int64) { recent.forget(through: sequence) }

  /// The sums of each currency, sorted by code. Debits equal credits, or the book is wrong.
  package var trialBalance: [CurrencyTotal] {
    var totals: [UInt16: CurrencyTotal] = [:]
    for account in accounts {
      if totals[account.currency] == nil {
        totals[account.currency] = Currency(numericCode: account.currency).map {
          CurrencyTotal(currency: $0)
        }
      }
      totals[account.currency]?.add(account)
    }
    return totals.values.sorted { $0.currency < $1.currency }
  }

  mutating func advance(to instant: Instant) { now = max(now, instant) }
  /// Undoes an advance during which nothing happened.
  /// - Parameter instant: the moment before it.
  package mutating func goBack(to instant: Instant) { now = min(now, instant) }
}

/// The sums of all accounts of one currency, in minor units. 128 bits cannot overflow: 2^53 times
/// four million accounts.
package struct CurrencyTotal: Hashable, Sendable {
  package let currency: Currency
  package private(set) var accounts = 0
  package private(set) var debitsPending: UInt128 = 0
  package private(set) var debitsPosted: UInt128 = 0
  package private(set) var creditsPending: UInt128 = 0
  package private(set) var creditsPosted: UInt128 = 0

  init(currency: Currency) { self.currency = currency }

  /// True where debits equal credits, pending and posted.
  package var isBalanced: Bool { debitsPending == creditsPending && debitsPosted == creditsPosted }

  mutating func add(_ account: AccountRow) {
    accounts += 1
    // The four sums are never negative: `Book` keeps them from 0 to amountMax, and `restoring`
    // checks what it is given.
    debitsPending += UInt128(account.debitsPending.magnitude)
    debitsPosted += UInt128(account.debitsPosted.magnitude)
    creditsPending += UInt128(account.creditsPending.magnitude)
    creditsPosted += UInt128(account.creditsPosted.magnitude)
  }

  /// Every transfer and hold stands on both sides.
  /// - Parameter pending: negative where holds that were open are no longer.
  mutating func take(accounts count: Int, pending: Int128, posted: Int128) {
    accounts -= count
    let difference = UInt128(truncatingIfNeeded: pending)
    debitsPending &-= difference
    creditsPending &-= difference
    debitsPosted &-= UInt128(truncatingIfNeeded: posted)
    creditsPosted &-= UInt128(truncatingIfNeeded: posted)
  }
}
