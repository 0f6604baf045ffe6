import Foundation
import Storage
import StoragePostgres
import TestKit
import Testing
import Vocabulary

/// Roles and schemas as `up --database` makes them, on a server that asks everybody for a password.
@Suite(.postgres, .serialized) struct `A service's role on the platform's database` {
  private static let ledger = PostgresTenant(
    role: "postgres_ledger", schema: "ledger", password: "of ledger")
  private static let offers = PostgresTenant(
    role: "postgres_loan-offers", schema: "loan-offers", password: "of loan-offers")

  /// A server, and where each role's store is.
  private struct Bank {
    let server: PostgresServer
    let administrator: PostgresLocation
    private let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      server = try PostgresServer(password: "of the administrator")
      administrator = try server.location()
    }

    /// - Parameter password: a tenant's own, unless it is said.
    func location(_ tenant: PostgresTenant, password: String? = nil) throws -> PostgresLocation {
      try at(
        administrator.tenant(tenant.role, in: tenant.schema), password ?? "of \(tenant.schema)")
    }

    func at(_ location: PostgresLocation, _ password: String) throws -> PostgresLocation {
      let file = "\(folder.path)/\(location.parameters["user"] ?? "")-\(password.count)"
      try Data("*:*:*:*:\(password)\n".utf8).write(to: URL(filePath: file))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
      return location.with("passfile", file)
    }

    func tenancy(mark: String = "strongroom one") throws -> PostgresTenancy {
      try PostgresTenancy(at(administrator, "of the administrator"), mark: mark)
    }

    func sql(_ text: String, as tenant: PostgresTenant? = nil) throws -> [Row] {
      let place = try tenant.map { try location($0) } ?? at(administrator, "of the administrator")
      return try PostgresConnection(place.parameters(for: "test")).run(text).rows
    }
  }

  @Test func `has a store in its schema, and the server refuses it every other`() async throws {
    let bank = try Bank()
    try bank.tenancy().settle([Self.ledger, Self.offers])
    for tenant in [Self.ledger, Self.offers] {
      let store = try await Store.open(
        bank.location(tenant), for: tenant.schema, migrations: [notes], clock: fixedClock,
        randomness: .system)
      try await add("of \(tenant.schema)", to: store)
      #expect(try await texts(of: store) == ["of \(tenant.schema)"])
      store.close()
    }
    #expect(try bank.sql("SELECT text FROM ledger.notes").count == 1)
    for attempt in [
      "SELECT text FROM ledger.notes", "INSERT INTO ledger.notes (text) VALUES ('x')",
      "UPDATE ledger.store_owner SET epoch = 99", "CREATE TABLE ledger.more (n bigint)",
      "DROP TABLE ledger.notes", "SET ROLE postgres_ledger", "SET ROLE postgres",
      "CREATE SCHEMA own", "CREATE ROLE friend", "ALTER ROLE postgres_ledger PASSWORD 'x'",
      "GRANT USAGE ON SCHEMA \"loan-offers\" TO PUBLIC; SET ROLE postgres_ledger",
    ] {
      let state = #expect(throws: PostgresFailure.self, "\(attempt)") {
        try PostgresConnection(bank.location(Self.offers).parameters(for: "test")).control(attempt)
      }
      guard case .refused("42501", _) = state else {
        Issue.record("\(attempt): \(String(describing: state))")
        continue
      }
    }
    #expect(try bank.sql("SELECT text FROM ledger.notes", as: Self.ledger).count == 1)
  }

  @Test func `is let in by its own password only, which the server never has`() async throws {
    let bank = try Bank()
    try bank.tenancy().settle([Self.ledger, Self.offers])
    let wrong = try bank.location(Self.ledger, password: "of loan-offers")
    #expect {
      try PostgresConnection(wrong.parameters(for: "test"))
    } throws: {
      guard case PostgresFailure.notAdmitted = $0 else { return false }
      return true
    }
    let kept = try bank.sql(
      "SELECT rolpassword AS kept FROM pg_authid WHERE rolname LIKE '%ledger'")
    let verifier = try #require(try kept.first?.text("kept"))
    #expect(verifier.hasPrefix("SCRAM-SHA-256$") && !verifier.contains("of ledger"))
  }

  @Test func `is the same again at the next start, with a new password where it is another`() throws
  {
    let bank = try Bank()
    try bank.tenancy().settle([Self.ledger])
    let other = PostgresTenant(role: Self.ledger.role, schema: "ledger", password: "another")
    try bank.tenancy().settle([other, Self.offers])
    _ = try PostgresConnection(bank.location(other, password: "another").parameters(for: "test"))
    #expect(throws: PostgresFailure.self) { try bank.sql("SELECT 1 AS one", as: Self.ledger) }
  }

  @Test(arguments: [
    ("CREATE ROLE postgres_ledger", "role postgres_ledger is there already"),
    ("CREATE SCHEMA ledger", "schema ledger is there already"),
    (
      "CREATE ROLE postgres_ledger; COMMENT ON ROLE postgres_ledger IS 'strongroom two'",
      "role postgres_ledger is there already"
    ),
    (
      "CREATE ROLE postgres_ledger CREATEROLE; COMMENT ON ROLE postgres_ledger IS 'strongroom one'",
      "may more than a service must"
    ),
    (
      """
      CREATE ROLE postgres_ledger IN ROLE pg_read_all_data;
      COMMENT ON ROLE postgres_ledger IS 'strongroom one'
      """, "may more than a service must"
    ),
  ])
  func `is not taken from anybody else, nor one that may more`(before: String, says: String) throws
  {
    let bank = try Bank()
    try PostgresConnection(bank.at(bank.administrator, "of the administrator").parameters(for: "t"))
      .control(before)
    let error = #expect(throws: StoreError.self) {
      try bank.tenancy().settle([Self.offers, Self.ledger])
    }
    #expect("\(try #require(error))".contains(says), "\(String(describing: error))")
    // All or nothing.
    #expect(try bank.sql("SELECT FROM pg_roles WHERE rolname LIKE '%offers'").isEmpty)
  }

  @Test func `is made by whoever may make roles, and by nobody else`() throws {
    let bank = try Bank()
    let admin = try bank.at(bank.administrator, "of the administrator")
    let connection = try PostgresConnection(admin.parameters(for: "test"))
    try connection.control("CREATE ROLE clerk LOGIN PASSWORD 'of the clerk'")
    let asClerk = try bank.at(
      bank.administrator.tenant("clerk", in: "public"), "of the clerk")
    let error = #expect(throws: StoreError.self) {
      try PostgresTenancy(asClerk, mark: "strongroom one").settle([Self.ledger])
    }
    #expect("\(try #require(error))".contains("needs CREATEROLE"))
    try connection.control(
      "ALTER ROLE clerk CREATEROLE; GRANT CREATE ON DATABASE postgres TO clerk")
    try PostgresTenancy(asClerk, mark: "strongroom one").settle([Self.ledger, Self.offers])
    _ = try bank.sql("CREATE TABLE mine (n bigint)", as: Self.ledger)
  }
}
