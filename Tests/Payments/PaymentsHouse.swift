import Chassis
import Charters
import Crypto
import Foundation
import Ledger
import LedgerAPI
import NIOCore
import NIOPosix
import Payments
import PaymentsAPI
import Storage
import StrictJSON
import Synchronization
import Telemetry
import TestKit
import Transport
import Vocabulary

/// Payments and the ledger as they run in production, with real stores, sockets and certificates,
/// in one process. The test stands where the gateway does.
final class PaymentsHouse: Sendable {
  static let adasAccount = AccountID(bits: 0xa1)
  static let bobsAccount = AccountID(bits: 0xa2)
  static let vault = AccountID(bits: 0xa0)
  static let ada = PersonID(bits: 0xb1)
  static let bob = PersonID(bits: 0xb2)

  let place: TestHome
  let clock: Clock
  private let authority: MeshAuthority
  private let shift: Shift
  private let state = Mutex(Standing())

  struct Standing {
    var ledger: ServiceProcess<LedgerService>?
    var payments: ServiceProcess<PaymentsService>?
  }
  /// Moves both services' clocks ahead of the real one.
  final class Shift: Sendable {
    private let ahead = Mutex(Duration.zero)
    func add(_ span: Duration) { ahead.withLock { $0 += span } }
    var value: Duration { ahead.withLock { $0 } }
  }

  init() async throws {
    place = try TestHome(charters: try Self.charters())
    authority = try MeshAuthority(at: Clock.system.now() - .seconds(60))
    let shift = Shift()
    self.shift = shift
    clock = Clock { Clock.system.now() + shift.value }
    try await startLedger()
    try await startPayments()
    try await moveIn()
  }

  func wait(_ span: Duration) { shift.add(span) }

  private func log(_ service: ServiceName) -> Log {
    Log(service: service, sink: LogSink { _ in }, clock: clock)
  }
  func startLedger() async throws {
    let process = try await ServiceProcess.start(
      LedgerService.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: log("ledger"), clock: clock, randomness: .system, credentials: .issued(by: authority))
    state.withLock { $0.ledger = process }
  }
  func startPayments() async throws {
    let process = try await ServiceProcess.start(
      PaymentsService.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: log("payments"), clock: clock, randomness: .system,
      credentials: .issued(by: authority))
    state.withLock { $0.payments = process }
  }
  func stopLedger() async {
    await state.withLock { $0.ledger.take() }?.drain()
  }
  func stopPayments() async {
    await state.withLock { $0.payments.take() }?.drain()
  }
  func close() async {
    await stopPayments()
    await stopLedger()
    place.remove()
  }
  func payments() throws -> ServiceProcess<PaymentsService> {
    guard let process = state.withLock({ $0.payments }) else { throw Problem.unavailable() }
    return process
  }
  /// The store of the running service, by this service's own means.
  func store() throws -> PaymentStore {
    PaymentStore(store: try payments().context.store, clock: clock, randomness: .system)
  }
  func outbox() throws -> Outbox { try payments().context.outbox }
  func ledgerClient() throws -> ServiceClient { try payments().context.client("ledger") }

  // MARK: requests, as the gateway sends them

  /// What a caller needs to send something: its own connections, and where the service listens.
  private struct Door {
    let client: TransportClient
    let endpoint: ServiceEndpoint
  }
  private func door(to service: ServiceName, as caller: ServiceName) throws -> Door {
    let credentials = try MeshCredentials(
      authority.credentials(for: caller, at: Clock.system.now()), clock: .system)
    let client = TransportClient(
      credentials: credentials, group: MultiThreadedEventLoopGroup.singleton)
    guard let port = ["ledger": 7_104, "payments": 7_105][service.description],
      let id = SpiffeID(trustDomain: place.platform.trustDomain, service: service)
    else { throw Problem.defect }
    return Door(
      client: client,
      endpoint: ServiceEndpoint(id: id, host: "127.0.0.1", port: port + place.platform.portOffset))
  }
  private func send(_ request: WireRequest, through door: Door) async throws -> WireResponse {
    try await door.client.send(
      request, to: door.endpoint, by: Deadline(Clock.system.now() + .seconds(20)),
      isRepeatable: false)
  }

  /// A request with a transaction token made for it. Put together in one synchronous function: as
  /// an async one with these eight arguments it crashed when it resumed (jump to address zero,
  /// Swift 6.3.1, debug, x86-64). Not reduced to a small case yet.
  private func request(
    _ method: String, _ target: String, by person: PersonID, purpose: String, scope: String,
    body: [UInt8] = [], key: String? = nil, context: [String: String] = [:], client: String = "app"
  ) throws -> WireRequest {
    let correlation = Self.correlation()
    let token = try token(
      correlation, method, target, by: person, purpose: purpose, scope: scope, body: body,
      context: context, client: client)
    var headers: Headers = [
      Header.transactionToken: token, Header.correlation: "\(correlation)",
    ]
    if let key { headers.add(Header.idempotencyKey, key) }
    return WireRequest(
      method: method, target: target, headers: headers, body: ByteBuffer(bytes: body))
  }

  private func deliver(_ request: WireRequest) async throws -> WireResponse {
    try await send(request, through: try door(to: "payments", as: "gateway"))
  }

  /// `createPayment` with any body.
  func post(_ body: [UInt8], key: String?) async throws -> WireResponse {
    try await deliver(
      try request(
        "POST", "/v1/payments", by: Self.ada, purpose: "payment.create", scope: "payments:create",
        body: body, key: key))
  }

  static func correlation() -> CorrelationID {
    CorrelationID(bits: Randomness.system.bits128()) ?? correlation()
  }

  private func token(
    _ correlation: CorrelationID, _ method: String, _ target: String, by person: PersonID,
    purpose: String, scope: String, body: [UInt8], context: [String: String],
    client: String = "app"
  ) throws -> String {
    let credentials = try MeshCredentials(
      authority.credentials(for: "gateway", at: Clock.system.now()), clock: .system)
    return try TransactionTokenIssuer(credentials: credentials).sign(
      TransactionToken(
        id: TransactionID(at: clock.now(), random: Randomness.system.bits128()),
        subject: "\(person)", clientID: client, scopes: Scope.set(scope) ?? [], purpose: purpose,
        correlation: correlation, method: method, target: target,
        bodyDigest: Array(SHA256.hash(data: body)), context: context,
        presenters: ["gateway", "payments"], issuedAt: clock.now()))
  }

  /// What the service has in hand while it works on a payment.
  func paymentContext(_ record: PaymentRecord) throws -> CallContext {
    let order = record.order
    let token = try self.token(
      record.correlation, "POST", "/v1/payments", by: record.subject, purpose: "payment.create",
      scope: "payments:create", body: [],
      context: [
        "amount": "\(order.amount.minorUnits)", "currency": order.amount.currency.code,
        "debtor": "\(order.debtor)", "creditor": "\(order.creditor)",
      ])
    return CallContext(
      correlation: record.correlation,
      trace: TraceContext(startingAt: record.correlation, randomness: .system),
      deadline: Deadline(clock.now() + .seconds(10)), transactionToken: token)
  }

  /// What is paid by whom; from Ada to Bob unless told otherwise.
  struct Wish: Sendable {
    var units: Int64
    var key: String
    var person = PaymentsHouse.ada
    var debtor = PaymentsHouse.adasAccount
    var creditor = PaymentsHouse.bobsAccount
    var reference: String?
    var client = "app"
  }

  /// `createPayment` as the wish says.
  func pay(_ units: Int64, key: String) async throws -> WireResponse {
    try await pay(Wish(units: units, key: key))
  }
  func pay(_ wish: Wish) async throws -> WireResponse { try await deliver(try request(wish)) }

  private func request(_ wish: Wish) throws -> WireRequest {
    let order = NewPayment(
      amount: try Self.eur(wish.units), debtor: wish.debtor, creditor: wish.creditor,
      reference: wish.reference)
    return try request(
      "POST", "/v1/payments", by: wish.person, purpose: "payment.create",
      scope: "payments:create", body: try StrictJSON.encode(order), key: wish.key,
      context: [
        "amount": "\(wish.units)", "currency": "EUR", "debtor": "\(wish.debtor)",
        "creditor": "\(wish.creditor)",
      ], client: wish.client)
  }

  /// A GET of something of the person's own, with the scopes for payments or accounts.
  func get(
    _ target: String, by person: PersonID = PaymentsHouse.ada, scope: String = "payments:read"
  ) async throws -> WireResponse {
    let purpose = scope.hasPrefix("accounts") ? "account.read" : "payment.read"
    return try await deliver(
      try request("GET", target, by: person, purpose: purpose, scope: scope))
  }

  func read<T: Decodable>(
    _ type: T.Type, _ target: String, scope: String = "payments:read"
  ) async throws -> T {
    let answer = try await get(target, scope: scope)
    guard answer.status == 200 else {
      throw Problem(answer.slug ?? "?", answer.status, "refused")
    }
    return try answer.decoded(type)
  }

  /// Balance, and what may still be spent, of Ada.
  func balance() async throws -> [Int64] {
    let balance = try await read(
      Balance.self, "/v1/accounts/\(Self.adasAccount)/balance", scope: "accounts:balance:read")
    return [balance.booked.minorUnits, balance.available.minorUnits]
  }

  /// Waits, in real time, until a payment is settled.
  func settled(_ id: PaymentID) async throws -> Payment {
    for _ in 0..<200 {
      let payment = try await read(Payment.self, "/v1/payments/\(id)")
      if ![.received, .held].contains(payment.state) { return payment }
      try await Task.sleep(for: .milliseconds(50))
    }
    return try await read(Payment.self, "/v1/payments/\(id)")
  }

  static func eur(_ units: Int64) throws -> Money {
    guard let currency = Currency("EUR") else { throw Problem.defect }
    return try Money(minorUnits: units, currency: currency)
  }

  /// Opens the accounts and gives Ada 10,000 minor units.
  private func moveIn() async throws {
    let currency = try Self.eur(0).currency
    let flags: Flags<AccountFlag> = [.debitsMustNotExceedCredits]
    let accounts = [
      NewAccount(id: Self.vault, currency: currency, code: 1),
      NewAccount(id: Self.adasAccount, currency: currency, code: 2, owner: Self.ada, flags: flags),
      NewAccount(id: Self.bobsAccount, currency: currency, code: 2, owner: Self.bob, flags: flags),
    ]
    let opening = NewTransfer(
      id: TransferID(bits: 1), amount: try Self.eur(10_000), from: Self.vault,
      to: Self.adasAccount, code: 1)
    for (target, body) in [
      ("/v1/accounts", try StrictJSON.encode(NewAccounts(accounts: accounts))),
      ("/v1/transfers", try StrictJSON.encode(NewTransfers(transfers: [opening]))),
    ] {
      let answer = try await send(
        WireRequest(
          method: "POST", target: target, headers: Headers(), body: ByteBuffer(bytes: body)),
        through: try door(to: "ledger", as: "operator"))
      guard answer.status == 200 else { throw Problem.defect }
    }
  }

  // MARK: charters

  private static func charters() throws -> [String: String] {
    let checkout = #filePath.components(separatedBy: "/Tests/")[0]
    func text(_ path: String) throws -> String {
      try String(contentsOfFile: "\(checkout)/\(path)", encoding: .utf8)
    }
    let own = """
      createPayment, getPayment, listPayments, getActivity, listMyAccounts, getBalance, \
      listStatement
      """
    return [
      "data-classes.yaml": try text("Charters/data-classes.yaml"),
      "ledger.yaml": try text("Sources/Services/Ledger/charter.yaml"),
      "payments.yaml": try text("Sources/Services/Payments/charter.yaml"),
      "operator.yaml": """
      apiVersion: strongroom/v1
      service: operator
      summary: Calls.
      calls:
        - service: ledger
          operations: [createAccounts, createTransfers, findTransfers, getTrialBalance, lookupAccounts,
            getTransfer, listTransfers, getAccount, listAccounts, voidHold]
      """,
      "gateway.yaml": neighbour(
        "gateway", 7100, "[]", calls: "{service: payments, operations: [\(own)]}"),
      "audit.yaml": neighbour(
        "audit", 7106,
        "[{id: appendRecords, method: POST, path: /v1/records, callers: [ledger, payments]}]"),
    ]
  }

  private static func neighbour(
    _ name: String, _ port: Int, _ operations: String, calls: String = ""
  ) -> String {
    """
    apiVersion: strongroom/v1
    service: \(name)
    summary: A neighbour.
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

extension WireResponse {
  func decoded<T: Decodable>(_ type: T.Type) throws -> T {
    try StrictJSON.decode(type, from: Array(body.readableBytesView))
  }
  var json: JSON? { try? JSON.parse(Array(body.readableBytesView)) }
  var slug: String? {
    json?["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.count)) }
  }
}
