package import Chassis
import LedgerAPI
import PaymentsAPI
package import Storage
import Telemetry
import Transport
package import Vocabulary

/// The payments service: each method parses a call, asks the store, the runner or the ledger, and
/// answers.
package struct PaymentsService: Service {
  package static let name: ServiceName = "payments"
  package static let migrations = [
    Migration(1, "initial", sql: PackageResources._001_initial_sql)
  ]

  /// A hold may still arrive this long after its permission has ended: clocks differ, and what is
  /// on its way needs time.
  static let authorizationMargin: Duration = .seconds(10)
  /// How often open payments are looked at, and how long one is left to whoever works on it.
  static let reconcileEvery: Duration = .seconds(1)
  static let reconcileAfter: Duration = .seconds(2)
  /// Payments taken up in one round, and at the same time.
  static let reconcileMax = 200
  static let reconcileAtOnce = 8

  private let context: ServiceContext
  private let store: PaymentStore
  private let runner: PaymentRunner
  private let ledger: ServiceClient

  package init(_ context: ServiceContext) async throws {
    self.context = context
    store = PaymentStore(
      store: context.store, clock: context.clock, randomness: context.randomness)
    ledger = context.client("ledger")
    runner = PaymentRunner(store: store, ledger: ledger, clock: context.clock, log: context.log)
    let open = try await store.openCount()
    if open > 0 { context.log.info("open payments found", ["payments": .count(open)]) }
  }

  package var operations: [String: Handler] {
    [
      PaymentsOperations.createPayment.id: createPayment,
      PaymentsOperations.getPayment.id: getPayment,
      PaymentsOperations.listPayments.id: listPayments,
      PaymentsOperations.getActivity.id: getActivity,
      PaymentsOperations.listMyAccounts.id: listMyAccounts,
      PaymentsOperations.getBalance.id: getBalance,
      PaymentsOperations.listStatement.id: listStatement,
    ]
  }

  /// Finds out what became of payments that nobody works on; after a restart that is all open ones.
  package func run() async throws {
    try await context.rounds(of: "reconciling payments failed", every: Self.reconcileEvery) {
      let untouchedSince = context.clock.now() - Self.reconcileAfter
      let open = try await store.open(untouchedSince: untouchedSince, limit: Self.reconcileMax)
      await withTaskGroup(of: Void.self) { group in
        for (index, record) in open.enumerated() {
          if index >= Self.reconcileAtOnce { await group.next() }
          group.addTask { await reconcile(record) }
        }
      }
    }
  }

  private func reconcile(_ record: PaymentRecord) async {
    do {
      try await runner.reconcile(
        record, context: context.background(correlation: record.correlation))
    } catch {
      // One that cannot be brought to its end must not keep the others from theirs.
      context.log.with(correlation: record.correlation).error(
        "a payment cannot be reconciled", ["payment": .id(record.id), "why": .text("\(error)")])
    }
  }

  // MARK: payments

  @Sendable private func createPayment(_ call: Call) async throws -> Answer {
    guard let claim = call.idempotency, let token = call.transaction else { throw Problem.defect }
    let record = PaymentRecord(
      id: claim.resource(), subject: try call.person(), client: token.clientID,
      order: try PaymentOrder(parsing: call.body), correlation: call.correlation,
      authorizedUntil: token.expiresAt + Self.authorizationMargin, createdAt: call.receivedAt,
      updatedAt: call.receivedAt)
    let begun = try await store.begin(record)
    return try answer(try await runner.carryOut(begun, context: call.forwarding))
  }

  /// What the payment's state means to the one who asked for it.
  private func answer(_ record: PaymentRecord) throws -> Answer {
    let fields = ["payment": record.id.description]
    switch record.machine.state {
    case .posted:
      var answer = try Answer.json(201, record.contract)
      answer.headers.set("location", "/v1/payments/\(record.id)")
      return answer
    case .intent, .holding, .held, .posting:
      var answer = try Answer.json(202, record.contract)
      answer.headers.set("location", "/v1/payments/\(record.id)")
      answer.headers.set("retry-after", "1")
      return answer
    case .refused(let reason):
      throw Problem(
        reason, 409, "The payment was refused; no money is reserved",
        fields: fields)
    case .nothingHappened(.holdReturned(let reason)):
      throw Problem(
        reason, 409, "Nothing has happened: the reserved money was given back", fields: fields)
    case .nothingHappened(.authorizationExpired):
      throw Problem(
        "nothing-has-happened", 503, "Nothing has happened; try again with the same key",
        fields: fields, retryAfterSeconds: 1)
    }
  }

  @Sendable private func getPayment(_ call: Call) async throws -> Answer {
    let found = try await store.payment(call.id("id"), of: call.person())
    guard let found else { throw Problem.notFound }
    return try .json(200, found.contract)
  }

  @Sendable private func listPayments(_ call: Call) async throws -> Answer {
    var position: PaymentStore.Position?
    if let text = call.query["after"] {
      position = PaymentStore.Position(text)
      guard position != nil else { throw Problem.malformed("not a page's next", field: "after") }
    }
    return try .json(
      200,
      try await store.payments(of: call.person(), after: position, limit: try limit(of: call)))
  }

  @Sendable private func getActivity(_ call: Call) async throws -> Answer {
    let since = try call.integer("since", in: 0...Int.max, default: 0)
    return try .json(
      200,
      try await store.activity(
        of: call.person(), since: Int64(since), limit: try limit(of: call)))
  }

  private func limit(of call: Call) throws -> Int {
    try call.integer(
      "limit", in: 1...PaymentsOperations.pageMax, default: PaymentsOperations.pageDefault)
  }

  // MARK: accounts, as the ledger knows them

  @Sendable private func listMyAccounts(_ call: Call) async throws -> Answer {
    let found = try await ledger.call(
      LedgerOperations.listAccounts, Nothing(), query: ["owner": call.person().description],
      context: reading(call))
    return try .json(
      200,
      OwnAccounts(
        accounts: found.accounts.map {
          OwnAccount(
            id: $0.id, currency: $0.currency, isClosed: $0.flags.contains(.closed),
            openedAt: $0.createdAt)
        }))
  }

  @Sendable private func getBalance(_ call: Call) async throws -> Answer {
    let id = try call.id("id", as: AccountID.self)
    let account = try await ledger.call(
      LedgerOperations.getAccount, Nothing(), path: ["id": id.description],
      query: ["owner": call.person().description], context: reading(call))
    return try .json(
      200,
      Balance(
        account: id, booked: Money(minorUnits: account.balance, currency: account.currency),
        available: Money(minorUnits: account.available, currency: account.currency)))
  }

  @Sendable private func listStatement(_ call: Call) async throws -> Answer {
    let id = try call.id("id", as: AccountID.self)
    var query = [
      "owner": try call.person().description, "order": "newest",
      "limit": "\(try limit(of: call))",
    ]
    if let after = call.query["after"] { query["after"] = after }
    let found = try await ledger.call(
      LedgerOperations.listTransfers, Nothing(), path: ["id": id.description], query: query,
      context: reading(call))
    return try .json(
      200,
      Statement(
        account: id, lines: try found.transfers.map { try StatementLine($0, of: id) },
        next: found.next))
  }

  /// Reading needs no permission of the person at the ledger: this service has asked for the
  /// owner's own things only.
  private func reading(_ call: Call) -> CallContext {
    CallContext(correlation: call.correlation, trace: call.trace, deadline: call.deadline)
  }
}

extension StatementLine {
  /// A transfer from the side of one of its two accounts.
  fileprivate init(_ transfer: LedgerTransfer, of account: AccountID) throws {
    let isOut = transfer.debitAccount == account
    let kind: Kind =
      transfer.flags.contains(.pending)
      ? .reserved : transfer.flags.contains(.voidPending) ? .released : .booked
    self.init(
      id: transfer.id, kind: kind,
      amount: try Money(
        minorUnits: isOut ? -transfer.amount : transfer.amount, currency: transfer.currency),
      counterparty: isOut ? transfer.creditAccount : transfer.debitAccount,
      payment: transfer.paymentID, bookedOn: transfer.bookedOn, at: transfer.createdAt)
  }
}
