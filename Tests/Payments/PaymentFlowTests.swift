import AuditAPI
import Chassis
import Payments
import PaymentsAPI
import Storage
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.serialized, .onEachStore) struct `A payment` {
  @Test func `moves money once, and says so everywhere`() async throws {
    let house = try await PaymentsHouse()
    let answer = try await house.pay(.init(units: 1_250, key: "first", reference: "for Jane Doe"))
    #expect(answer.status == 201)
    let payment = try answer.decoded(Payment.self)
    #expect(payment.state == .posted && payment.reference == "for Jane Doe")
    #expect(answer.headers["location"] == "/v1/payments/\(payment.id)")
    #expect(try await house.balance() == [8_750, 8_750])

    let again = try await house.pay(.init(units: 1_250, key: "first", reference: "for Jane Doe"))
    #expect(again.status == 201 && again.headers["idempotent-replayed"] == "true")
    #expect(try again.decoded(Payment.self) == payment)
    #expect(try await house.balance() == [8_750, 8_750])

    let other = try await house.pay(.init(units: 1_251, key: "first", reference: "for Jane Doe"))
    #expect(other.status == 409 && other.slug == "idempotency-key-reused")
    #expect(other.json?["first"]?.string == "\(payment.id)")

    #expect(try await house.read(Payment.self, "/v1/payments/\(payment.id)") == payment)
    let activity = try await house.read(Activity.self, "/v1/activity")
    #expect(activity.entries.map(\.event) == [.received, .posted])
    let later = try await house.read(Activity.self, "/v1/activity?since=\(activity.next)")
    #expect(later.entries.isEmpty && later.next == activity.next)

    let records = try await money(house)
    #expect(records.map(\.outcome) == ["received", "posted"])
    #expect(records.allSatisfy { $0.flaw == nil && $0.correlation == payment.correlationID })
    let told = String(decoding: try StrictJSON.encode(records), as: UTF8.self)
    #expect(!told.contains("Jane"))
    await house.close()
  }

  /// The money records that wait in the outbox of payments; nobody takes them here.
  private func money(_ house: PaymentsHouse) async throws -> [AuditRecord] {
    try await house.outbox().batch(of: AuditOperations.topic).messages.map {
      try StrictJSON.decode(AuditRecord.self, from: $0.body)
    }.filter { $0.kind == .money }
  }

  @Test func `is made by a client that acts for itself, from an account of its own`() async throws {
    let house = try await PaymentsHouse()
    let machine = try #require(PersonID("\(PaymentsHouse.machine)"))
    let filling = try await house.pay(
      .init(units: 10, key: "fill", creditor: PaymentsHouse.machinesAccount))
    #expect(filling.status == 201)
    func pay(_ units: Int64, _ key: String) async throws -> Int {
      try await house.pay(
        .init(
          units: units, key: key, person: machine, debtor: PaymentsHouse.machinesAccount,
          client: "\(machine)")
      ).status
    }
    #expect(try await pay(4, "m1") == 201)
    #expect(try await pay(7, "m2") == 409)
    await house.close()
  }

  @Test func `is not made by a client whose id reads like a person's`() async throws {
    let house = try await PaymentsHouse()
    let answer = try await house.pay(
      .init(units: 1, key: "machine", client: "\(PaymentsHouse.ada)"))
    // It may pay, but only from accounts of its own, and the person's is none.
    #expect(answer.status == 409)
    #expect(try await house.balance() == [10_000, 10_000])
    await house.close()
  }

  @Test func `is refused by the ledger's books, for ever and without a trace of money`()
    async throws
  {
    let house = try await PaymentsHouse()
    let stranger = AccountID(bits: 0xff)
    let table: [(String, Int64, AccountID, AccountID, String)] = [
      ("much", 10_001, PaymentsHouse.adasAccount, PaymentsHouse.bobsAccount, "exceeds-credits"),
      ("to", 1, PaymentsHouse.adasAccount, stranger, "payment-not-possible"),
      (
        "not hers", 1, PaymentsHouse.bobsAccount, PaymentsHouse.adasAccount, "payment-not-possible"
      ),
      ("nobody's", 1, stranger, PaymentsHouse.bobsAccount, "payment-not-possible"),
      // Also where the other end would be told first.
      ("not hers, to nobody", 1, PaymentsHouse.bobsAccount, stranger, "payment-not-possible"),
      ("yen", 1, PaymentsHouse.adasAccount, PaymentsHouse.yen, "payment-not-possible"),
    ]
    for (key, units, debtor, creditor, slug) in table {
      for isReplay in [false, true] {
        let key = key.replacing(" ", with: "-").replacing(",", with: "")
        let answer = try await house.pay(
          .init(units: units, key: key, debtor: debtor, creditor: creditor))
        #expect(answer.status == 409 && answer.slug == slug, "\(key): \(answer.slug ?? "")")
        #expect((answer.headers["idempotent-replayed"] == "true") == isReplay)
      }
    }
    #expect(try await house.balance() == [10_000, 10_000])
    let activity = try await house.read(Activity.self, "/v1/activity?limit=2")
    #expect(activity.entries.map(\.event) == [.received, .refused])
    #expect(activity.entries.last?.reason == "exceeds-credits")
    await house.close()
  }

  @Test func `is the same for fifty who press the button together`() async throws {
    let house = try await PaymentsHouse()
    let ids = try await withThrowingTaskGroup(of: (Int, PaymentID?).self) { group in
      for _ in 0..<50 {
        group.addTask {
          let answer = try await house.pay(100, key: "button")
          return (answer.status, try? answer.decoded(Payment.self).id)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(ids.allSatisfy { $0.0 == 201 })
    #expect(Set(ids.map(\.1)).count == 1)
    #expect(try await house.balance() == [9_900, 9_900])
    #expect(try await house.read(PaymentPage.self, "/v1/payments").payments.count == 1)
    await house.close()
  }

  @Test func `needs a key, and an order that can be right`() async throws {
    let house = try await PaymentsHouse()
    let keyless = try await house.post(Array("{}".utf8), key: nil)
    #expect(keyless.status == 400 && keyless.slug == "idempotency-key-required")
    let zero = try await house.pay(0, key: "zero")
    #expect(zero.status == 400 && zero.slug == "amount-zero")
    let same = try await house.pay(
      .init(units: 1, key: "same", creditor: PaymentsHouse.adasAccount))
    #expect(same.status == 400 && same.slug == "same-account-twice")
    #expect(try await house.read(Activity.self, "/v1/activity").entries.isEmpty)
    await house.close()
  }

  @Test func `is seen by its owner only, page by page, newest first`() async throws {
    let house = try await PaymentsHouse()
    var made: [PaymentID] = []
    for number in 1...5 {
      made.append(try await house.pay(1, key: "k\(number)").decoded(Payment.self).id)
    }
    var seen: [PaymentID] = []
    var target: String? = "/v1/payments?limit=2"
    while let here = target {
      let page = try await house.read(PaymentPage.self, here)
      seen += page.payments.map(\.id)
      target = page.next.map { "/v1/payments?limit=2&after=\($0)" }
    }
    #expect(seen == made.reversed())
    #expect(
      try await house.get("/v1/payments", by: PaymentsHouse.bob).decoded(PaymentPage.self).payments
        .isEmpty
    )
    let foreign = try await house.get("/v1/payments/\(made[0])", by: PaymentsHouse.bob)
    #expect(foreign.status == 404 && foreign.slug == "not-found")
    for target in ["?limit=0", "?limit=201", "?after=x", "?after=1.2"] {
      let answer = try await house.get("/v1/payments" + target)
      #expect(answer.status == 400, "\(target)")
    }
    // The same key of another person is another payment.
    _ = try await house.pay(
      .init(
        units: 1, key: "back", person: PaymentsHouse.bob, debtor: PaymentsHouse.bobsAccount,
        creditor: PaymentsHouse.adasAccount))
    let bobs = try await house.pay(
      .init(
        units: 1, key: "k1", person: PaymentsHouse.bob, debtor: PaymentsHouse.bobsAccount,
        creditor: PaymentsHouse.adasAccount))
    #expect(bobs.status == 201)
    await house.close()
  }

  @Test func `shows on its owner's accounts, balance and statement`() async throws {
    let house = try await PaymentsHouse()
    let payment = try await house.pay(300, key: "one").decoded(Payment.self)
    let accounts = try await house.read(
      OwnAccounts.self, "/v1/accounts", scope: "accounts:read")
    #expect(accounts.accounts.map(\.id) == [PaymentsHouse.adasAccount])
    let statement = try await house.read(
      Statement.self, "/v1/accounts/\(PaymentsHouse.adasAccount)/transfers",
      scope: "accounts:read")
    // One line for each movement of money: the hold on its way was none.
    #expect(statement.lines.map(\.kind) == [.booked, .booked])
    #expect(statement.lines.map(\.amount.minorUnits) == [-300, 10_000])
    #expect(statement.lines.map { $0.balance?.minorUnits } == [9_700, 10_000])
    #expect(statement.lines[0].payment == payment.id)
    let foreign = try await house.get(
      "/v1/accounts/\(PaymentsHouse.bobsAccount)/balance", scope: "accounts:balance:read")
    #expect(foreign.status == 404)
    let narrow = try await house.get(
      "/v1/accounts/\(PaymentsHouse.adasAccount)/balance", scope: "accounts:read")
    #expect(narrow.status == 403)
    await house.close()
  }
}
