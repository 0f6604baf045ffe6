import Chassis
import LedgerAPI
import LedgerBook
import LedgerStorage
import Vocabulary

// Lists of an account's transfers: pages in the order of acceptance, of a span of time, of booked days.

extension LedgerService {
  /// Transfers that one page looks at, at most, where only some of them are wanted. A page that ends there has a `next`.
  static let lookedAtMax = 10_000
  /// Read at a time then, at most.
  private static let lookedAtOnceMax = 1_000

  /// A page of an account's transfers, as the query says.
  func transfers(of account: Account, _ call: Call) async throws -> Answer {
    let order = call.query["order"] ?? "oldest"
    guard ["oldest", "newest"].contains(order) else {
      throw Problem.malformed("expected oldest or newest", field: "order")
    }
    let isNewestFirst = order == "newest"
    var list = TransferList(
      wanted: try WantedTransfers(call), limit: try call.limit(), span: try await span(of: call),
      isNewestFirst: isNewestFirst)
    let after = Int64(
      try call.integer("after", in: 0...Int.max, default: isNewestFirst ? Int.max : 0))
    list.place =
      isNewestFirst
      ? min(after, list.span.upperBound) : max(after, list.span.lowerBound - 1)
    try await fill(&list, from: account)
    var answer = LedgerTransfers(
      transfers: try list.found.map { try LedgerTransfer($0) },
      next: list.isAtEnd ? nil : "\(list.place)")
    // No further scope is asked for: who may read all movements can add them up.
    if list.wanted.movementsOnly, isNewestFirst {
      try await addBalances(&answer, list, of: account, call)
    }
    return try .json(200, answer)
  }

  private func fill(_ list: inout TransferList, from account: Account) async throws {
    // One more than asked for tells whether there is a next page. Of a person's transfers half are holds.
    var count = list.wanted.isAll ? list.limit + 1 : 2 * list.limit + 2
    while !list.isFull {
      count = min(count, Self.lookedAtOnceMax + 1)
      let chunk =
        try await keeper.transfers(
          of: account.id, after: list.place, newestFirst: list.isNewestFirst, limit: count) ?? []
      list.take(chunk, isLast: chunk.count < count, lookedAtMax: Self.lookedAtMax)
      count *= 2
    }
  }

  /// What the account held after each movement: known from the page before, or from the account as of the first one that
  /// was looked at. Too far back it is not told.
  private func addBalances(
    _ answer: inout LedgerTransfers, _ list: TransferList, of account: Account, _ call: Call
  ) async throws {
    guard let newest = list.lookedAt.first?.sequence else { return }
    var balance: Int64?
    if call.query["balance_after"] != nil {
      let range = -Int(LedgerLimits.amountMax)...Int(LedgerLimits.amountMax)
      balance = Int64(try call.integer("balance_after", in: range, default: 0))
    } else {
      do {
        let then = try await keeper.account(account.id, asOf: .sequence(newest))?.account
        balance = then.map { $0.creditsPosted - $0.debitsPosted }
      } catch PastRefusal.tooFar {
        return
      }
    }
    guard var balance else { return }
    var after: [Int64: Int64] = [:]
    for transfer in list.lookedAt {
      after[transfer.sequence] = balance
      balance -= transfer.moved(on: account.id)
    }
    for index in answer.transfers.indices {
      answer.transfers[index].balance = after[answer.transfers[index].sequence]
    }
    answer.nextBalance = answer.next == nil ? nil : balance
  }

  /// The transfers accepted in the span of time that is asked for.
  private func span(of call: Call) async throws -> Range<Int64> {
    let from = try call.moment("from")
    let until = try call.moment("until")
    if let from, let until, until < from {
      throw Problem.malformed("expected a moment not before from", field: "until")
    }
    var (first, end) = (Int64(1), Int64.max)
    if let from { first = try await keeper.firstTransfer(notBefore: from) }
    if let until { end = max(first, try await keeper.firstTransfer(notBefore: until)) }
    return first..<end
  }

  /// - Parameter found: one more than `limit` where there is a next page.
  func page(_ found: [StoredTransfer], _ limit: Int) throws -> Answer {
    let page = found.prefix(limit)
    let next = found.count > limit ? page.last.map { "\($0.transfer.sequence)" } : nil
    return try .json(
      200, LedgerTransfers(transfers: try page.map { try LedgerTransfer($0) }, next: next))
  }
}

/// Which transfers of an account a list shows.
struct WantedTransfers: Sendable {
  /// Only what moved money: neither holds nor what gives one back.
  let movementsOnly: Bool
  /// Booked on these days; nil: on any.
  let bookedOn: ClosedRange<CivilDate>?

  init(_ call: Call) throws(Problem) {
    movementsOnly = try call.flag("movements")
    let from = try call.day("booked_from")
    let until = try call.day("booked_until")
    guard from != nil || until != nil else {
      bookedOn = nil
      return
    }
    let first = from ?? CivilDate(daysSinceEpoch: 0)
    let last = until ?? max(first, CivilDate(daysSinceEpoch: Int(TransferRecord.days.upperBound)))
    guard first <= last else {
      throw .malformed("expected a day not before booked_from", field: "booked_until")
    }
    bookedOn = first...last
  }

  var isAll: Bool { !movementsOnly && bookedOn == nil }

  func contains(_ transfer: Transfer) -> Bool {
    guard !movementsOnly || transfer.isMovement else { return false }
    return bookedOn?.contains(transfer.bookedDay) ?? true
  }
}

/// A page while it is put together. Pure: what is read is handed in.
struct TransferList: Sendable {
  let wanted: WantedTransfers
  /// Most transfers on the page.
  let limit: Int
  let span: Range<Int64>
  let isNewestFirst: Bool
  /// The sequence after (or, newest first, before) which it goes on.
  var place: Int64 = 0
  private(set) var found: [StoredTransfer] = []
  /// All that was gone through, wanted or not.
  private(set) var lookedAt: [Transfer] = []
  private(set) var isFull = false
  /// There is nothing behind the page.
  private(set) var isAtEnd = false

  init(wanted: WantedTransfers, limit: Int, span: Range<Int64>, isNewestFirst: Bool) {
    self.wanted = wanted
    self.limit = limit
    self.span = span
    self.isNewestFirst = isNewestFirst
  }

  /// - Parameters:
  ///   - chunk: what follows the place, in the page's order.
  ///   - isLast: whether the account has no more behind it.
  mutating func take(_ chunk: [StoredTransfer], isLast: Bool, lookedAtMax: Int) {
    for stored in chunk {
      guard span.contains(stored.transfer.sequence) else {
        isAtEnd = true
        break
      }
      let isWanted = wanted.contains(stored.transfer)
      guard lookedAt.count < lookedAtMax, !(isWanted && found.count == limit) else {
        isFull = true
        return
      }
      if isWanted { found.append(stored) }
      lookedAt.append(stored.transfer)
      place = stored.transfer.sequence
    }
    isAtEnd = isAtEnd || isLast
    isFull = isAtEnd
  }
}

extension Transfer {
  var isMovement: Bool { !flags.contains(.pending) && !flags.contains(.voidPending) }

  /// The day for which the books count it; see `TransferRow.bookedDay`.
  var bookedDay: CivilDate {
    let accepted = createdAt.day
    guard let bookedOn else { return accepted }
    return min(
      bookedOn, CivilDate(daysSinceEpoch: accepted.daysSinceEpoch + Book.bookedDaysAheadMax))
  }

  /// What it added to an account's posted credits less posted debits, in minor units.
  func moved(on account: AccountID) -> Int64 {
    guard isMovement else { return 0 }
    return debitAccount == account ? -amount : amount
  }
}
