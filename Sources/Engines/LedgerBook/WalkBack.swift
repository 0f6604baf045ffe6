package import Vocabulary

/// A place in history: right after a transfer, at a moment. What happened at one moment happened in this order: holds
/// expire, accounts are opened, transfers are accepted.
package struct PastPlace: Hashable, Sendable {
  /// The journal's entry; 0 before the first.
  package let entry: Int64
  /// The last transfer that counts; 0 before the first.
  package let sequence: Int64
  package let moment: Instant

  package init(entry: Int64, sequence: Int64, moment: Instant) {
    self.entry = entry
    self.sequence = sequence
    self.moment = moment
  }
}

/// Sums as they stood at a place in history, from what they are now and what was accepted since. Pure.
///
/// Posted sums lose what was posted since. Pending ones lose the holds made since that are still open, and get back the
/// holds made before that were open then and are no longer: posted, voided, or out of time. A hold is open from the moment
/// it was made until one of these; that its time has passed needs no entry, for its row says when.
package struct WalkBack: Sendable {
  package let place: PastPlace
  private let now: Instant
  private let since: [KnownTransfer]
  /// The holds that were posted or voided since.
  private let ended: Set<UInt128>

  /// - Parameters:
  ///   - now: the book's moment, at which the sums are what they are.
  ///   - since: the transfers after the place that touch the sums, in any order.
  package init(to place: PastPlace, from now: Instant, since: [KnownTransfer]) {
    self.place = place
    self.now = now
    self.since = since
    ended = Set(since.lazy.filter(\.row.resolves).map(\.row.pendingID))
  }

  /// The holds made before the place that were posted or voided after it, ascending by id: whoever knows history must
  /// name them.
  package var endedHolds: [UInt128] {
    let made = Set(since.lazy.filter { $0.row.does(.pending) }.map(\.row.id))
    return ended.subtracting(made).sorted()
  }

  /// True for a hold made before the place whose time ran out between it and now. Whether it was posted or voided before
  /// the place its row does not say.
  package func ranOut(_ hold: KnownTransfer) -> Bool {
    guard hold.sequence <= place.sequence, hold.row.does(.pending), !ended.contains(hold.row.id),
      let expiry = hold.row.expiresAt
    else { return false }
    return expiry > place.moment.nanoseconds && expiry <= now.nanoseconds
  }

  /// An account as it stood; whether it is frozen, or closed for good, is told as it is now.
  /// - Parameters:
  ///   - row: as it stands now.
  ///   - holds: the account's holds that were open then and are no longer, each once.
  package func account(_ row: AccountRow, number: UInt32, holds: [TransferRow]) -> AccountRow {
    var then = row
    for known in since {
      let (isDebtor, isCreditor) = (known.row.debit == number, known.row.credit == number)
      let pending = pendingNow(known.row)
      let posted = posted(known.row)
      if isDebtor {
        then.debitsPending -= pending
        then.debitsPosted -= posted
      } else if isCreditor {
        then.creditsPending -= pending
        then.creditsPosted -= posted
      }
      // It was open when this closed it.
      if known.row.closes(number) { then.bars.remove(.closedByHold) }
    }
    for hold in holds {
      if hold.debit == number { then.debitsPending += hold.amount }
      if hold.credit == number { then.creditsPending += hold.amount }
    }
    // What closed it was kept then, and given back since.
    if holds.contains(where: { $0.closes(number) }) { then.bars.insert(.closedByHold) }
    return then
  }

  /// The sums of each currency as they stood, sorted by code; currencies without accounts are left out.
  /// - Parameters:
  ///   - totals: as they stand now.
  ///   - opened: the accounts opened since.
  ///   - holds: all holds that were open then and are no longer, each once.
  package func totals(
    _ totals: [CurrencyTotal], opened: [AccountRow], holds: [TransferRow]
  ) -> [CurrencyTotal] {
    // An account's sum fits into 64 bits; a currency's need not.
    var pending: [UInt16: Int128] = [:]
    var posted: [UInt16: Int128] = [:]
    var accounts: [UInt16: Int] = [:]
    for known in since {
      posted[known.row.currency, default: 0] += Int128(self.posted(known.row))
      pending[known.row.currency, default: 0] += Int128(pendingNow(known.row))
    }
    for hold in holds { pending[hold.currency, default: 0] -= Int128(hold.amount) }
    for account in opened { accounts[account.currency, default: 0] += 1 }
    return totals.compactMap { total in
      let code = total.currency.numericCode
      return total.before(
        accounts: accounts[code] ?? 0, pending: pending[code] ?? 0, posted: posted[code] ?? 0)
    }
  }

  private func posted(_ row: TransferRow) -> Int64 {
    row.does(.pending) || row.does(.voidPending) ? 0 : row.amount
  }

  /// What a transfer made since holds still.
  private func pendingNow(_ row: TransferRow) -> Int64 {
    guard row.does(.pending), !ended.contains(row.id) else { return 0 }
    return (row.expiresAt ?? .max) > now.nanoseconds ? row.amount : 0
  }
}

extension TransferRow {
  fileprivate func closes(_ account: UInt32) -> Bool {
    does(.pending)
      && (debit == account && does(.closingDebit) || credit == account && does(.closingCredit))
  }
}

extension CurrencyTotal {
  /// Less what came since, on both sides; nil where there was no account.
  fileprivate func before(accounts: Int, pending: Int128, posted: Int128) -> CurrencyTotal? {
    guard self.accounts > accounts else { return nil }
    var then = self
    then.take(accounts: accounts, pending: pending, posted: posted)
    return then
  }
}
