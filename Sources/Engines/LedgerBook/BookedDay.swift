package import Vocabulary

// The day for which the bank's books count a transfer, beside the moment at which it was accepted.

extension Book {
  /// How many days after the day of its acceptance a transfer may be booked for. It bounds how far back a look at a booked
  /// day must go: whatever counts for a later day was accepted at most this long before it.
  package static let bookedDaysAheadMax = 31
}

extension TransferRow {
  /// Days since 1970-01-01 for which the books count it: the named day, or else the day of its acceptance (UTC). Books of
  /// an older build may name days further ahead than `Book.bookedDaysAheadMax`; those count for that one.
  package var bookedDay: Int32 {
    let accepted = Int32(clamping: Instant(nanoseconds: createdAt).day.daysSinceEpoch)
    guard bookedOn != RequestRow.absentDay else { return accepted }
    return min(bookedOn, accepted &+ Int32(Book.bookedDaysAheadMax))
  }

  /// Minor units that moved; nothing for holds and for what gives one back.
  package var moved: Int64 { does(.pending) || does(.voidPending) ? 0 : amount }
}

extension AccountRow {
  /// The sums of what is booked up to a day and on it. Holds are booked for no day, so pending sums are zero.
  /// - Parameter since: the account's transfers that may be booked for later days, whatever else is among them.
  package func booked(through day: CivilDate, number: UInt32, since: [KnownTransfer]) -> AccountRow
  {
    var then = self
    then.debitsPending = 0
    then.creditsPending = 0
    for known in since where known.row.bookedDay > day.daysSinceEpoch {
      if known.row.debit == number { then.debitsPosted -= known.row.moved }
      if known.row.credit == number { then.creditsPosted -= known.row.moved }
    }
    return then
  }
}

extension [CurrencyTotal] {
  /// The same for all accounts of each currency; how many there are is told as of now.
  package func booked(through day: CivilDate, since: [KnownTransfer]) -> [CurrencyTotal] {
    var later: [UInt16: Int128] = [:]
    for known in since where known.row.bookedDay > day.daysSinceEpoch {
      later[known.row.currency, default: 0] += Int128(known.row.moved)
    }
    return map { total in
      var then = total
      then.take(
        accounts: 0, pending: Int128(truncatingIfNeeded: total.debitsPending),
        posted: later[total.currency.numericCode] ?? 0)
      return then
    }
  }
}
