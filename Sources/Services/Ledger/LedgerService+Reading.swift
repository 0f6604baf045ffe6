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
    guard let asOf = try call.asOf() else {
      return try .json(200, LedgerAccount(try await account(named: "id", in: call)))
    }
    let id: AccountID = try call.id("id")
    guard let found = try await keeper.account(id, asOf: asOf) else { throw Problem.notFound }
    try call.requireOwner(of: found.account)
    var answer = LedgerAccount(found.account)
    answer.asOfSequence = found.sequence
    return try .json(200, answer)
  }

  @Sendable func listAccounts(_ call: Call) async throws -> Answer {
    let owner: PersonID = try call.id("owner")
    let found = try await keeper.accounts(of: owner, max: Self.accountsPerOwnerMax)
    return try .json(200, LedgerAccounts(accounts: found.map(LedgerAccount.init)))
  }

  @Sendable func getTransfer(_ call: Call) async throws -> Answer {
    let id: TransferID = try call.id("id")
    guard let stored = try await keeper.transfer(id) else {
      throw Problem.notFound
    }
    return try .json(200, try LedgerTransfer(stored))
  }

  @Sendable func listTransfers(_ call: Call) async throws -> Answer {
    let account = try await account(named: "id", in: call)
    let limit = try call.limit()
    let order = call.query["order"] ?? "oldest"
    guard ["oldest", "newest"].contains(order) else {
      throw Problem.malformed("expected oldest or newest", field: "order")
    }
    let isNewestFirst = order == "newest"
    var start = Int64(
      try call.integer("after", in: 0...Int.max, default: isNewestFirst ? Int.max : 0))
    let span = try await span(of: call)
    start = isNewestFirst ? min(start, span.upperBound) : max(start, span.lowerBound - 1)
    // One more than asked for tells whether there is a next page.
    let found =
      try await keeper.transfers(
        of: account.id, after: start, newestFirst: isNewestFirst, limit: limit + 1) ?? []
    return try page(found.filter { span.contains($0.transfer.sequence) }, limit)
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

  /// - Parameter found: one more than `limit` where there is a next page.
  private func page(_ found: [StoredTransfer], _ limit: Int) throws -> Answer {
    let page = found.prefix(limit)
    let next = found.count > limit ? page.last.map { "\($0.transfer.sequence)" } : nil
    return try .json(
      200, LedgerTransfers(transfers: try page.map { try LedgerTransfer($0) }, next: next))
  }

  @Sendable func getTrialBalance(_ call: Call) async throws -> Answer {
    var sequence: Int64?
    let totals: [CurrencyTotal]
    if let asOf = try call.asOf() {
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
        currencies: currencies, balanced: totals.allSatisfy(\.isBalanced), asOfSequence: sequence))
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

  fileprivate func limit() throws(Problem) -> Int {
    try integer("limit", in: 1...LedgerLimits.pageMax, default: 100)
  }

  fileprivate func moment(_ name: String) throws(Problem) -> Instant? {
    guard let text = query[name] else { return nil }
    guard let moment = Instant(text) else {
      throw .malformed("expected a time in UTC, as 2026-11-21T08:00:00Z", field: name)
    }
    return moment
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
