import Chassis
import Foundation
import Payments
import PaymentsAPI
import PolicyBundles
import PolicyEngine
import Sealing
import Storage
import StrictJSON
import TestKit
import Testing
import Transport
import Vocabulary

// What the store must not show, and what a payer must not learn of others.

@Suite(.serialized, .onEachStore) struct `A payment's reference` {
  /// Every file of the home, the write-ahead logs too.
  private func files(of house: PaymentsHouse, with word: String) throws -> [String] {
    let needles = [
      Data(word.utf8), Data(word.utf8.map { "\(String($0, radix: 16))" }.joined().utf8),
    ]
    let found = FileManager.default.enumerator(atPath: house.place.home.path)
    var names: [String] = []
    while let name = found?.nextObject() as? String {
      let path = "\(house.place.home.path)/\(name)"
      guard let bytes = FileManager.default.contents(atPath: path) else { continue }
      if needles.contains(where: { bytes.range(of: $0) != nil }) { names.append(name) }
    }
    return names
  }

  @Test func `stands in no file of the platform, and its payer reads it`() async throws {
    let house = try await PaymentsHouse()
    let wish = PaymentsHouse.Wish(units: 5, key: "sealed", reference: "Zebedee Quillfeather")
    let payment = try await house.pay(wish).decoded(Payment.self)
    let again = try await house.pay(wish)
    #expect(again.headers["idempotent-replayed"] == "true")
    #expect(try again.decoded(Payment.self).reference == "Zebedee Quillfeather")
    let read = try await house.read(Payment.self, "/v1/payments/\(payment.id)")
    #expect(read.reference == "Zebedee Quillfeather")
    #expect(try files(of: house, with: "Quillfeather").isEmpty)
    await house.stopPayments()
    #expect(try files(of: house, with: "Quillfeather").isEmpty)
    await house.close()
  }

  @Test func `of an older build is sealed behind the start, kept answers too`() async throws {
    // Older builds knew files only.
    guard StoreKind.current == .sqlite else { return }
    let house = try await PaymentsHouse()
    let wish = PaymentsHouse.Wish(units: 5, key: "old", reference: "Ottoline Marchbanks")
    let payment = try await house.pay(wish).decoded(Payment.self)
    // As the older build kept them.
    let body = try StrictJSON.encode(payment)
    try await house.payments().context.store.write { transaction in
      try transaction.execute(
        "UPDATE payments SET reference = ?, sealed_reference = NULL", [.text("Ottoline Marchbanks")]
      )
      try transaction.execute("UPDATE idempotency SET body = ?", [.blob(body)])
    }
    #expect(try !files(of: house, with: "Marchbanks").isEmpty)
    #expect(try await house.pay(wish).decoded(Payment.self) == payment)
    await house.stopPayments()
    try await house.startPayments()
    var left = 1
    for _ in 0..<100 where left > 0 {
      try await Task.sleep(for: .milliseconds(50))
      left = try await house.payments().context.store.read {
        try $0.rows("SELECT id FROM payments WHERE reference IS NOT NULL").count
          + $0.rows("SELECT key FROM idempotency WHERE substr(body, 1, 1) = ?", [.text("{")]).count
          + $0.rows("SELECT key FROM idempotency WHERE substr(body, 1, 1) = ?", [.blob([0x7b])])
          .count
      }
    }
    #expect(left == 0)
    #expect(try await house.pay(wish).decoded(Payment.self) == payment)
    #expect(try await house.read(Payment.self, "/v1/payments/\(payment.id)") == payment)
    await house.stopPayments()
    #expect(try files(of: house, with: "Marchbanks").isEmpty)
    await house.close()
  }

  @Test func `goes over to a newer key, and no row is left under the old one`() async throws {
    let house = try await PaymentsHouse()
    let payment = try await house.pay(.init(units: 5, key: "k", reference: "Jane")).decoded(
      Payment.self)
    let keys: [UInt32: [UInt8]] = [
      1: [UInt8](repeating: 5, count: 32), 2: [UInt8](repeating: 6, count: 32),
    ]
    let seals = PaymentSeals(SealingKeys(try Keyring(keys: keys, current: 2)))
    let store = PaymentStore(
      store: try house.payments().context.store, clock: house.clock, randomness: .system,
      seals: seals)
    #expect(try await store.resealBatch(limit: 10) == 1)
    #expect(try await store.resealBatch(limit: 10) == 0)
    let record = try await store.payment(payment.id, of: PaymentsHouse.ada)
    #expect(record?.order.reference?.reveal(for: .subjectAccess) == "Jane")
    await house.close()
  }
}

@Suite(.serialized, .onEachStore) struct `What a payer learns of others` {
  /// Of an answer, all but what names this one request.
  private struct Told: Hashable {
    let status: Int
    let slug: String?
    let fields: [String]
    let state: PaymentState?
    let reason: String?
    let events: [String]
  }

  private func told(
    _ house: PaymentsHouse, _ key: String, from debtor: AccountID = PaymentsHouse.adasAccount,
    to creditor: AccountID
  ) async throws -> Told {
    let before = try await house.read(Activity.self, "/v1/activity?limit=200").entries.count
    let answer = try await house.pay(.init(units: 1, key: key, debtor: debtor, creditor: creditor))
    let id = try #require(answer.json?["payment"]?.string)
    let payment = try await house.read(Payment.self, "/v1/payments/\(id)")
    let lines = try await house.read(Activity.self, "/v1/activity?limit=200").entries
    return Told(
      status: answer.status, slug: answer.slug,
      fields: answer.json?.object?.map(\.key).sorted() ?? [], state: payment.state,
      reason: payment.reason,
      events: lines.dropFirst(before).map { "\($0.event) \($0.reason ?? "-")" })
  }

  @Test func `is the same for an account that is frozen, of another currency, or not there`()
    async throws
  {
    let house = try await PaymentsHouse()
    let nobody = AccountID(bits: 0xff)
    var answers: [Told] = [
      try await told(house, "nobody", to: nobody),
      try await told(house, "currency", to: PaymentsHouse.yen),
      try await told(house, "debtor", from: PaymentsHouse.bobsAccount, to: PaymentsHouse.yen),
      try await told(house, "no-debtor", from: nobody, to: PaymentsHouse.bobsAccount),
    ]
    let shipped = try TestPolicies.shipped.get()
    let frozen = try shipped.freezing("\(PaymentsHouse.bobsAccount)")
    try TestPolicies.put(try TestPolicies.release(frozen, version: 2), into: house.place.home)
    // Every service looks twice a second.
    for _ in 0..<40 where try await house.pay(1, key: "probe-\(UUID())").status == 201 {
      try await Task.sleep(for: .milliseconds(100))
    }
    answers.append(try await told(house, "frozen", to: PaymentsHouse.bobsAccount))
    answers.append(
      try await told(
        house, "frozen-debtor", from: PaymentsHouse.bobsAccount, to: PaymentsHouse.adasAccount))
    #expect(Set(answers).count == 1, "\(answers)")
    #expect(answers[0].status == 409 && answers[0].slug == "payment-not-possible")
    await house.close()
  }

  @Test func `is not how many payments and transfers they make`() async throws {
    let house = try await PaymentsHouse()
    for number in 0..<3 { _ = try await house.pay(100, key: "a\(number)") }
    for number in 0..<4 {
      _ = try await house.pay(
        .init(
          units: 1, key: "b\(number)", person: PaymentsHouse.bob,
          debtor: PaymentsHouse.bobsAccount, creditor: PaymentsHouse.adasAccount))
    }
    _ = try await house.pay(1, key: "last")
    let lines = try await house.read(Activity.self, "/v1/activity?limit=200")
    #expect(lines.entries.map(\.sequence) == Array(1...8))
    #expect(lines.next == 8)
    let beyond = try await house.get("/v1/activity?since=13")
    #expect(beyond.status == 409 && beyond.slug == "no-such-line")

    // A statement goes on where it was left, without a number of the bank's.
    let target = "/v1/accounts/\(PaymentsHouse.adasAccount)/transfers?limit=4"
    var seen: [TransferID] = []
    var next: String? = ""
    while let here = next {
      let page = try await house.read(
        Statement.self, here.isEmpty ? target : "\(target)&after=\(here)", scope: "accounts:read")
      seen += page.lines.map(\.id)
      next = page.next
      #expect(next == nil || Int64(next ?? "") == nil)
    }
    // The opening, and one for each payment.
    #expect(seen.count == 9 && Set(seen).count == 9)
    let first = try await house.read(Statement.self, target, scope: "accounts:read").next
    let foreign = try await house.get(
      "/v1/accounts/\(PaymentsHouse.bobsAccount)/transfers?after=\(first ?? "")",
      by: PaymentsHouse.bob, scope: "accounts:read")
    #expect(foreign.status == 404 && foreign.slug == "no-such-page")
    let old = try await house.get("\(target)&after=7", scope: "accounts:read")
    #expect(old.status == 404)
    await house.close()
  }
}

extension PolicyDraft {
  func freezing(_ account: String) throws -> PolicyDraft {
    guard case .object(var data) = data, case .object(var access)? = data["access"] else {
      throw Problem.defect
    }
    access[.string("frozen")] = .object(
      ObjectValue([(.string(account), .string("court order"))]))
    data[.string("access")] = .object(access)
    return PolicyDraft(modules: modules, data: .object(data))
  }
}
