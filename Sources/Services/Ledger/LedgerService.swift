package import Chassis
import LedgerAPI
import LedgerBook
import LedgerStorage
package import Storage
import Telemetry
package import Vocabulary

/// The ledger: double entry in integers. Each method here parses a call, asks the book keeper or
/// the store, and answers.
package struct LedgerService: Service {
  package static let name: ServiceName = "ledger"
  package static let migrations = [Migration.journal]
  /// What the transaction token must be for, where a call moves a person's money.
  package static let holdPurpose = "payment.create"
  /// Most accounts of one person in one answer.
  package static let accountsPerOwnerMax = 1_000
  /// How late a hold may give its money back, at most, on an idle ledger.
  package static let sweepInterval: Duration = .seconds(1)

  let keeper: LedgerKeeper
  private let context: ServiceContext

  package init(_ context: ServiceContext) async throws {
    self.context = context
    let randomness = context.randomness
    keeper = try await LedgerKeeper(
      store: context.store, clock: context.clock, randomness: randomness
    ) { hold, now in
      try MoneyEvent.expired(hold).message(at: now, randomness)
    }
    let keeper = keeper
    context.metrics.gauge(
      "strongroom_ledger_open_holds", help: "Holds that are neither posted, voided nor expired.",
      read: { Double(keeper.openHoldCount) })
    context.metrics.gauge(
      "strongroom_ledger_projection_lag",
      help: "Accepted transfers that the index does not have yet.",
      read: { Double(keeper.projectionLag) })
  }

  package var operations: [String: Handler] {
    [
      LedgerOperations.createAccounts.id: createAccounts,
      LedgerOperations.createTransfers.id: createTransfers,
      LedgerOperations.lookupAccounts.id: lookupAccounts,
      LedgerOperations.getAccount.id: getAccount,
      LedgerOperations.listAccounts.id: listAccounts,
      LedgerOperations.getTransfer.id: getTransfer,
      LedgerOperations.listTransfers.id: listTransfers,
      LedgerOperations.createHold.id: createHold,
      LedgerOperations.postHold.id: postHold,
      LedgerOperations.voidHold.id: voidHold,
      LedgerOperations.getTrialBalance.id: getTrialBalance,
    ]
  }

  /// False while the database is not there, or belongs to another ledger.
  package var isReady: Bool {
    get async {
      do {
        try context.store.requireOwned()
        return true
      } catch {
        return false
      }
    }
  }

  /// Gives the money of holds back when their time has passed, also where nobody calls.
  package func run() async throws {
    try await context.rounds(of: "sweeping holds failed", every: Self.sweepInterval) {
      try await keeper.sweep()
    }
  }

  // MARK: batches

  @Sendable private func createAccounts(_ call: Call) async throws -> Answer {
    let operation = LedgerOperations.createAccounts.id
    let batch = try call.decode(NewAccounts.self)
    try requireSize(batch.accounts.count, field: "/accounts")
    let occasion = try Occasion(call, of: operation, batch: batch)
    let randomness = context.randomness
    let opened = try await keeper.open(batch.accounts.map(AccountRequest.init)) {
      try occasion.messages($0, randomness)
    }
    return try results(zip(batch.accounts, opened.outcomes).map { ("\($0.id)", $1.name) })
  }

  @Sendable private func createTransfers(_ call: Call) async throws -> Answer {
    let operation = LedgerOperations.createTransfers.id
    let batch = try call.decode(NewTransfers.self)
    try requireSize(batch.transfers.count, field: "/transfers")
    var requests: [TransferRequest] = []
    requests.reserveCapacity(batch.transfers.count)
    for (index, transfer) in batch.transfers.enumerated() {
      requests.append(try TransferRequest(transfer, at: "/transfers/\(index)"))
    }
    let occasion = try Occasion(call, of: operation, batch: batch)
    let applied = try await apply(requests, on: occasion)
    return try results(zip(requests, applied.outcomes).map { ("\($0.id)", $1.name) })
  }

  private func apply(
    _ requests: [TransferRequest], on occasion: Occasion
  ) async throws -> AppliedTransfers {
    var authorizations: [Int: Authorization] = [:]
    for (index, request) in requests.enumerated() {
      authorizations[index] = request.authorization
    }
    let randomness = context.randomness
    return try await keeper.apply(
      requests.map { RequestRow($0) }, authorizations: authorizations
    ) { try occasion.messages($0, requests, randomness) }
  }

  private func requireSize(_ count: Int, field: String) throws(Problem) {
    guard (1...LedgerLimits.batchMax).contains(count) else {
      throw .malformed("expected 1 to \(LedgerLimits.batchMax) events", field: field)
    }
  }

  private func results(_ pairs: [(String, String)]) throws -> Answer {
    try .json(200, EventResults(results: pairs.map { EventResult(id: $0, result: $1) }))
  }

  // MARK: reading

  @Sendable private func lookupAccounts(_ call: Call) async throws -> Answer {
    let ids = try call.decode(AccountIDs.self).ids
    try requireSize(ids.count, field: "/ids")
    let found = try await keeper.accounts(ids)
    return try .json(200, LedgerAccounts(accounts: found.map(LedgerAccount.init)))
  }

  @Sendable private func getAccount(_ call: Call) async throws -> Answer {
    try .json(200, LedgerAccount(try await account(named: "id", in: call)))
  }

  @Sendable private func listAccounts(_ call: Call) async throws -> Answer {
    let owner: PersonID = try call.id("owner")
    let found = try await keeper.accounts(of: owner, max: Self.accountsPerOwnerMax)
    return try .json(200, LedgerAccounts(accounts: found.map(LedgerAccount.init)))
  }

  @Sendable private func getTransfer(_ call: Call) async throws -> Answer {
    let id: TransferID = try call.id("id")
    guard let stored = try await keeper.transfer(id) else {
      throw Problem.notFound
    }
    return try .json(200, try LedgerTransfer(stored))
  }

  @Sendable private func listTransfers(_ call: Call) async throws -> Answer {
    let account = try await account(named: "id", in: call)
    let limit = try call.integer("limit", in: 1...LedgerLimits.pageMax, default: 100)
    let order = call.query["order"] ?? "oldest"
    guard ["oldest", "newest"].contains(order) else {
      throw Problem.malformed("expected oldest or newest", field: "order")
    }
    let isNewestFirst = order == "newest"
    let start = try call.integer(
      "after", in: 0...Int.max, default: isNewestFirst ? Int.max : 0)
    // One more than asked for tells whether there is a next page.
    let found =
      try await keeper.transfers(
        of: account.id, after: Int64(start), newestFirst: isNewestFirst, limit: limit + 1) ?? []
    let page = found.prefix(limit)
    let next = found.count > limit ? page.last.map { "\($0.transfer.sequence)" } : nil
    return try .json(
      200, LedgerTransfers(transfers: try page.map { try LedgerTransfer($0) }, next: next))
  }

  @Sendable private func getTrialBalance(_ call: Call) async throws -> Answer {
    let totals = try await keeper.trialBalance()
    let currencies = totals.map {
      CurrencyTotals(
        currency: $0.currency, accounts: $0.accounts, debitsPending: $0.debitsPending,
        debitsPosted: $0.debitsPosted, creditsPending: $0.creditsPending,
        creditsPosted: $0.creditsPosted)
    }
    return try .json(
      200,
      TrialBalance(currencies: currencies, balanced: totals.allSatisfy(\.isBalanced)))
  }

  /// Another owner's account is told as not found: who asks learns nothing of what is not theirs.
  private func account(named name: String, in call: Call) async throws -> Account {
    let id: AccountID = try call.id(name)
    let owner = try call.query["owner"].map { _ -> PersonID in try call.id("owner") }
    guard let account = try await keeper.accounts([id]).first,
      owner == nil || account.owner == owner
    else { throw Problem.notFound }
    return account
  }

  // MARK: holds

  @Sendable private func createHold(_ call: Call) async throws -> Answer {
    let hold = try call.decode(NewHold.self)
    // A person's hold always ends by itself at last; only the bank's own batches may hold for ever.
    guard (1...LedgerLimits.timeoutSecondsMax).contains(hold.timeoutSeconds) else {
      throw TransferRefusal.timeoutOutOfRange
    }
    let request = TransferRequest(hold, allowedBy: try authorization(of: call))
    return try await single(request, LedgerOperations.createHold.id, call)
  }

  @Sendable private func postHold(_ call: Call) async throws -> Answer {
    let posting = try call.decode(HoldPosting.self)
    let hold: TransferID = try call.id("id")
    return try await single(
      TransferRequest(posting.id, ending: hold, amount: posting.amount, .postPending),
      LedgerOperations.postHold.id, call)
  }

  @Sendable private func voidHold(_ call: Call) async throws -> Answer {
    let voiding = try call.decode(HoldVoiding.self)
    let hold: TransferID = try call.id("id")
    return try await single(
      TransferRequest(voiding.id, ending: hold, .voidPending), LedgerOperations.voidHold.id, call)
  }

  private func single(
    _ request: TransferRequest, _ operation: String, _ call: Call
  ) async throws -> Answer {
    let applied = try await apply([request], on: Occasion(call, of: operation))
    if case .refused(let refusal)? = applied.outcomes.first { throw refusal }
    // What was just made has no end yet; what was made before may have one.
    let new = applied.first.map { StoredTransfer(transfer: $0, end: nil) }
    guard let outcome = applied.outcomes.first,
      let transfer = outcome == .created ? new : try await keeper.transfer(request.id)
    else { throw Problem.defect }
    return try .json(
      outcome == .created ? 201 : 200,
      HoldAnswer(result: outcome.name, transfer: try LedgerTransfer(transfer)))
  }

  /// What the person has allowed, from the transaction token that the chassis has verified.
  private func authorization(of call: Call) throws -> Authorization {
    guard let token = call.transaction, token.purpose == Self.holdPurpose,
      let subject = token.person,
      let amount = token.context["amount"].flatMap(Int64.init),
      let currency = token.context["currency"].flatMap(Currency.init(_:)),
      let debtor = token.context["debtor"].flatMap(AccountID.init(_:)),
      let creditor = token.context["creditor"].flatMap(AccountID.init(_:))
    else {
      throw Problem(
        "transaction-token-context", 403, "The transaction token does not say what is to be paid")
    }
    return Authorization(
      transaction: token.id, subject: subject, amount: amount, currency: currency, debtor: debtor,
      creditor: creditor)
  }
}
