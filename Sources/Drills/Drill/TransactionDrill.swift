import Chassis
import Crypto
import Demo
import Foundation
import LedgerAPI
import PaymentsAPI
import StrictJSON
import Tokens
import Transport
import Vocabulary

/// Z3, P2, M1: a transaction token is good for one request, one service, one amount and one payee. The attacker sits
/// inside: he has the gateway's or a service's identity, and bends one thing at a time.
package enum TransactionDrill {
  package static let drill = Drill(
    name: "transactions",
    promise:
      "Z3 P2: inside, a request is believed only with the gateway's fresh word for exactly this request, amount and payee.",
    attacks: [
      atPayments("no-token", "send the payment without a transaction token", 401) {
        $0.token = nil
      },
      atPayments("other-amount", "ask for more than the token was made for") {
        $0.payment.amount = 500
      },
      atPayments("other-payee", "send the money to somebody else than the token says") {
        $0.payment.creditor = $0.others
      },
      atPayments("other-purpose", "pay with a token for looking at an account") {
        $0.token?.purpose = "account.read"
      },
      atPayments("other-method", "pay with a token for another request") {
        $0.token?.target = "/v1/accounts"
      },
      atPayments("no-scope", "pay with a token that carries no scope to pay") {
        $0.token?.scopes = []
      },
      atPayments("expired", "pay with a token of a minute ago") { $0.token?.age = .seconds(60) },
      atPayments("from-the-future", "pay with a token of a minute ahead") {
        $0.token?.age = .seconds(-60)
      },
      atPayments("not-the-gateway", "sign the token as another service, with its real certificate")
      {
        $0.token?.signer = "customers"
      },
      atPayments("altered", "change the subject under the gateway's signature") {
        $0.token?.subjectAfterSigning = "0194a2b0-0000-7000-8000-00000000beef"
      },
      atPayments("other-correlation", "present a token of another request's correlation id") {
        $0.token?.isOtherCorrelation = true
      },
      atLedger("other-presenter", "hold money with a token that was not forwarded to payments") {
        $0.token?.presenters = ["gateway", "customers"]
      },
      atLedger("widened", "hold a hundred times what the token allows") {
        $0.payment.amount = 500
      },
      atLedger("diverted", "hold for another creditor than the token names") {
        $0.payment.creditor = $0.others
      },
      atLedger("somebody-elses-account", "hold on the account of somebody else than the subject") {
        $0.token?.subject = $0.other
      },
      atLedger("held-for-a-year", "hold a person's money for a year", 400) {
        $0.seconds = LedgerLimits.timeoutSecondsMax
      },
      replayed, TakenPayments.postsForeignHold, TakenPayments.readsStrangersAccount,
    ])

  // MARK: a payment and the token for it

  /// What is asked for and what the token says; an attack makes them differ.
  private struct Request {
    struct Payment {
      var amount: Int64
      let debtor: AccountID
      var creditor: AccountID
    }
    struct Token {
      var subject: PersonID
      var purpose = "payment.create"
      var scopes: Set<Scope> = Set(["payments:create"].compactMap { Scope($0) })
      var target = "/v1/payments"
      var presenters: Set<ServiceName> = ["gateway", "payments", "ledger"]
      var age: Duration = .zero
      var signer: ServiceName = "gateway"
      var subjectAfterSigning: String?
      var isOtherCorrelation = false
    }
    var payment: Payment
    var token: Token?
    /// Of the hold. It gives the money back by itself: the drill leaves the books as it found them.
    var seconds: Int64 = 1
    /// Somebody else, and that person's account.
    let other: PersonID
    let others: AccountID
  }

  /// As the gateway would send it and payments would pass it on.
  private static func sound(_ range: DrillRange) -> Request {
    let residents = range.bank.residents
    return Request(
      payment: .init(amount: 5, debtor: residents[0].account, creditor: residents[1].account),
      token: .init(subject: residents[0].id), other: residents[2].id, others: residents[2].account)
  }

  /// The gateway's place and payments' place, with what is needed to speak from them.
  private struct Place {
    let range: DrillRange
    let insider: Insider
    let sound: Request

    init(_ range: DrillRange) async throws {
      self.range = range
      insider = try await range.insider()
      sound = TransactionDrill.sound(range)
    }

    func money(_ payment: Request.Payment) throws -> Money {
      try Money(minorUnits: payment.amount, currency: range.bank.currency)
    }

    func body(_ payment: Request.Payment) throws -> [UInt8] {
      try StrictJSON.encode(
        NewPayment(
          amount: money(payment), debtor: payment.debtor, creditor: payment.creditor,
          reference: "drill"))
    }

    /// A token for the sound payment, bent as the attack wants it.
    func signed(_ token: Request.Token, _ correlation: CorrelationID) throws -> String {
      let now = range.clock.now()
      let statement = TransactionToken(
        id: TransactionID(at: now, random: range.randomness.bits128()),
        subject: "\(token.subject)", clientID: "\(range.bank.clientID)", scopes: token.scopes,
        purpose: token.purpose,
        correlation: token.isOtherCorrelation ? range.newCorrelation() : correlation,
        method: "POST",
        target: token.target,
        bodyDigest: Array(SHA256.hash(data: try body(sound.payment))),
        context: [
          "amount": "\(sound.payment.amount)", "currency": "\(range.bank.currency)",
          "debtor": "\(sound.payment.debtor)", "creditor": "\(sound.payment.creditor)",
        ], presenters: token.presenters, issuedAt: now - token.age)
      let credentials = try MeshCredentials(
        insider.credentials(as: token.signer), clock: range.clock)
      let encoded = try TransactionTokenIssuer(credentials: credentials).sign(statement)
      return try token.subjectAfterSigning.map { try altered(encoded, subject: $0) } ?? encoded
    }

    private func altered(_ token: String, subject: String) throws -> String {
      var taken = try TakenToken(token)
      taken.claims["sub"] = .string(subject)
      return taken.signed { _ in taken.signature }
    }

    func headers(_ token: String?, _ correlation: CorrelationID) -> Headers {
      var headers: Headers = [
        "content-type": "application/json", "correlation-id": "\(correlation)",
        "idempotency-key": range.newKey(),
      ]
      if let token { headers.add(Header.transactionToken, token) }
      return headers
    }

    func pay(_ request: Request, _ correlation: CorrelationID) async throws -> DrillRange.Answer {
      try await insider.ask(
        "payments", as: insider.client(as: "gateway"), "POST", "/v1/payments",
        headers: headers(request.token.map { try signed($0, correlation) }, correlation),
        body: body(request.payment))
    }

    func hold(
      _ request: Request, token: String? = nil, _ correlation: CorrelationID
    ) async throws -> DrillRange.Answer {
      let hold = NewHold(
        id: TransferID(bits: range.randomness.bits128() | 1), debtor: request.payment.debtor,
        creditor: request.payment.creditor, amount: try money(request.payment),
        paymentID: PaymentID(at: range.clock.now(), random: range.randomness.bits128()),
        correlationID: correlation, timeoutSeconds: request.seconds, code: 1)
      let own = try request.token.map { try signed($0, correlation) }
      return try await insider.ask(
        "ledger", as: insider.client(as: "payments"), "POST", LedgerOperations.createHold.path,
        headers: headers(token ?? own, correlation), body: StrictJSON.encode(hold))
    }
  }

  // MARK: attacks

  private static func atPayments(
    _ name: String, _ steps: String, _ status: Int = 403,
    bend: @escaping @Sendable (inout Request) -> Void
  ) -> Attack {
    attack(name, "as the gateway: \(steps)", status, bend) { try await $0.pay($1, $2) }
  }

  private static func atLedger(
    _ name: String, _ steps: String, _ status: Int = 403,
    bend: @escaping @Sendable (inout Request) -> Void
  ) -> Attack {
    attack(name, "as payments: \(steps)", status, bend) { try await $0.hold($1, $2) }
  }

  private static func attack(
    _ name: String, _ steps: String, _ status: Int,
    _ bend: @escaping @Sendable (inout Request) -> Void,
    _ send:
      @escaping @Sendable (Place, Request, CorrelationID) async throws -> DrillRange.Answer
  ) -> Attack {
    Attack(
      name, steps: steps,
      expectation: "\(status), nothing moves, and recorded; the same unbent is accepted"
    ) { range in
      let place = try await Place(range)
      let control = try await send(place, place.sound, range.newCorrelation())
      guard control.status == 201 else {
        return .notTried("the sound request is answered with \(control.text)")
      }
      let token = try await range.tokens(of: 0).accessToken
      let before = try await range.balance(of: 0, token: token)
      var request = place.sound
      bend(&request)
      let correlation = range.newCorrelation()
      let answer = try await send(place, request, correlation)
      let after = try await range.balance(of: 0, token: token)
      return .when(
        answer.status == status && before == after, answer.text, recordedAs: correlation)
    }
  }

  private static let replayed = Attack(
    "replayed", steps: "as payments: hold money twice with one token",
    expectation: "the first is held, the second refused and recorded"
  ) { range in
    let place = try await Place(range)
    let correlation = range.newCorrelation()
    guard let statement = place.sound.token else { return .notTried("there is no token") }
    let token = try place.signed(statement, correlation)
    let first = try await place.hold(place.sound, token: token, correlation)
    guard first.status == 201 else {
      return .notTried("the first hold is answered with \(first.text)")
    }
    let second = try await place.hold(place.sound, token: token, correlation)
    return .when(
      (400..<500).contains(second.status), "\(first.text), then \(second.text)",
      recordedAs: correlation)
  }
}
