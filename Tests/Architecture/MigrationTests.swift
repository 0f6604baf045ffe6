import Audit
import Authority
import Customers
import Foundation
import Identity
import Payments
import Storage
import TestKit
import Testing
import Vocabulary

@Suite struct `Migrations of the services` {
  private static let clock = Clock { Instant(seconds: 1_796_083_200) }

  @Test func `are files of one spelling, numbered from 1`() throws {
    var found: [String] = []
    for service in Checkout.folders(in: "Sources/Services") {
      let folder = "Sources/Services/\(service)/Migrations"
      let names = try? FileManager.default.contentsOfDirectory(
        atPath: Checkout.root.appending(path: folder).path(percentEncoded: false))
      found += Gate.migrations(names ?? []).map { "\(folder): \($0)" }
    }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func `have the name that their file has`() {
    for store in OldStore.all {
      let folder = "Sources/Services/\(store.service)/Migrations"
      for migration in store.migrations {
        let number = String(repeating: "0", count: 4 - "\(migration.number)".count)
        let path = "\(folder)/\(number)\(migration.number)-\(migration.name).sql"
        #expect(Checkout.text(path).map { Array($0.utf8) } == migration.sql, "\(path)")
      }
    }
  }

  /// A store remembers number, name and digest of each; the digests below are those of the build before the files were
  /// renamed, and a store refuses to start with any other.
  @Test(arguments: OldStore.all)
  func `start a store that was made before the files had one spelling`(store: OldStore) async throws
  {
    let folder = FileManager.default.temporaryDirectory.path + "/migrations-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/store.sqlite"
    do {
      let made = try Store.open(
        path: path, migrations: Array(store.migrations.prefix(store.recorded.count)),
        clock: Self.clock)
      try await made.write { transaction in
        for (index, record) in store.recorded.enumerated() {
          _ = try transaction.execute(
            "UPDATE migrations SET name = ?, digest = ? WHERE number = ?",
            [
              .text(record.name), .blob(try #require(bytes(hex: record.digest))),
              .count(index + 1),
            ])
        }
      }
      made.close()
    }
    let opened = try Store.open(path: path, migrations: store.migrations, clock: Self.clock)
    let names = try await opened.read { snapshot in
      try snapshot.rows("SELECT name FROM migrations WHERE number > 0 ORDER BY number").map {
        try $0.text("name")
      }
    }
    #expect(names == store.migrations.map(\.name))
    opened.close()
  }

  @Test(arguments: [
    ["0001_initial.sql"], ["1-initial.sql"], ["0001-Initial.sql"], ["0002-second.sql"],
    ["0001-initial.sql", "0003-third.sql"], ["0001-initial.sql", "0001-other.sql"],
    ["0001-initial.mysql.sql"], ["0001-initial.txt"],
  ])
  func `are refused in another spelling, or with a gap`(names: [String]) {
    #expect(!Gate.migrations(names).isEmpty)
    #expect(Gate.migrations(["0001-initial.sql", "0002-more-words.sql"]).isEmpty)
    #expect(Gate.migrations(["0001-initial.sql", "0001-initial.postgres.sql"]).isEmpty)
  }
}

/// What a store of a service has recorded since the build of 30 November 2026.
struct OldStore: Sendable, CustomTestStringConvertible {
  let service: String
  let migrations: [Migration]
  let recorded: [(name: String, digest: String)]
  var testDescription: String { service }

  static let all = [
    OldStore(
      service: "Audit", migrations: AuditService.migrations,
      recorded: [
        ("initial", "8571b652f5262050d1ca0fac47ce14bc937459200045d33f5cae9b40897235b2"),
        ("index", "904218bb309f52980dd3a376cb80f13c9e7836ca024e9651a102fefc00a0017f"),
      ]),
    OldStore(
      service: "Authority", migrations: AuthorityService.migrations,
      recorded: [
        ("initial", "858e9fb4c2678b4525c87a1a17980bf1faf5d67ea147d350d033205a4877ad6a"),
        ("sealing-retirement", "599f1e1c5273b08771bd24431d94e4045a92e1d1adc4161b74336c52e7d2ed80"),
        ("revocations", "7b7c0c69eccea5917a8ea5b7f1a80c89db02846b847e728062b45db2ff32061b"),
      ]),
    OldStore(
      service: "Customers", migrations: CustomersService.migrations,
      recorded: [
        ("initial", "e338ccdf82a1152b1bce1871294bfffc05282bd2fd15c557bd62dbcbf244d0c4")
      ]),
    OldStore(
      service: "Identity", migrations: IdentityService.migrations,
      recorded: [
        ("initial", "df6f6780cb3b1e21acac7437842ee9cbad403e77769144d8923203aac83553bf"),
        ("revoked", "e51aed2bd97fab0a7842d1df15a572d15ccd60b27c45538e7632550bba53f5ef"),
        ("suspensions", "0c372e1314a186feb1e570c01faa0b3468f513d40d1f885735123326fc90649a"),
        ("throttles", "120d4efb69f5a4bb74cabf2db4314b4966df0737ba1b670a1a5228c0bbbd67af"),
        ("stock-clients", "96cd909df6cc306934db3933e6651cc749ed562def5173290566dd2209595b70"),
        ("resets", "ff7cb4f7f8090d6cfc062ea776cdc51a8b35911bc3cea30c1ec3511d4140572b"),
      ]),
    OldStore(
      service: "Payments", migrations: PaymentsService.migrations,
      recorded: [
        ("initial", "c972452efbc3b4a1e010485e5f44cbcacf4c2f80eda6155839c9e674c65d5331"),
        ("sealed", "18fc3c602ad8574e7cacf9babcdafea78aa9997ee5adf994bad43af82bf33478"),
      ]),
  ]
}
