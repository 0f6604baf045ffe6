import Chassis
import Crypto
import Foundation
import Payments
import PaymentsAPI
import Sealing
import Storage
import TestKit
import Testing
import Vocabulary

@Suite struct `A payments store of an older build` {
  private static let ada = PersonID("018f3f6e-0000-7000-8000-00000000a11c")!
  private static let bob = PersonID("018f3f6e-0000-7000-8000-000000000b0b")!

  /// As the second schema had it: every row and line says the person and the payment in full.
  private static func pay(_ number: Int, by person: PersonID, in transaction: Transaction) throws {
    let id = "018f3f6e-0000-7000-8000-0000000000\(10 + number)"
    try transaction.execute(
      """
      INSERT INTO payments (id, subject, client, debtor, creditor, amount, currency, reference,
        correlation, state, reason, authorized_until, created_at, updated_at)
      VALUES (?, ?, 'app', ?, ?, ?, 'EUR', ?, ?, 'posted', NULL, 0, ?, ?)
      """,
      [
        .text(id), .id(person), .text("018f3f6e-0000-7000-8000-0000000000d1"),
        .text("018f3f6e-0000-7000-8000-0000000000c1"), .count(number), .text("rent \(number)"),
        .text("0000000000000000000000000000feed"), .count(number), .count(number),
      ])
    for event in ["received", "held", "posted"] {
      try transaction.execute(
        """
        INSERT INTO activity (subject, payment, event, reason, at, number)
        VALUES (?, ?, ?, NULL, ?,
          (SELECT coalesce(max(number), 0) + 1 FROM activity WHERE subject = ?))
        """, [.id(person), .text(id), .text(event), .count(number), .id(person)])
    }
  }

  @Test func `says the same in fewer bytes: each person's payments, lines and their numbers`()
    async throws
  {
    let folder = FileManager.default.temporaryDirectory.appending(path: "older-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "payments.sqlite").path
    do {
      let old = try Store.open(
        path: path, migrations: Array(PaymentsService.migrations.prefix(2)), clock: .system)
      try await old.write { transaction in
        for number in 1...4 {
          try Self.pay(number, by: number == 3 ? Self.bob : Self.ada, in: transaction)
        }
      }
    }

    let store = try Store.open(path: path, migrations: PaymentsService.migrations, clock: .system)
    let keys = SealingKeys(try Keyring(keys: [1: [UInt8](repeating: 5, count: 32)], current: 1))
    let payments = PaymentStore(
      store: store, clock: .system, randomness: .system, seals: PaymentSeals(keys))
    let page = try await payments.payments(of: Self.ada, after: nil, limit: 10).payments
    #expect(page.map(\.amount.minorUnits) == [4, 2, 1])
    #expect(page.map { $0.reference } == ["rent 4", "rent 2", "rent 1"])
    let lines = try await payments.activity(of: Self.ada, since: 0, limit: 10).entries
    #expect(lines.map(\.sequence) == Array(1...9))
    #expect(lines.map(\.amount.minorUnits) == [1, 1, 1, 2, 2, 2, 4, 4, 4])
    #expect(lines.prefix(3).map(\.event.rawValue) == ["received", "held", "posted"])
    #expect(
      try await payments.activity(of: Self.bob, since: 1, limit: 10).entries.map(\.sequence)
        == [2, 3])
    #expect(try await payments.resealBatch(limit: 10) == 4)
    #expect(
      try await payments.payments(of: Self.bob, after: nil, limit: 1).payments.first?.reference
        == "rent 3")
    store.close()
  }

  @Test func `has answers that this build reads: what they were packed with is the same for ever`()
  {
    let digest = SHA256.hash(data: KeptAnswer.words).map { String($0, radix: 16) }.joined(
      separator: " ")
    #expect(
      digest
        == "0 35 c6 8e 16 4d e0 3b e 67 a6 cc ed 4b a3 dd a2 13 a6 2 88 37 e0 c5 76 62 92 5 42 5f 76 a9"
    )
  }
}
