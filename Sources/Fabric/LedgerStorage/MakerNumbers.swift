import LedgerBook
package import Storage
import Synchronization
package import Vocabulary

extension Migration {
  /// All that a ledger's store has, also where its books are moved to.
  package static let ledger: [Migration] = [.journal, .makers]

  /// Who is who among those that make transfers: the journal has two bytes for a maker.
  package static let makers = Migration(
    2, "makers",
    sql: Array(
      """
      CREATE TABLE makers (
        number INTEGER PRIMARY KEY CHECK (number BETWEEN 0 AND 65535), service TEXT NOT NULL UNIQUE
      );
      INSERT INTO makers (number, service) VALUES (0, 'operator'), (1, 'payments');
      """.utf8),
    postgres: Array(
      """
      CREATE TABLE makers (
        number bigint PRIMARY KEY CHECK (number BETWEEN 0 AND 65535), service text NOT NULL UNIQUE
      );
      INSERT INTO makers (number, service) VALUES (0, 'operator'), (1, 'payments');
      """.utf8))
}

/// The numbers under which the journal knows the services that make transfers. A service gets the next one when it first
/// asks for something, durably and before anything of it is decided; a number is never given to another. A service is
/// its name here, the path of its SPIFFE ID: the ledger takes calls of its own trust domain only.
///
/// A class: those who ask at the same time share what is known.
package final class MakerNumbers: Sendable {
  private let store: Store
  private let known: Mutex<[ServiceName: UInt16]>

  /// - Parameter store: with `Migration.makers`.
  package init(store: Store) async throws {
    self.store = store
    let rows = try await store.read { snapshot in
      try snapshot.rows("SELECT number, service FROM makers").map {
        (try $0.text("service"), try $0.integer("number"))
      }
    }
    var known: [ServiceName: UInt16] = [:]
    for (service, number) in rows {
      guard let service = ServiceName(service), let number = UInt16(exactly: number) else {
        throw StoreError.unexpectedColumn("makers")
      }
      known[service] = number
    }
    self.known = Mutex(known)
  }

  /// - Throws: `StoreError`; `.overloaded` where all 65,536 numbers are given.
  package func number(of service: ServiceName) async throws -> UInt16 {
    if let number = known.withLock({ $0[service] }) { return number }
    let number = try await store.write { transaction -> Int64 in
      let name = SQLValue.text(service.description)
      if let row = try transaction.row("SELECT number FROM makers WHERE service = ?", [name]) {
        return try row.integer("number")
      }
      let last = try transaction.row("SELECT max(number) AS last FROM makers")?.integer("last") ?? 0
      guard last < Int64(UInt16.max) else { throw StoreError.overloaded }
      try transaction.execute(
        "INSERT INTO makers (number, service) VALUES (?, ?)", [.integer(last + 1), name])
      return last + 1
    }
    guard let number = UInt16(exactly: number) else { throw StoreError.unexpectedColumn("makers") }
    known.withLock { $0[service] = number }
    return number
  }
}
