import Chassis
import Foundation
import Payments
import PaymentsAPI
import Sealing
import Storage
import Testing
import Vocabulary

@Suite(.serialized) struct `A long history` {
  private static let ada = PersonID("018f3f6e-0000-7000-8000-00000000a11c")!
  private static let bob = PersonID("018f3f6e-0000-7000-8000-000000000b0b")!

  /// A store in which Ada has made so many payments, one a nanosecond, and Bob one.
  private final class Archive {
    let payments: PaymentStore
    private let store: Store
    private let folder: URL

    init(_ count: Int) async throws {
      folder = FileManager.default.temporaryDirectory.appending(path: "history-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      store = try Store.open(
        path: folder.appending(path: "payments.sqlite").path,
        migrations: PaymentsService.migrations, clock: .system)
      let keys = SealingKeys(try Keyring(keys: [1: [UInt8](repeating: 5, count: 32)], current: 1))
      payments = PaymentStore(
        store: store, clock: .system, randomness: .system, seals: PaymentSeals(keys))
      try await store.write { transaction in
        for (number, person) in [ada, bob].enumerated() {
          try transaction.execute(
            "INSERT INTO people (number, subject, lines) VALUES (?, ?, 0)",
            [.count(number + 1), .id(person)])
        }
        for number in 0...count {
          try transaction.execute(
            """
            INSERT INTO payments (id, person, client, debtor, creditor, amount, currency, reference,
              correlation, state, reason, authorized_until, created_at, updated_at)
            VALUES (?, ?, 'app', ?, ?, 1, 'EUR', ?, ?, 'posted', NULL, 0, ?, ?)
            """,
            [
              .id(Self.id(number)), .count(number == count ? 2 : 1),
              .text("018f3f6e-0000-7000-8000-0000000000d1"),
              .text("018f3f6e-0000-7000-8000-0000000000c1"), .text("rent \(number)"),
              .text("0000000000000000000000000000feed"), .count(number), .count(number),
            ])
        }
      }
    }
    deinit {
      store.close()
      try? FileManager.default.removeItem(at: folder)
    }

    static func id(_ number: Int) -> PaymentID {
      PaymentID("018f3f6e-0000-7000-8000-\(100_000_000_000 + number)")!
    }

    /// The least time of ten tries: of what the person wrote on one page of a statement, and of the last page of payments.
    func cost() async throws -> (written: Duration, lastPage: Duration) {
      let clock = ContinuousClock()
      let page = Set((0..<50).map(Self.id))
      let end = PaymentStore.Position("40.\(Self.id(40))")
      var least = (Duration.seconds(60), Duration.seconds(60))
      for _ in 0..<10 {
        let began = clock.now
        #expect(try await payments.references(of: page, by: ada).count == 50)
        let half = clock.now
        #expect(try await payments.payments(of: ada, after: end, limit: 50).payments.count == 40)
        least = (min(least.0, half - began), min(least.1, clock.now - half))
      }
      return least
    }
  }

  @Test func `costs nobody more: a page is read by what is on it`() async throws {
    let (short, long) = (try await Archive(200), try await Archive(20_000))
    let (few, many) = (try await short.cost(), try await long.cost())
    #expect(many.written < few.written * 10, "\(few.written) before, \(many.written) after")
    #expect(many.lastPage < few.lastPage * 10, "\(few.lastPage) before, \(many.lastPage) after")
  }

  @Test func `keeps what others wrote to themselves`() async throws {
    let archive = try await Archive(3)
    let ids = Set((0...3).map(Archive.id))
    #expect(
      try await archive.payments.references(of: ids, by: Self.bob) == [Archive.id(3): "rent 3"])
    #expect(try await archive.payments.references(of: ids, by: Self.ada).count == 3)
  }
}
