import ArgumentParser
import AuditAPI
import Chassis
import Commands
import Demo
import Foundation
import Launcher
import LedgerAPI
import Load
import NIOCore
import OperatorCommands
import PaymentsAPI
import StrictJSON
import Synchronization
import Transport
import Vocabulary

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: CommandAbstract.demo,
    discussion: """
      Makes a small bank from a seed, signs its people in through the login page, sends their standing \
      orders through the gateway, compares every balance with what the seed says, presses "send" once \
      more, and prints one payment's story. Doing it again pays nothing twice.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: "People in the bank, 2–1000.")
  var residents = DemoSeeding.defaultResidents

  @Option(help: "Seed of the bank.")
  var seed = DemoSeeding.defaultSeed

  @Option(
    help: ArgumentHelp(
      "Standing orders of your own, a line each: payer;payee;minor_units;reference (people by number from 0).",
      valueName: "file"))
  var orders: String?

  func validate() throws {
    guard (2...SeededBank.residentsMax).contains(residents) else {
      throw ValidationError("--residents must be 2–\(SeededBank.residentsMax)")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters, line) = try place.running()
      let bind = PlatformSettings.read(home)?.gatewayBind ?? ""
      guard DemoChoice.Facts.isLoopback(bind) else {
        throw OperatorFailure(DemoChoice.refusal, .usage)
      }
      let desk = OperatorDesk(line: line, randomness: .system)
      let bank = try await DemoBank.open(
        home: home, desk: desk, seed: seed, residents: residents, orders: ownOrders(), tell: tell)
      let report = await bank.payStandingOrders(tell: tell)
      guard report.others.isEmpty, let payment = report.payments.last else {
        throw OperatorFailure("payments were not answered with 201: \(report.others)", .failed)
      }
      try await compare(bank, desk)
      try await bank.pressSendAgain(payment, tell: tell)
      // The checkpoint that covers the last record is due within a fifth of a second.
      try await Task.sleep(for: .seconds(1))
      let story = try await PaymentStory.gather(
        payment.correlationID, desk: desk, verifierKey: AuditLogFolder.verifierKey(of: home))
      show(bank, report, payment, story, TracePath(story.records.map(\.record), in: charters))
    }
  }

  private func ownOrders() throws -> [SeededBank.StandingOrder]? {
    guard let orders else { return nil }
    guard let bytes = try WholeFile.read(orders) else {
      throw OperatorFailure("there is no file \(orders)", .noInput)
    }
    do {
      return try SeededBank.orders(String(decoding: bytes, as: UTF8.self), residents: residents)
    } catch {
      throw OperatorFailure("\(orders): \(error)", .badInput)
    }
  }

  private func tell(_ text: String) { if !place.json { print(text) } }

  private func compare(_ bank: DemoBank, _ desk: OperatorDesk) async throws {
    let accounts = try await desk.call(
      LedgerOperations.lookupAccounts, AccountIDs(ids: bank.bank.residents.map(\.account)))
    let expected = bank.bank.closingMinorUnits
    let wrong = zip(bank.bank.residents, expected).filter { resident, minorUnits in
      accounts.accounts.first { $0.id == resident.account }?.balance != minorUnits
    }
    guard wrong.isEmpty, accounts.accounts.count == expected.count else {
      throw OperatorFailure("\(wrong.count) balances differ from what the seed says", .failed)
    }
    let trial = try await desk.call(LedgerOperations.getTrialBalance, Nothing())
    guard trial.balanced else { throw OperatorFailure("the books do not balance", .failed) }
    tell(
      "✓ all \(expected.count) balances are what the seed says; debits equal credits in every currency"
    )
  }

  private func show(
    _ bank: DemoBank, _ report: PaymentLoad.Report, _ payment: Payment, _ story: PaymentStory,
    _ path: TracePath
  ) {
    if place.json {
      printLine(
        .object([
          "payments": .integer(Int64(report.posted)),
          "payment": .string("\(payment.id)"), "correlation": .string("\(payment.correlationID)"),
          "records": .integer(Int64(story.records.count)),
          "receipt_verified": .bool(story.receipt != nil), "login": .string(bank.login.login),
          "password": .string(bank.login.password),
        ]))
      return
    }
    print("\nThe story of payment \(payment.id) (\(payment.amount)):\n")
    print(StoryLayout.lines(story, path, .output).joined(separator: "\n"))
    print(
      """

      Sign in yourself:  \(bank.login.login)  \(bank.login.password)
      Ask again:         \(place.printed.text("trace", "\(payment.correlationID)"))
      The raw lines:     \(place.printed.text("logs", "--correlation", "\(payment.correlationID)"))
      """)
  }
}

/// The seeded bank in a running platform, with its people signed in.
struct DemoBank {
  let bank: SeededBank
  let login: DemoLogin
  let lanes: [PaymentLoad.Lane]

  /// Sign-ins at the same time.
  static let signInsMax = 8

  static func open(
    home: Home, desk: OperatorDesk, seed: UInt64, residents: Int,
    orders: [SeededBank.StandingOrder]?, keepsLogin: Bool = true, tell: (String) -> Void
  ) async throws -> DemoBank {
    let seeding = DemoSeeding(desk: desk, home: home, randomness: .system)
    let (bank, login) = try await seeding.seed(
      seed, residents: residents, orders: orders, keepsLogin: keepsLogin)
    tell(
      "✓ a bank of \(bank.residents.count) people from seed \(seed): details, logins, accounts, deposits"
    )
    guard let platform = PlatformSettings.read(home) else { throw LaunchFailure.notRunning }
    let ordersOf = Dictionary(grouping: bank.orders.indices, by: { bank.orders[$0].payer })
    let payers = bank.residents.indices.filter { ordersOf[$0] != nil }
    let lanes = try await withThrowingTaskGroup(of: PaymentLoad.Lane.self) { group in
      var waiting = payers[...]
      func begin() {
        guard let number = waiting.popFirst() else { return }
        group.addTask {
          try await lane(bank, number, ordersOf[number] ?? [], login, platform, home)
        }
      }
      for _ in 0..<signInsMax { begin() }
      var lanes: [PaymentLoad.Lane] = []
      for try await lane in group {
        lanes.append(lane)
        begin()
      }
      return lanes
    }
    tell("✓ \(lanes.count) people signed in: login page, consent, authorization code with PKCE")
    return DemoBank(bank: bank, login: login, lanes: lanes)
  }

  private static func lane(
    _ bank: SeededBank, _ number: Int, _ orders: [Int], _ login: DemoLogin, _ platform: Platform,
    _ home: Home
  ) async throws -> PaymentLoad.Lane {
    let client = try OutsideClient(to: platform, in: home)
    let tokens = try await BrowserLogin(
      browser: client, clientID: bank.clientID, redirectURI: DemoSeeding.redirectURI,
      randomness: .system
    ).signIn(
      login: bank.residents[number].login, password: login.password, scopes: DemoSeeding.scopes)
    return PaymentLoad.Lane(
      client: client, accessToken: tokens.accessToken,
      orders: orders.compactMap { order(bank, $0) })
  }

  /// One standing order as a payment; its key follows from the seed, so a second run is a repetition, not a second payment.
  private static func order(_ bank: SeededBank, _ index: Int) -> PaymentLoad.Order? {
    let order = bank.orders[index]
    guard let amount = try? Money(minorUnits: order.minorUnits, currency: bank.currency) else {
      return nil
    }
    return PaymentLoad.Order(
      payment: NewPayment(
        amount: amount, debtor: bank.residents[order.payer].account,
        creditor: bank.residents[order.payee].account, reference: order.reference),
      key: "standing-order-\(index)")
  }

  func payStandingOrders(tell: (String) -> Void) async -> PaymentLoad.Report {
    let report = await PaymentLoad(clock: .system).run(lanes)
    let p50 = report.quantile(permille: 500).map {
      StoryLayout.fixed(Double($0.nanoseconds) / 1e6, 1)
    }
    tell(
      "✓ \(report.posted) standing orders paid through the gateway, "
        + "\(StoryLayout.fixed(report.perSecond, 0)) a second, half within \(p50 ?? "?") ms"
        + (report.repeated > 0 ? "; \(report.repeated) sent again with their key" : ""))
    return report
  }

  /// The same key again is the same payment; the same key with another amount is refused.
  func pressSendAgain(_ payment: Payment, tell: (String) -> Void) async throws {
    guard
      let lane = lanes.first(where: { $0.orders.contains { $0.payment.debtor == payment.debtor } }),
      let order = lane.orders.first(where: { order in
        order.payment.debtor == payment.debtor && order.payment.creditor == payment.creditor
          && order.payment.amount == payment.amount
      })
    else { throw OperatorFailure("the payment is not one of the standing orders", .software) }
    let again = try await Self.send(order.payment, key: order.key, lane)
    guard again.status == 201, again.headers[Header.idempotentReplayed] == "true" else {
      throw OperatorFailure("sending again answered \(again.status)", .failed)
    }
    let other = NewPayment(
      amount: try order.payment.amount.adding(Money(minorUnits: 1, currency: bank.currency)),
      debtor: order.payment.debtor, creditor: order.payment.creditor,
      reference: order.payment.reference)
    let conflict = try await Self.send(other, key: order.key, lane)
    guard conflict.status == 409 else {
      throw OperatorFailure(
        "another amount under the same key answered \(conflict.status)", .failed)
    }
    tell("✓ \"send\" pressed again: same answer, no second payment; same key, other amount: 409")
  }

  private static func send(
    _ payment: NewPayment, key: String, _ lane: PaymentLoad.Lane
  ) async throws -> WireResponse {
    try await lane.client.send(
      WireRequest(
        method: "POST", target: PaymentsOperations.createPayment.path,
        headers: [
          "authorization": "Bearer \(lane.accessToken)", "content-type": "application/json",
          Header.idempotencyKey: key,
        ], body: ByteBuffer(bytes: StrictJSON.encode(payment))))
  }
}
