import Chassis
import Foundation
import LedgerAPI
import Payments
import PaymentsAPI
import Storage
import Telemetry
import TestKit
import Testing
import Transport
import Vocabulary

@Suite(.serialized, .onEachStore) struct `A payment whose outcome is not known` {
  /// The ledger is away when the payment comes.
  private func stranded(_ house: PaymentsHouse) async throws -> Payment {
    await house.stopLedger()
    let answer = try await house.pay(700, key: "k")
    #expect(answer.status == 202)
    let payment = try answer.decoded(Payment.self)
    #expect(payment.state == .received)
    return payment
  }

  @Test func `is told as it stands, and made when it is sent again`() async throws {
    let house = try await PaymentsHouse()
    let payment = try await stranded(house)
    try await house.startLedger()
    var answer = try await house.pay(700, key: "k")
    for _ in 0..<20 where answer.status == 202 {
      // The circuit to the ledger is still open for a moment.
      try await Task.sleep(for: .milliseconds(250))
      answer = try await house.pay(700, key: "k")
    }
    #expect(answer.status == 201)
    #expect(try answer.decoded(Payment.self).id == payment.id)
    #expect(answer.headers["idempotent-replayed"] == nil)
    #expect(try await house.balance() == [9_300, 9_300])
    await house.close()
  }

  @Test func `has not happened once its permission is over, until it is sent again`() async throws {
    let house = try await PaymentsHouse()
    let payment = try await stranded(house)
    try await house.startLedger()
    #expect(try await house.read(Payment.self, "/v1/payments/\(payment.id)").state == .received)
    house.wait(.seconds(60))
    let over = try await house.settled(payment.id)
    #expect(over.state == .nothingHappened && over.reason == "authorization-expired")
    #expect(try await house.balance() == [10_000, 10_000])
    let activity = try await house.read(Activity.self, "/v1/activity")
    #expect(activity.entries.map(\.event) == [.received, .nothingHasHappened])

    let answer = try await house.pay(700, key: "k")
    #expect(answer.status == 201)
    #expect(try answer.decoded(Payment.self).id == payment.id)
    #expect(try await house.balance() == [9_300, 9_300])
    let after = try await house.read(Activity.self, "/v1/activity?since=\(activity.next)")
    #expect(after.entries.map(\.event) == [.received, .posted])
    await house.close()
  }

  @Test func `is brought to its end after a crash at any step`() async throws {
    let house = try await PaymentsHouse()
    // What a crash leaves behind: the intent in our store, and as much at the ledger as it had done
    // by then.
    for (step, done) in [("hold", 1), ("posting", 2)] {
      let record = try await leftBehind(house, key: step, steps: done)
      await house.stopPayments()
      try await house.startPayments()
      house.wait(.seconds(3))
      let payment = try await house.settled(record.id)
      #expect(payment.state == .posted, "crash after \(step): \(payment.state)")
    }
    #expect(try await house.balance() == [9_980, 9_980])
    await house.close()
  }

  @Test func `has not happened when its hold has gone back`() async throws {
    let house = try await PaymentsHouse()
    let record = try await leftBehind(house, key: "late", steps: 1, seconds: 1)
    house.wait(.seconds(5))
    let payment = try await house.settled(record.id)
    #expect(payment.state == .nothingHappened && payment.reason == "hold-expired")
    #expect(try await house.balance() == [10_000, 10_000])
    await house.close()
  }

  @Test
  func `has not happened where an account was frozen after its hold, or happens once it is thawed`()
    async throws
  {
    let house = try await PaymentsHouse()
    let kept = try await leftBehind(house, key: "kept", steps: 1, seconds: 900)
    let lost = try await leftBehind(house, key: "lost", steps: 1, seconds: 60)
    await house.stopPayments()
    try await house.change(PaymentsHouse.bobsAccount, .freeze)
    try await house.startPayments()
    house.wait(.seconds(70))
    #expect(try await house.settled(lost.id).state == .nothingHappened)
    // The other one's money is still on hold, and waits.
    #expect(try await house.balance() == [10_000, 9_990])
    try await house.change(PaymentsHouse.bobsAccount, .thaw)
    #expect(try await house.settled(kept.id).state == .posted)
    #expect(try await house.balance() == [9_990, 9_990])
    await house.close()
  }

  @Test func `is not called refused by a policy while a hold of before stands`() async throws {
    let house = try await PaymentsHouse()
    // The answer to the first request was lost: the hold is there, and we do not know it. Nobody else works on it.
    let record = try await leftBehind(house, key: "lost", steps: 1, ahead: .seconds(120))
    let frozen = try TestPolicies.shipped.get().freezing("\(PaymentsHouse.bobsAccount)")
    try TestPolicies.put(try TestPolicies.release(frozen, version: 2), into: house.place.home)
    for _ in 0..<40 where try await house.pay(1, key: "probe-\(UUID())").status == 201 {
      try await Task.sleep(for: .milliseconds(100))
    }
    let store = try house.store()
    let runner = PaymentRunner(
      store: store, ledger: try house.ledgerClient(), clock: house.clock,
      log: Log(service: "payments", sink: LogSink { _ in }, clock: house.clock))
    let begun = try await store.begin(record)
    #expect(begun.action == .createHold)
    let after = try await runner.carryOut(begun, context: try house.paymentContext(record)).record
    #expect(after.machine.state.shown != .refused, "\(after.machine.state)")
    #expect(try await house.settled(record.id).state == .posted)
    await house.close()
  }

  @Test(arguments: [
    (ProblemKind.malformed, PaymentRunner.Word.no), (.absent, .no), (.refused, .no), (.barred, .no),
    (.over, .no), (.policy, .noFromNowOn), (.permission, .silence), (.differs, .silence),
    (.busy, .silence), (.unavailable, .silence), (.unknown, .silence), (.defect, .silence),
  ])
  func `hears no from the ledger where its kind of problem says that there is no hold`(
    kind: ProblemKind, word: PaymentRunner.Word
  ) { #expect(PaymentRunner.word(on: kind) == word) }

  /// Writes an intent down as the service does, and carries out the first steps at the ledger only.
  /// - Parameter ahead: how long the reconciler leaves it alone besides.
  private func leftBehind(
    _ house: PaymentsHouse, key: String, steps: Int, seconds: Int64 = 600,
    ahead: Duration = .zero
  ) async throws -> PaymentRecord {
    let now = house.clock.now()
    let order = try PaymentOrder(
      parsing: Array(
        """
        {"amount":{"minor_units":10,"currency":"EUR"},"debtor":"\(PaymentsHouse.adasAccount)",\
        "creditor":"\(PaymentsHouse.bobsAccount)"}
        """.utf8))
    let record = PaymentRecord(
      id: PaymentID(at: now, random: Randomness.system.bits128()), subject: PaymentsHouse.ada,
      client: "app", order: order, correlation: PaymentsHouse.correlation(),
      authorizedUntil: now + .seconds(30), createdAt: now,
      updatedAt: now + ahead)
    _ = try await house.store().begin(record)
    let ledger = try house.ledgerClient()
    let context = try house.paymentContext(record)
    _ = try await ledger.call(
      LedgerOperations.createHold,
      NewHold(
        id: record.holdID, debtor: order.debtor, creditor: order.creditor, amount: order.amount,
        paymentID: record.id, correlationID: record.correlation, timeoutSeconds: seconds,
        code: 100), context: context)
    if steps > 1 {
      _ = try await ledger.call(
        LedgerOperations.postHold, HoldPosting(id: record.postingID),
        path: ["id": "\(record.holdID)"], context: context)
    }
    return record
  }
}
