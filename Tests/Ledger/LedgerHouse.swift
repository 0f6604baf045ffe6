import Chassis
import Charters
import Foundation
import Ledger
import LedgerAPI
import NIOPosix
import Storage
import Synchronization
import Telemetry
import TestKit
import Transport
import Vocabulary

/// The ledger listening on a real port with a real store, and its callers with real certificates.
struct LedgerHouse {
  let place: TestHome
  let authority: MeshAuthority
  let clock: Clock
  let process: ServiceProcess<LedgerService>
  /// What the ledger wrote to its log.
  let lines = Lines()
  private let shift: Shift
  private let callers: [ServiceName: ServiceContext]

  final class Lines: Sendable {
    private let written = Mutex<[String]>([])
    func add(_ text: String) {
      written.withLock { $0 += text.split(separator: "\n").map(String.init) }
    }
    func with(_ word: String) -> [String] { written.withLock { $0.filter { $0.contains(word) } } }
  }

  /// Moves the ledger's clock ahead of the real one.
  final class Shift: Sendable {
    private let ahead = Mutex(Duration.zero)
    func add(_ span: Duration) { ahead.withLock { $0 += span } }
    var value: Duration { ahead.withLock { $0 } }
  }

  /// - Parameters:
  ///   - database: where the books are kept; nil: in a file.
  ///   - mayPost: whether the charters let payments post holds.
  init(database: PostgresLocation? = nil, mayPost: Bool = true) async throws {
    let charters = try Self.charters(mayPost: mayPost)
    let authority = try MeshAuthority(at: Clock.system.now() - .seconds(60))
    // Test homes draw their ports; another test run on this machine may have drawn the same.
    for _ in 0..<4 {
      let place = try TestHome(
        charters: charters, databases: database.map { ["ledger": $0] } ?? [:])
      do {
        try await self.init(place, authority)
        return
      } catch is PortTaken {
        place.remove()
      }
    }
    try await self.init(
      try TestHome(
        charters: charters, databases: database.map { ["ledger": $0] } ?? [:]), authority
    )
  }

  /// What is left of a house whose process is gone: the store, which nobody has open.
  struct Left {
    let place: TestHome
    let authority: MeshAuthority
    func reopen() async throws -> LedgerHouse { try await LedgerHouse(place, authority) }
    var storeFile: String { place.home.storeFile(of: "ledger") }
  }

  /// A house that somebody lived in and left. Its process goes with this function's frame.
  static func left(_ life: (LedgerHouse) async throws -> Void) async throws -> Left {
    let house = try await LedgerHouse()
    try await house.moveIn()
    try await life(house)
    await house.drain()
    return Left(place: house.place, authority: house.authority)
  }

  private init(_ place: TestHome, _ authority: MeshAuthority) async throws {
    self.place = place
    self.authority = authority
    let shift = Shift()
    self.shift = shift
    clock = Clock { Clock.system.now() + shift.value }
    let group = MultiThreadedEventLoopGroup.singleton
    let log = Log(
      service: "ledger",
      sink: LogSink { [lines] in lines.add(String(decoding: $0, as: UTF8.self)) }, clock: clock)
    process = try await ServiceProcess.start(
      LedgerService.self, home: place.home, group: group, log: log, clock: clock,
      randomness: .system, credentials: .issued(by: authority))
    var callers: [ServiceName: ServiceContext] = [:]
    for name in ["operator", "payments", "gateway"] as [ServiceName] {
      callers[name] = try Self.caller(name, place, authority, log)
    }
    self.callers = callers
  }

  private static func caller(
    _ name: ServiceName, _ place: TestHome, _ authority: MeshAuthority, _ log: Log
  ) throws -> ServiceContext {
    let charters = try Papers.charters(in: place.home)
    guard let charter = charters[name] else { throw Problem.defect }
    let credentials = try MeshCredentials(
      authority.credentials(for: name, at: Clock.system.now()), clock: .system)
    let group = MultiThreadedEventLoopGroup.singleton
    let store = try Store.open(
      path: "\(place.home.dataFolder(of: name))/\(name)-\(UUID().uuidString.prefix(8)).sqlite",
      migrations: [], clock: .system)
    return ServiceContext(
      service: name, home: place.home, platform: place.platform, charters: charters,
      charter: charter,
      store: store,
      log: log, metrics: MetricsRegistry(),
      tracer: SpanExporter(service: name, version: "0", endpoint: nil, group: group),
      clock: .system,
      randomness: .system, credentials: credentials,
      transport: TransportClient(credentials: credentials, group: group), group: group,
      policy: try PolicySource(home: place.home, service: name).open(
        staleAfter: place.platform.policyStaleAfter))
  }

  func close() async {
    await drain()
    place.remove()
  }

  /// Stops the process and its callers; the store stays.
  func drain() async {
    await process.drain()
    for caller in callers.values { caller.store.close() }
  }

  func wait(_ span: Duration) { shift.add(span) }

  // MARK: calls

  func ask<Input: Encodable & Sendable, Output: Decodable & Sendable>(
    _ caller: ServiceName, _ operation: Vocabulary.Operation<Input, Output>, _ input: Input,
    path: [String: String] = [:], query: [String: String] = [:], token: TransactionToken? = nil
  ) async throws -> Output {
    guard let context = callers[caller], let gateway = callers["gateway"] else {
      throw Problem.defect
    }
    let correlation = token?.correlation ?? context.newCorrelation()
    let signed = try token.map {
      try TransactionTokenIssuer(credentials: gateway.credentials).sign($0)
    }
    return try await context.client("ledger").call(
      operation, input, path: path, query: query,
      context: CallContext(
        correlation: correlation,
        trace: TraceContext(startingAt: correlation, randomness: .system),
        deadline: Deadline(Clock.system.now() + .seconds(30)), transactionToken: signed))
  }

  /// A binary batch as it is, and its answer.
  func send(
    _ caller: ServiceName, _ operation: String, _ path: String, _ body: [UInt8]
  ) async throws -> Answer {
    guard let context = callers[caller] else { throw Problem.defect }
    return try await context.client("ledger").send(
      operation, .post, path, body: body, contentType: BinaryBatch.contentType,
      context: context.background(within: .seconds(30)))
  }

  /// The slug with which a call is refused; nil where it is not.
  func refusal(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch let problem as Problem {
      return problem.slug
    } catch {
      return "\(error)"
    }
  }

  // MARK: charters

  private static func charters(mayPost: Bool) throws -> [String: String] {
    let checkout = #filePath.components(separatedBy: "/Tests/")[0]
    func text(_ path: String) throws -> String {
      try String(contentsOfFile: "\(checkout)/\(path)", encoding: .utf8)
    }
    let reading =
      "changeAccount, findTransfers, lookupAccounts, getTransfer, listTransfers, getAccount, listAccounts"
    let holds = "createHold, getHold" + (mayPost ? ", postHold" : "")
    let operators = "voidHold, " + reading + (mayPost ? "" : ", postHold")
    let own =
      "listOwnAccounts, getOwnAccount, listOwnTransfers, openManagedAccount, "
      + "changeManagedAccount, getManagedAccount, listManagedAccounts"
    return [
      "data-classes.yaml": try text("Charters/data-classes.yaml"),
      // Without the feed, which the chassis has tests for.
      "ledger.yaml": try text("Sources/Services/Ledger/charter.yaml").replacing(
        "  - {service: authority, operations: [listRevocations]}\n", with: ""
      ).replacing(
        "holds/{id}/post\n    summary: Posts a hold that the caller made, whole or in part\n    callers: [payments]",
        with: "holds/{id}/post\n    callers: [\(mayPost ? "payments" : "operator")]"),
      "operator.yaml": """
      apiVersion: strongroom/v1
      service: operator
      summary: Calls.
      calls:
        - service: ledger
          operations: [createAccounts, createTransfers, getTrialBalance, \(operators)]
      """,
      "payments.yaml": caller(
        "payments", 7105, "{service: ledger, operations: [\(holds), \(own)]}"),
      "gateway.yaml": caller("gateway", 7100, ""),
      "audit.yaml": caller(
        "audit", 7106, "",
        operations: """
          [{id: appendRecords, method: POST, path: /v1/records, callers: [ledger], idempotency: natural}]
          """),
    ]
  }

  private static func caller(
    _ name: String, _ port: Int, _ calls: String, operations: String = "[]"
  ) -> String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: Calls.\(name == "gateway" ? "\nrole: door" : "")
    port: \(port)
    operations: \(operations)
    calls: [\(calls)]
    egress: []
    data: []
    secrets: []
    limits: {memory_mib: 64, open_files: 256, connections: 64}
    """
  }
}

/// Ada and Bob, who may not overdraw, and the vault they got their money from.
enum People {
  static let vault = AccountID(bits: 0xa0)
  static let adasAccount = AccountID(bits: 0xa1)
  static let bobsAccount = AccountID(bits: 0xa2)
  static let ada = PersonID(bits: 0xb1)
  static let bob = PersonID(bits: 0xb2)

  static func eur(_ minorUnits: Int64) throws -> Money {
    guard let currency = Currency("EUR") else { throw Problem.defect }
    return try Money(minorUnits: minorUnits, currency: currency)
  }
}

extension LedgerHouse {
  /// Opens the three accounts and gives Ada 10,000 minor units.
  func moveIn() async throws {
    let currency = try People.eur(0).currency
    let flags: Flags<AccountFlag> = [.debitsMustNotExceedCredits]
    let accounts = [
      NewAccount(id: People.vault, currency: currency, code: 1),
      NewAccount(
        id: People.adasAccount, currency: currency, code: 2, owner: People.ada, flags: flags),
      NewAccount(
        id: People.bobsAccount, currency: currency, code: 2, owner: People.bob, flags: flags),
    ]
    _ = try await ask("operator", LedgerOperations.createAccounts, NewAccounts(accounts: accounts))
    _ = try await post([
      NewTransfer(
        id: TransferID(bits: 1), amount: try People.eur(10_000), from: People.vault,
        to: People.adasAccount, code: 1)
    ])
  }

  func post(_ transfers: [NewTransfer]) async throws -> [String] {
    try await ask(
      "operator", LedgerOperations.createTransfers, NewTransfers(transfers: transfers)
    ).results.map(\.result)
  }

  /// Sends the batch until its outcome is known, as every caller should: on a busy machine an answer
  /// may come too late, and the same batch again moves nothing twice.
  func postUntilKnown(_ transfers: [NewTransfer]) async throws -> [String] {
    for _ in 0..<9 {
      do {
        return try await post(transfers)
      } catch let problem as Problem where [503, 504].contains(problem.status) {
        try await Task.sleep(for: .seconds(problem.retryAfterSeconds ?? 1))
      }
    }
    return try await post(transfers)
  }

  func newHold(_ id: UInt128, _ amount: Int64, seconds: Int64 = 600) throws -> NewHold {
    NewHold(
      id: TransferID(bits: id), debtor: People.adasAccount, creditor: People.bobsAccount,
      amount: try People.eur(amount), paymentID: PaymentID(bits: id),
      correlationID: CorrelationID(bits: id) ?? process.context.newCorrelation(),
      timeoutSeconds: seconds, code: 1)
  }

  /// A transaction token for exactly this hold; the closure may spoil it.
  func token(
    for hold: NewHold, transaction: UInt128 = .random(in: 1 ... .max), subject: PersonID? = nil,
    purpose: String = "payment.create", _ spoil: (inout [String: String]) -> Void = { _ in }
  ) -> TransactionToken {
    var context = [
      "amount": "\(hold.amount.minorUnits)", "currency": hold.amount.currency.code,
      "debtor": "\(hold.debtor)", "creditor": "\(hold.creditor)",
    ]
    spoil(&context)
    return TransactionToken(
      id: TransactionID(bits: transaction), subject: "\(subject ?? People.ada)",
      clientID: "\(ClientID(bits: 9))", scopes: Scope.set("payments:create") ?? [],
      purpose: purpose, correlation: process.context.newCorrelation(), method: "POST",
      target: "/v1/payments", bodyDigest: Array(repeating: 0, count: 32), context: context,
      presenters: ["gateway", "payments"], issuedAt: clock.now())
  }

  func hold(_ hold: NewHold, _ token: TransactionToken? = nil) async throws -> HoldAnswer {
    try await ask(
      "payments", LedgerOperations.createHold, hold, token: token ?? self.token(for: hold))
  }

  func end<Input: Encodable & Sendable>(
    _ operation: Vocabulary.Operation<Input, HoldAnswer>, _ hold: UInt128, _ input: Input
  ) async throws -> HoldAnswer {
    // Giving back is the operator's: a payment that was held is posted, or its hold expires.
    let caller: ServiceName =
      operation.id == LedgerOperations.voidHold.id ? "operator" : "payments"
    return try await ask(caller, operation, input, path: ["id": "\(TransferID(bits: hold))"])
  }

  /// Balance, and what may still be spent, of Ada and of Bob.
  func balances() async throws -> [Int64] {
    let accounts = try await ask(
      "operator", LedgerOperations.lookupAccounts,
      AccountIDs(ids: [People.adasAccount, People.bobsAccount])
    ).accounts
    return accounts.flatMap { [$0.balance, $0.available] }
  }
}
