import Chassis
import LedgerAPI
import LedgerBook
import LedgerJournal
import LedgerStorage
import Vocabulary

// What is asked of the books. Nothing here changes them.

extension LedgerService {
  @Sendable func lookupAccounts(_ call: Call) async throws -> Answer {
    let ids = try call.decode(AccountIDs.self).ids
    try requireSize(ids.count, field: "/ids")
    let found = try await keeper.accounts(ids)
    return try .json(200, LedgerAccounts(accounts: found.map(LedgerAccount.init)))
  }

  @Sendable func getAccount(_ call: Call) async throws -> Answer {
    if let day = try call.bookedUntil() { return try await account(bookedThrough: day, call) }
    guard let asOf = try call.asOf() else {
      return try .json(200, LedgerAccount(try await account(named: "id", in: call)))
    }
    let id: AccountID = try call.id("id")
    guard let found = try await keeper.account(id, asOf: asOf) else { throw Problem.notFound }
    try call.requireOwner(of: found.account)
    var answer = LedgerAccount(found.account)
    answer.asOfSequence = found.sequence
    answer.state = nil
    return try .json(200, answer)
  }

  private func account(bookedThrough day: CivilDate, _ call: Call) async throws -> Answer {
    let id: AccountID = try call.id("id")
    guard let found = try await keeper.account(id, bookedThrough: call.counted(day)) else {
      throw Problem.notFound
    }
    try call.requireOwner(of: found)
    var answer = LedgerAccount(found)
    answer.bookedUntil = day.description
    return try .json(200, answer)
  }

  @Sendable func listAccounts(_ call: Call) async throws -> Answer {
    try await accounts(of: call.id("owner"), call)
  }

  /// A page of a person's accounts.
  func accounts(of owner: PersonID, _ call: Call) async throws -> Answer {
    let max = Self.accountsPerPageMax
    let isFirst = call.query["after"] == nil
    let after = isFirst ? nil : try call.integer("after", in: 0...Int.max - 1, default: 0)
    let found = try await keeper.accounts(
      of: owner, after: after, max: call.integer("limit", in: 1...max, default: max))
    return try .json(
      200,
      LedgerAccounts(
        accounts: found.accounts.map(LedgerAccount.init), next: found.next.map { "\($0)" }))
  }

  @Sendable func getTransfer(_ call: Call) async throws -> Answer {
    let id: TransferID = try call.id("id")
    guard let stored = try await keeper.transfer(id) else {
      throw Problem.notFound
    }
    return try .json(200, try LedgerTransfer(stored))
  }

  @Sendable func listTransfers(_ call: Call) async throws -> Answer {
    try await transfers(of: try await account(named: "id", in: call), call)
  }

  @Sendable func findTransfers(_ call: Call) async throws -> Answer {
    let key: (kind: IndexKind, bits: UInt128)
    switch (call.query["payment_id"], call.query["correlation_id"]) {
    case (_?, nil):
      let payment: PaymentID = try call.id("payment_id")
      key = (.payment, payment.bits)
    case (nil, let text?):
      guard let correlation = CorrelationID(text) else {
        throw Problem.malformed("expected 32 lower-case hex digits", field: "correlation_id")
      }
      key = (.correlation, correlation.bits)
    case (nil, nil), (_?, _?):
      throw Problem.malformed("expected payment_id or correlation_id, one of them")
    }
    let limit = try call.limit()
    let after = Int64(try call.integer("after", in: 0...Int.max - 1, default: 0))
    // No transfer has the id zero, which counts as none.
    let found =
      key.bits == 0
      ? [] : try await keeper.transfers(by: key.kind, key.bits, after: after, limit: limit + 1)
    return try page(found, limit)
  }

  @Sendable func getTrialBalance(_ call: Call) async throws -> Answer {
    var sequence: Int64?
    let totals: [CurrencyTotal]
    let day = try call.bookedUntil()
    if let day {
      totals = try await keeper.trialBalance(bookedThrough: call.counted(day))
    } else if let asOf = try call.asOf() {
      (totals, sequence) = try await keeper.trialBalance(asOf: asOf)
    } else {
      totals = try await keeper.trialBalance()
    }
    let currencies = totals.map {
      CurrencyTotals(
        currency: $0.currency, accounts: $0.accounts, debitsPending: $0.debitsPending,
        debitsPosted: $0.debitsPosted, creditsPending: $0.creditsPending,
        creditsPosted: $0.creditsPosted)
    }
    return try .json(
      200,
      TrialBalance(
        currencies: currencies, balanced: totals.allSatisfy(\.isBalanced), asOfSequence: sequence,
        bookedUntil: day?.description))
  }

  /// Another owner's account is told as not found: who asks learns nothing of what is not theirs.
  private func account(named name: String, in call: Call) async throws -> Account {
    let id: AccountID = try call.id(name)
    guard let account = try await keeper.accounts([id]).first else { throw Problem.notFound }
    try call.requireOwner(of: account)
    return account
  }
}

extension Call {
  fileprivate func requireOwner(of account: Account) throws(Problem) {
    guard query["owner"] != nil else { return }
    let owner: PersonID = try id("owner")
    guard account.owner == owner else { throw .notFound }
  }

  func limit() throws(Problem) -> Int {
    try integer("limit", in: 1...LedgerLimits.pageMax, default: 100)
  }

  func moment(_ name: String) throws(Problem) -> Instant? {
    guard let text = query[name] else { return nil }
    guard let moment = Instant(text) else {
      throw .malformed("expected a time in UTC, as 2026-11-21T08:00:00Z", field: name)
    }
    return moment
  }

  /// A day from the query.
  func day(_ name: String) throws(Problem) -> CivilDate? {
    guard let text = query[name] else { return nil }
    guard let day = CivilDate(text), day.daysSinceEpoch >= 0 else {
      throw .malformed("expected a day of the years 1970 to 9999, YYYY-MM-DD", field: name)
    }
    return day
  }

  /// The last booked day that counts, where sums are asked for by booked days.
  fileprivate func bookedUntil() throws(Problem) -> CivilDate? {
    guard let day = try day("booked_until") else { return nil }
    for name in ["as_of", "as_of_sequence"] where query[name] != nil {
      throw .malformed("expected one of booked_until, as_of, as_of_sequence", field: name)
    }
    return day
  }

  /// The day up to which something can be booked now, where that is earlier: beyond it nothing is.
  fileprivate func counted(_ day: CivilDate) -> CivilDate { min(day, lastBookableDay) }

  /// Nothing is booked for a later day.
  var lastBookableDay: CivilDate {
    CivilDate(daysSinceEpoch: receivedAt.day.daysSinceEpoch + Book.bookedDaysAheadMax)
  }

  /// Nil where now is asked for.
  fileprivate func asOf() throws(Problem) -> AsOf? {
    let moment = try moment("as_of")
    guard query["as_of_sequence"] != nil else { return moment.map { .moment($0) } }
    guard moment == nil else {
      throw .malformed("expected as_of or as_of_sequence, one of them", field: "as_of_sequence")
    }
    return .sequence(Int64(try integer("as_of_sequence", in: 1...Int.max, default: 1)))
  }
}
