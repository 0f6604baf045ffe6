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
import Sealing
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
  /// Bob's, in another currency.
  static let yen = AccountID(bits: 0xa3)
  /// A client that acts for itself, with an account of its own.
  static let machine = ClientID(bits: 0x61)
  static let machinesAccount = AccountID(bits: 0x61)
  static let ada = PersonID(bits: 0xb1)
  static let bob = PersonID(bits: 0xb2)

  let place: TestHome
  let clock: Clock
  private let authority: MeshAuthority
  private let shift: Shift
  private let state = Mutex(Standing())

  struct Standing {
    var keeper: ServiceProcess<KeyKeeper>?
    var ledger: ServiceProcess<LedgerService>?
    var payments: ServiceProcess<PaymentsService>?
  }
  /// Moves both services' clocks ahead of the real one.
  final class Shift: Sendable {
    private let ahead = Mutex(Duration.zero)
    func add(_ span: Duration) { ahead.withLock { $0 += span } }
    var value: Duration { ahead.withLock { $0 } }
  }

  /// - Parameter manager: who may manage accounts, by the policies.
  init(limitsFactor: Int = 1_000, manager: PersonID? = nil) async throws {
    // The door's rates are the gateway's tests; here people may press as often as they like.
    place = try TestHome(charters: try Self.charters(), limitsFactor: limitsFactor)
    if let manager {
      let draft = try TestPolicies.shipped.get().naming(manager, as: "account-manager")
      try TestPolicies.put(try TestPolicies.release(draft, version: 2), into: place.home)
    }
    authority = try MeshAuthority(at: Clock.system.now() - .seconds(60))
    let shift = Shift()
    self.shift = shift
    clock = Clock { Clock.system.now() + shift.value }
    let keeper = try await ServiceProcess.start(
      KeyKeeper.self, home: place.home, group: MultiThreadedEventLoopGroup.singleton,
      log: log("authority"), clock: clock, randomness: .system,
      credentials: .issued(by: authority))
    state.withLock { $0.keeper = keeper }
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
    await state.withLock { $0.keeper.take() }?.drain()
    place.remove()
  }
  func payments() throws -> ServiceProcess<PaymentsService> {
    guard let process = state.withLock({ $0.payments }) else { throw Problem.unavailable() }
    return process
  }
  /// The store of the running service, by this service's own means.
  func store() throws -> PaymentStore {
    PaymentStore(
      store: try payments().context.store, clock: clock, randomness: .system,
      seals: PaymentSeals(SealingKeys(try KeyKeeper.keyring())))
  }
  func outbox() throws -> Outbox { try payments().context.outbox }
  func ledgerClient() throws -> ServiceClient { try payments().context.client("ledger") }

  // MARK: requests, as the gateway sends them

  /// What a caller needs to send something: its own connections, and where the service listens.
  private struct Door {
    let client: TransportClient
    let endpoint: ServiceEndpoint
  }
  private let lanes = Mutex<[String: TransportClient]>([:])
  /// - Parameter lane: whose requests share connections; nil: a connection of its own.
  private func door(
    to service: ServiceName, as caller: ServiceName, lane: String? = nil
  ) throws -> Door {
    let client = try lanes.withLock { lanes in
      if let lane, let known = lanes[lane] { return known }
      let credentials = try MeshCredentials(
        authority.credentials(for: caller, at: Clock.system.now()), clock: .system)
      let made = TransportClient(
        credentials: credentials, group: MultiThreadedEventLoopGroup.singleton)
      if let lane { lanes[lane] = made }
      return made
    }
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
  func request(
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

  func deliver(
    _ request: WireRequest, lane: String? = nil
  ) async throws -> WireResponse {
    try await send(request, through: try door(to: "payments", as: "gateway", lane: lane))
  }

  /// `createPayment` with any body.
  /// - Parameter units: what the token says of the amount; nil: it says nothing of what is paid.
  func post(
    _ body: [UInt8], key: String?, query: String = "", units: Int64? = nil
  ) async throws -> WireResponse {
    let context = units.map {
      [
        "amount": "\($0)", "currency": "EUR", "debtor": "\(Self.adasAccount)",
        "creditor": "\(Self.bobsAccount)",
      ]
    }
    return try await deliver(
      try request(
        "POST", "/v1/payments" + query, by: Self.ada, purpose: "payment.create",
        scope: "payments:create", body: body, key: key, context: context ?? [:]))
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
    /// Whose requests share connections; nil: a connection of its own.
    var lane: String?
  }

  /// `createPayment` as the wish says.
  func pay(_ units: Int64, key: String) async throws -> WireResponse {
    try await pay(Wish(units: units, key: key))
  }
  func pay(_ wish: Wish) async throws -> WireResponse {
    try await deliver(try request(wish), lane: wish.lane)
  }

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

  private static func yenCurrency() throws -> Currency {
    guard let yen = Currency("JPY") else { throw Problem.defect }
    return yen
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
      NewAccount(
        id: Self.machinesAccount, currency: currency, code: 2,
        owner: ClientOwner.reference(of: "\(Self.machine)"), flags: flags),
      NewAccount(id: Self.yen, currency: try Self.yenCurrency(), code: 2, owner: Self.bob),
    ]
    let opening = NewTransfer(
      id: TransferID(bits: 1), amount: try Self.eur(10_000), from: Self.vault,
      to: Self.adasAccount, code: 1)
    try await open(accounts)
    try await post([opening])
  }

  /// Batches of the bank's own.
  func post(_ transfers: [NewTransfer]) async throws {
    try await bank("/v1/transfers", try StrictJSON.encode(NewTransfers(transfers: transfers)))
  }
  func open(_ accounts: [NewAccount]) async throws {
    try await bank("/v1/accounts", try StrictJSON.encode(NewAccounts(accounts: accounts)))
  }
  private func bank(_ target: String, _ body: [UInt8]) async throws {
    let answer = try await send(
      WireRequest(
        method: "POST", target: target, headers: Headers(), body: ByteBuffer(bytes: body)),
      through: try door(to: "ledger", as: "operator"))
    guard answer.status == 200 else { throw Problem(answer.slug ?? "?", answer.status, "refused") }
  }

  /// As the operator, past payments.
  func change(_ account: AccountID, _ change: AccountAction) async throws {
    let order = AccountChangeOrder(account: account, change: change)
    let answer = try await send(
      WireRequest(
        method: "POST", target: "/v1/account-changes", headers: Headers(),
        body: ByteBuffer(bytes: try StrictJSON.encode(order))),
      through: try door(to: "ledger", as: "operator"))
    guard answer.status == 200 else { throw Problem.defect }
  }
}
