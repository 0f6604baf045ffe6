package import Chassis
import LedgerAPI
import PaymentsAPI
import Sealing
package import Storage
import Synchronization
import Telemetry
import Transport
package import Vocabulary

/// The payments service: each method parses a call, asks the store, the runner or the ledger, and
/// answers.
package struct PaymentsService: Service {
  package static let name: ServiceName = "payments"
  package static let migrations = [
    Migration(
      1, "initial", sql: PackageResources._001_initial_sql,
      postgres: PackageResources._001_initial_postgres_sql),
    Migration(
      2, "sealed", sql: PackageResources._002_sealed_sql,
      postgres: PackageResources._002_sealed_postgres_sql),
    Migration(
      3, "short", sql: PackageResources._003_short_sql,
      postgres: PackageResources._003_short_postgres_sql),
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
  /// How soon sealing anew goes on where one round was not enough.
  static let sealingEvery: Duration = .seconds(30)
  /// What is sealed anew in one transaction, so that nobody waits long behind it, and in one round.
  static let resealMax = 100
  static let resealRoundMax = 10_000

  private let context: ServiceContext
  let store: PaymentStore
  private let keys: SealingKeys
  let seals: PaymentSeals
  private let runner: PaymentRunner
  let ledger: ServiceClient

  package init(_ context: ServiceContext) async throws {
    self.context = context
    keys = try await context.sealingKeys(for: Self.sealedFields(context) { _ in 0 })
    let seals = PaymentSeals(keys)
    self.seals = seals
    // An answer that is kept says the reference once more.
    context.idempotency.seal(packedWith: KeptAnswer.words) { seals.current }
    store = PaymentStore(
      store: context.store, clock: context.clock, randomness: context.randomness, seals: seals)
    ledger = context.client("ledger")
    runner = PaymentRunner(store: store, ledger: ledger, clock: context.clock, log: context.log)
    let open = try await store.openCount()
    if open > 0 { context.log.info("open payments found", ["payments": .count(open)]) }
  }

  package static let claimsLater: Set<String> = [PaymentsOperations.createPayment.id]

  package var operations: [String: Handler] {
    [
      PaymentsOperations.createPayment.id: createPayment,
      PaymentsOperations.getPayment.id: getPayment,
      PaymentsOperations.listPayments.id: listPayments,
      PaymentsOperations.getActivity.id: getActivity,
      PaymentsOperations.listMyAccounts.id: listMyAccounts,
      PaymentsOperations.getBalance.id: getBalance,
      PaymentsOperations.listStatement.id: listStatement,
      PaymentsOperations.openAccount.id: openAccount,
      PaymentsOperations.listManagedAccounts.id: listManagedAccounts,
      PaymentsOperations.getManagedAccount.id: getManagedAccount,
      PaymentsOperations.changeAccount.id: changeAccount,
    ]
  }

  package func run() async throws {
    // The newest keys are taken, and what is in clear or under older ones is sealed anew, a bounded part in each round.
    async let sealing: Void = context.followSealingKeys(
      Self.sealedFields(context, reseal: sealAnew(under:)), under: keys, again: Self.sealingEvery)
    try await reconcile()
    try await sealing
  }

  private static func sealedFields(
    _ context: ServiceContext, reseal: @escaping @Sendable (Keyring) async throws -> Int
  ) -> SealedFields {
    SealedFields(
      versions: {
        try await PaymentStore.sealedVersions(in: context.store).union(
          context.idempotency.sealedVersions())
      }, reseal: reseal)
  }

  /// - Parameter keyring: the one that is in force by now.
  @Sendable private func sealAnew(under keyring: Keyring) async throws -> Int {
    var count = 0
    for reseal in [store.resealBatch, context.idempotency.resealBatch] {
      var batch = Self.resealMax
      while batch == Self.resealMax, count < Self.resealRoundMax {
        batch = try await reseal(Self.resealMax)
        count += batch
      }
    }
    return count
  }

  /// Finds out what became of payments that nobody works on; after a restart that is all open ones.
  private func reconcile() async throws {
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
    if try call.flag("dry_run") { return try await rehearsePayment(call) }
    guard let claim = call.idempotency, let token = call.transaction else { throw Problem.defect }
    let record = PaymentRecord(
      id: claim.resource(), subject: try call.holder(), client: token.clientID,
      order: try PaymentOrder(parsing: call.body), correlation: call.correlation,
      authorizedUntil: token.expiresAt + Self.authorizationMargin, createdAt: call.receivedAt,
      updatedAt: call.receivedAt)
    let idempotency = context.idempotency
    let begun = try await store.begin(record) { transaction in
      try idempotency.claim(claim.id, naming: record.id.description, in: transaction)
    }
    // What the person is told of a payment that was posted is kept in the change that says so.
    let kept = KeptOnce()
    let outcome = try await runner.carryOut(begun, context: call.forwarding) {
      posted, transaction in
      let answer = try Self.answer(posted)
      try idempotency.finish(claim.id, answer: StoredAnswer(answer), in: transaction)
      kept.answer.withLock { $0 = answer }
    }
    var answer = try kept.answer.withLock(\.self) ?? Self.answer(outcome.record)
    answer.isKept = outcome.isPosted
    return answer
  }

  /// The answer as it was kept, so that it is spelled once. A class: the change that keeps it runs elsewhere.
  private final class KeptOnce: Sendable {
    let answer = Mutex<Answer?>(nil)
  }

  /// What the payment's state means to the one who asked for it.
  private static func answer(_ record: PaymentRecord) throws -> Answer {
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
        ToldReason.told(reason), 409, "The payment was refused; no money is reserved",
        fields: fields)
    case .nothingHappened(.holdReturned(let reason)):
      throw Problem(
        reason, 409, "Nothing has happened: the reserved money was given back", kind: .over,
        fields: fields)
    case .nothingHappened(.authorizationExpired):
      throw Problem(
        "nothing-has-happened", 503, "Nothing has happened; try again with the same key",
        fields: fields, retryAfterSeconds: 1)
    }
  }

  @Sendable private func getPayment(_ call: Call) async throws -> Answer {
    let found = try await store.payment(call.id("id"), of: call.holder())
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
      try await store.payments(of: call.holder(), after: position, limit: try limit(of: call)))
  }

  @Sendable private func getActivity(_ call: Call) async throws -> Answer {
    let since = try call.integer("since", in: 0...Int.max, default: 0)
    return try .json(
      200,
      try await store.activity(
        of: call.holder(), since: Int64(since), limit: try limit(of: call)))
  }

  func limit(of call: Call) throws -> Int {
    try call.integer(
      "limit", in: 1...PaymentsOperations.pageMax, default: PaymentsOperations.pageDefault)
  }
}
