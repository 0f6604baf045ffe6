package import Chassis
import Charters
import LedgerAPI
import LedgerBook
import LedgerStorage
package import Storage
import Synchronization
import Telemetry
import Transport
package import Vocabulary

/// The ledger: double entry in integers. Each method here parses a call, asks the book keeper or
/// the store, and answers.
package struct LedgerService: Service {
  package static let name: ServiceName = "ledger"
  package static let migrations = Migration.ledger
  /// What the transaction token must be for, where a call moves a person's money.
  package static let holdPurpose = "payment.create"
  /// Most accounts of one person on one page, and how many there are unless told.
  package static let accountsPerPageMax = 1_000
  /// How late a hold may give its money back, at most, on an idle ledger.
  package static let sweepInterval: Duration = .seconds(1)

  let keeper: LedgerKeeper
  let makers: MakerNumbers
  let context: ServiceContext
  private let rate: Rate
  private let further: FurtherAccess

  /// A class: all requests are counted in one place.
  private final class Rate: Sendable {
    let people: Mutex<PersonRate?>
    init(_ rate: PersonRate?) { people = Mutex(rate) }
  }

  package init(_ context: ServiceContext) async throws {
    self.context = context
    let randomness = context.randomness
    let (log, place) = (context.log, context.storePlace)
    makers = try await MakerNumbers(store: context.store)
    rate = Rate(Self.personRate(context))
    further = FurtherAccess(context)
    keeper = try await LedgerKeeper(
      store: context.store, clock: context.clock, randomness: randomness,
      tellExpired: { MoneyEvent.expired($0).message(at: $1, randomness) },
      // Not the context, which by its metrics holds the keeper.
      tellShut: { Self.tell($0, of: place, to: log) })
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
      LedgerOperations.findTransfers.id: findTransfers,
      LedgerOperations.getTransfer.id: getTransfer,
      LedgerOperations.listTransfers.id: listTransfers,
      LedgerOperations.listOwnAccounts.id: listOwnAccounts,
      LedgerOperations.getOwnAccount.id: getOwnAccount,
      LedgerOperations.listOwnTransfers.id: listOwnTransfers,
      LedgerOperations.getHold.id: getHold,
      LedgerOperations.createHold.id: createHold,
      LedgerOperations.postHold.id: postHold,
      LedgerOperations.voidHold.id: voidHold,
      LedgerOperations.getTrialBalance.id: getTrialBalance,
      LedgerOperations.changeAccount.id: changeAccount,
      LedgerOperations.openManagedAccount.id: openManagedAccount,
      LedgerOperations.changeManagedAccount.id: changeManagedAccount,
      LedgerOperations.getManagedAccount.id: getManagedAccount,
      LedgerOperations.listManagedAccounts.id: listAccounts,
    ]
  }

  /// False while the database is not there, belongs to another ledger, or lacks what was answered.
  package var isReady: Bool {
    get async {
      do {
        try context.store.requireOwned()
        return keeper.isOpen
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

  /// Twice what the door lets a person do, so that the door is the first to say no. Nil where the charters have no rate.
  private static func personRate(_ context: ServiceContext) -> PersonRate? {
    let operations = context.charters.charters.flatMap(\.operations)
    let rates = operations.filter { $0.isPublic && $0.purpose == holdPurpose }.compactMap(\.rate)
    guard let rate = rates.max(by: { $0.perSecond < $1.perSecond }) else { return nil }
    let factor = 2 * min(max(context.platform.limitsFactor, 1), 1_000)
    return PersonRate(perSecond: rate.perSecond * factor, burst: rate.burst * factor)
  }

  // MARK: batches

  @Sendable private func createAccounts(_ call: Call) async throws -> Answer {
    let operation = LedgerOperations.createAccounts.id
    let isDryRun = try call.flag("dry_run")
    guard !call.isBinary else {
      let batch = try BinaryBatch.accounts(call.body)
      let outcomes =
        isDryRun
        ? try await keeper.rehearse(batch.map(AccountRequest.init))
        : try await open(batch, on: Occasion(call, of: operation, binary: call.body))
      let codes = try outcomes.map { try $0.code(in: ResultCodes.ofAccounts) }
      return .binary(BinaryBatch.encode(accountResults: codes))
    }
    let batch = try call.decode(NewAccounts.self)
    try requireSize(batch.accounts.count, field: "/accounts")
    let outcomes =
      isDryRun
      ? try await keeper.rehearse(batch.accounts.map(AccountRequest.init))
      : try await open(batch.accounts, on: Occasion(call, of: operation, batch: batch))
    return try results(
      zip(batch.accounts, outcomes).map { ("\($0.id)", $1.name) }, isDryRun: isDryRun)
  }

  private func open(
    _ accounts: [NewAccount], on occasion: Occasion
  ) async throws -> [AccountOutcome] {
    let randomness = context.randomness
    return try await keeper.open(accounts.map(AccountRequest.init)) {
      occasion.messages($0, randomness)
    }.outcomes
  }

  @Sendable private func createTransfers(_ call: Call) async throws -> Answer {
    let operation = LedgerOperations.createTransfers.id
    guard !call.isBinary else {
      let records = try BinaryBatch.transfers(call.body)
      let outcomes = try await apply(
        records, call, on: Occasion(call, of: operation, binary: call.body))
      let codes = try outcomes.map { try $0.code(in: ResultCodes.ofTransfers) }
      return .binary(BinaryBatch.encode(transferResults: codes))
    }
    let batch = try call.decode(NewTransfers.self)
    try requireSize(batch.transfers.count, field: "/transfers")
    var records: [TransferRecord] = []
    records.reserveCapacity(batch.transfers.count)
    for (index, transfer) in batch.transfers.enumerated() {
      records.append(try TransferRecord(transfer, at: "/transfers/\(index)"))
    }
    let outcomes = try await apply(
      records, call, on: Occasion(call, of: operation, batch: batch))
    return try results(
      zip(batch.transfers, outcomes).map { ("\($0.id)", $1.name) },
      isDryRun: call.flag("dry_run"))
  }

  /// What a batch comes to, or would where it is only tried.
  /// - Throws: `malformed-request` for a day that is too far ahead, tried or not.
  private func apply(
    _ records: [TransferRecord], _ call: Call, on occasion: Occasion
  ) async throws -> [TransferOutcome] {
    let last = call.lastBookableDay.daysSinceEpoch
    for (index, record) in records.enumerated()
    where record.bookedOn != TransferRecord.absentDay && record.bookedOn > last {
      throw Problem.malformed(
        "expected a day at most \(Book.bookedDaysAheadMax) days ahead",
        field: "/transfers/\(index)/booked_on")
    }
    let maker = try await makers.number(of: occasion.caller)
    let rows = records.map { RequestRow($0, from: maker) }
    guard try !call.flag("dry_run") else { return try await keeper.rehearse(rows) }
    let randomness = context.randomness
    return try await keeper.apply(rows) { occasion.messages($0, randomness) }.outcomes
  }

  func requireSize(_ count: Int, field: String) throws(Problem) {
    guard (1...LedgerLimits.batchMax).contains(count) else {
      throw .malformed("expected 1 to \(LedgerLimits.batchMax) events", field: field)
    }
  }

  private func results(_ pairs: [(String, String)], isDryRun: Bool) throws -> Answer {
    try .json(
      200,
      EventResults(
        results: pairs.map { EventResult(id: $0, result: $1) }, isDryRun: isDryRun ? true : nil))
  }
}

// MARK: Holds

extension LedgerService {
  @Sendable private func createHold(_ call: Call) async throws -> Answer {
    let hold = try call.decode(NewHold.self)
    // A person's hold ends by itself, and soon; only the bank's own batches may hold for a year, or for ever.
    guard (1...LedgerLimits.personHoldSecondsMax).contains(hold.timeoutSeconds) else {
      throw TransferRefusal.timeoutOutOfRange
    }
    let authorization = try authorization(of: call)
    let isWithin = rate.people.withLock {
      $0?.take(authorization.subject, at: context.clock.now()) ?? true
    }
    guard isWithin else {
      throw Problem("rate-limited", 429, "Too many holds for one person", retryAfterSeconds: 1)
    }
    if hold.posting != nil {
      // Whoever posts with the hold needs the same permission as who posts after it.
      try await further.require(
        LedgerOperations.postHold.id, resource: ["id": "\(hold.id)"], field: "/posting", in: call)
    }
    return try await single(
      TransferRequest(hold, allowedBy: authorization), LedgerOperations.createHold.id, call,
      then: hold.posting.map { TransferRequest($0, ending: hold.id, .postPending) })
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

  /// - Parameter next: done at the same moment where the first is new.
  private func single(
    _ request: TransferRequest, _ operation: String, _ call: Call,
    then next: TransferRequest? = nil
  ) async throws -> Answer {
    let occasion = Occasion(call, of: operation)
    let randomness = context.randomness
    var request = request
    request.maker = try await makers.number(of: call.caller)
    let authorizations = request.authorization.map { [0: $0] } ?? [:]
    if try call.flag("dry_run") {
      let outcomes = try await keeper.rehearse(
        [RequestRow(request)], authorizations: authorizations)
      if case .refused(let refusal)? = outcomes.first { throw refusal }
      guard let outcome = outcomes.first else { throw Problem.defect }
      return try .json(200, HoldRehearsal(result: outcome.name))
    }
    let asked = request
    let following = next.map { next -> RequestRow in
      var row = RequestRow(next)
      row.maker = asked.maker
      return row
    }
    let applied = try await keeper.apply(
      [RequestRow(request)], then: following, authorizations: authorizations
    ) { occasion.messages($0, asked, randomness) }
    if case .refused(let refusal)? = applied.outcomes.first { throw refusal }
    // What was just made has no end but the one that it was made with; what was made before may have one.
    let new = applied.first.map {
      StoredTransfer(
        transfer: $0,
        end: applied.created > 1
          ? HoldEnd(hold: $0.id, manner: .posted, by: applied.last?.id) : nil)
    }
    guard let outcome = applied.outcomes.first,
      let transfer = outcome == .created ? new : try await keeper.transfer(request.id)
    else { throw Problem.defect }
    return try .json(
      outcome == .created ? 201 : 200,
      HoldAnswer(result: outcome.name, transfer: try LedgerTransfer(transfer)))
  }

  /// What the person, or the client that acts for itself, has allowed, from the transaction token that the chassis has verified.
  private func authorization(of call: Call) throws -> Authorization {
    guard let token = call.transaction, token.purpose == Self.holdPurpose,
      let subject = token.holder,
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

extension Call {
  /// Whether the body is a binary batch, and the answer is to be one.
  fileprivate var isBinary: Bool { headers["content-type"] == BinaryBatch.contentType }
}

extension Answer {
  fileprivate static func binary(_ body: [UInt8]) -> Answer {
    Answer(status: 200, headers: ["content-type": BinaryBatch.contentType], body: body)
  }
}
