package import Demo
import NIOCore
import PaymentsAPI
import StrictJSON
package import Transport
package import Vocabulary

/// What people and strangers do to a running platform, mixed: payments, looks at accounts, sign-ins, and requests that
/// are refused. Each lane is one person with a connection of its own, who does one thing after the other until told to stop.
package struct PlatformLoad: Sendable {
  package enum Act: String, Sendable, CaseIterable {
    case payment, read, refusal, signIn = "sign-in"
  }

  /// Of a hundred acts of a lane; the rest are payments.
  package enum Share {
    static let reads = 24
    static let refusals = 12
    static let signIns = 1
  }

  /// One person at the door.
  package struct Lane: Sendable {
    package let client: OutsideClient
    package let login: BrowserLogin
    package let name: String
    package let password: String
    package let scopes: String
    package let debtor: AccountID
    package let creditor: AccountID

    package init(
      client: OutsideClient, login: BrowserLogin, name: String, password: String, scopes: String,
      debtor: AccountID, creditor: AccountID
    ) {
      self.client = client
      self.login = login
      self.name = name
      self.password = password
      self.scopes = scopes
      self.debtor = debtor
      self.creditor = creditor
    }
  }

  /// What came of it so far. Bounded: it does not grow with the number of acts.
  package struct Tally: Sendable {
    package var answered: [Act: Int] = [:]
    /// Answers that an act must not get, by act and status; status 0 stands for a connection that broke.
    package var odd: [String: Int] = [:]
    package var latency = LatencyCounts()

    package init() {}
    package var posted: Int { answered[.payment] ?? 0 }
    package var oddTotal: Int { odd.values.reduce(0, +) }

    package mutating func add(_ other: Tally) {
      answered.merge(other.answered, uniquingKeysWith: +)
      odd.merge(other.odd, uniquingKeysWith: +)
      latency.add(other.latency)
    }
  }

  private let clock: Clock
  private let randomness: Randomness
  private let currency: Currency
  /// A token is fetched anew before its five minutes are over.
  private static let tokenAge: Duration = .seconds(200)

  package init(clock: Clock, randomness: Randomness, currency: Currency) {
    self.clock = clock
    self.randomness = randomness
    self.currency = currency
  }

  /// Runs all lanes until `end`.
  /// - Parameter tell: called about every second by each lane with what is new.
  package func run(
    _ lanes: [Lane], until end: Instant, tell: @escaping @Sendable (Tally) -> Void
  ) async {
    await withTaskGroup(of: Void.self) { group in
      for lane in lanes {
        group.addTask { await self.run(lane, until: end, tell) }
      }
    }
  }

  private func run(
    _ lane: Lane, until end: Instant, _ tell: @Sendable (Tally) -> Void
  ) async {
    var tally = Tally()
    var told = clock.now()
    var token: (text: String, at: Instant)?
    while clock.now() < end, !Task.isCancelled {
      let now = clock.now()
      var act = draw()
      if token.map({ now - $0.at > Self.tokenAge }) ?? true { act = .signIn }
      if act == .signIn {
        if let fresh = await signIn(lane) {
          token = (fresh, clock.now())
          tally.answered[.signIn, default: 0] += 1
        } else {
          tally.odd["sign-in", default: 0] += 1
          // A door that is away for a moment must not be knocked at in a circle.
          try? await Task.sleep(for: .seconds(1))
        }
      } else if let token {
        let status = await carryOut(act, lane, token.text)
        if Self.isExpected(status, of: act) {
          tally.answered[act, default: 0] += 1
          if act == .payment { tally.latency.add(clock.now() - now) }
        } else {
          tally.odd["\(act.rawValue) \(status)", default: 0] += 1
        }
      }
      if clock.now() - told > .seconds(1) {
        tell(tally)
        tally = Tally()
        told = clock.now()
      }
    }
    tell(tally)
    await lane.client.close()
  }

  private func draw() -> Act {
    let number = Int(randomness.next() % 100)
    if number < Share.signIns { return .signIn }
    if number < Share.signIns + Share.refusals { return .refusal }
    return number < Share.signIns + Share.refusals + Share.reads ? .read : .payment
  }

  private static func isExpected(_ status: Int, of act: Act) -> Bool {
    switch act {
    case .payment: status == 201
    case .read: status == 200
    case .refusal: [400, 401, 403, 404, 429].contains(status)
    case .signIn: status == 200
    }
  }

  private func signIn(_ lane: Lane) async -> String? {
    try? await lane.login.signIn(
      login: lane.name, password: lane.password, scopes: lane.scopes
    ).accessToken
  }

  /// The status of the answer; 0 for none. A payment whose answer says nothing is sent again under its key.
  private func carryOut(_ act: Act, _ lane: Lane, _ token: String) async -> Int {
    switch act {
    case .payment:
      guard let request = payment(lane, token) else { return 0 }
      for _ in 0..<4 {
        let status = await status(of: request, lane)
        guard [0, 202, 502, 503, 504].contains(status) else { return status }
        try? await Task.sleep(for: .milliseconds(200))
      }
      return 0
    case .read:
      let targets = [
        PaymentsOperations.listPayments.path, PaymentsOperations.getActivity.path,
        PaymentsOperations.listMyAccounts.path, "/v1/accounts/\(lane.debtor)/balance",
        "/v1/accounts/\(lane.debtor)/transfers",
      ]
      let target = targets[Int(randomness.next() % UInt64(targets.count))]
      return await status(
        of: WireRequest(
          method: "GET", target: target, headers: ["authorization": "Bearer \(token)"]), lane)
    case .refusal:
      let attempts = [
        WireRequest(method: "GET", target: "/v1/nothing-here"),
        WireRequest(method: "GET", target: PaymentsOperations.listPayments.path),
        WireRequest(
          method: "GET", target: PaymentsOperations.listPayments.path,
          headers: ["authorization": "Bearer \(token.dropLast(4))AAAA"]),
        WireRequest(
          method: "GET", target: "/v1/accounts/\(lane.creditor)/balance",
          headers: ["authorization": "Bearer \(token)"]),
      ]
      return await status(
        of: attempts[Int(randomness.next() % UInt64(attempts.count))], lane)
    case .signIn: return await signIn(lane) == nil ? 0 : 200
    }
  }

  private func payment(_ lane: Lane, _ token: String) -> WireRequest? {
    guard let amount = try? Money(minorUnits: 1, currency: currency),
      let body = try? StrictJSON.encode(
        NewPayment(
          amount: amount, debtor: lane.debtor, creditor: lane.creditor, reference: "soak"))
    else { return nil }
    return WireRequest(
      method: "POST", target: PaymentsOperations.createPayment.path,
      headers: [
        "authorization": "Bearer \(token)", "content-type": "application/json",
        Header.idempotencyKey: hexText(randomness.bits128(), digits: 32),
      ], body: ByteBuffer(bytes: body))
  }

  private func status(of request: WireRequest, _ lane: Lane) async -> Int {
    (try? await lane.client.send(request))?.status ?? 0
  }
}
