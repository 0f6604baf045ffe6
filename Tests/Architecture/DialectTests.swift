import Audit
import Authority
import Chassis
import Customers
import Egress
import Foundation
import Gateway
import Identity
import Ledger
import Payments
import Storage
import StoragePostgres
import TestKit
import Testing
import Vocabulary

/// Every store can be in a file or on a server, so every step of a schema is written in both's words.
@Suite struct `Migrations in two dialects` {
  @Test func `stand beside each other in both dialects`() throws {
    var found: [String] = []
    for service in Checkout.folders(in: "Sources/Services") {
      let folder = Checkout.root.appending(path: "Sources/Services/\(service)/Migrations")
      let names = try? FileManager.default.contentsOfDirectory(
        atPath: folder.path(percentEncoded: false))
      found += Gate.migrationTwins(names ?? []).map { "\(service): \($0)" }
    }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test(arguments: [
    ["0001-initial.sql"], ["0001-initial.postgres.sql"],
    ["0001-initial.sql", "0001-initial.postgres.sql", "0002-more.sql"],
    ["0001-initial.sql", "0001-other.postgres.sql"],
  ])
  func `are seen to lack a twin`(names: [String]) {
    #expect(!Gate.migrationTwins(names).isEmpty)
    #expect(Gate.migrationTwins(["0001-a.sql", "0001-a.postgres.sql"]).isEmpty)
  }

  private static let all: [(String, [Migration])] = [
    ("audit", AuditService.migrations), ("authority", AuthorityService.migrations),
    ("customers", CustomersService.migrations), ("egress", EgressService.migrations),
    ("gateway", GatewayService.migrations),
    ("identity", IdentityService.migrations), ("ledger", LedgerService.migrations),
    ("payments", PaymentsService.migrations),
  ]

  @Test(.postgres, arguments: all)
  func `make the same tables and columns`(service: String, migrations: [Migration]) async throws {
    let clock = Clock { Instant(seconds: 1_800_000_000) }
    let (file, server) = (try StoreSite(.sqlite), try StoreSite(.postgres))
    let onFile = try await file.open(migrations, clock: clock)
    let onServer = try await server.open(migrations, clock: clock)
    let known = try await onFile.read {
      try $0.rows(
        """
        SELECT t.name || '.' || c.name AS place FROM sqlite_master t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY place
        """
      ).map { try $0.text("place") }
    }
    let found = try await onServer.read {
      try $0.rows(
        """
        SELECT table_name || '.' || column_name AS place FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name <> 'store_owner'
        ORDER BY (table_name || '.' || column_name) COLLATE "C"
        """
      ).map { try $0.text("place") }
    }
    #expect(known == found)
    #expect(known.contains("outbox.body"))
  }
}
