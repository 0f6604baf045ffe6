import CPostgres
package import Storage

/// A role of a service's own on a server, and the schema in which it alone works.
package struct PostgresTenant: Hashable, Sendable {
  /// Bytes in the name of a role or schema, at most; the server cuts off what is longer.
  package static let nameBytesMax = 63

  package let role: String
  package let schema: String
  /// ASCII.
  let password: String

  package init(role: String, schema: String, password: String) {
    self.role = role
    self.schema = schema
    self.password = password
  }
}

/// Roles and schemas, made by somebody who may make them. A role has the use of its schema and nothing else: it owns the
/// tables that it makes there, and every other schema is refused to it by the server.
package struct PostgresTenancy {
  /// Sessions of one role: its writer and readers, those of a standby, and as many again while both are replaced.
  static let sessionsMax = 20

  private let connection: PostgresConnection
  private let place: String
  private let mark: String

  /// - Parameters:
  ///   - location: as a role with CREATEROLE, and with CREATE on the database.
  ///   - mark: tells this platform's roles and schemas from those of others; letters, digits and blanks.
  /// - Throws: `StoreError` where the server is not there, or lets nobody in.
  package init(_ location: PostgresLocation, mark: String) throws(StoreError) {
    place = location.description
    self.mark = mark
    do throws(PostgresFailure) {
      connection = try PostgresConnection(location.parameters(for: "strongroom-up", owns: true))
    } catch {
      throw error.storeError(place: location.description)
    }
  }

  /// Makes what is not there, and gives each role its password. All or nothing; may be repeated.
  /// - Throws: `StoreError.unsuitable` where a name is taken by something that is not ours, or a role may more than a
  ///   service must.
  package func settle(_ tenants: [PostgresTenant]) throws(StoreError) {
    do {
      // One at a time: two platforms on one database may start together.
      try connection.control(
        "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('strongroom.tenancy', 0))")
      for tenant in tenants {
        try settleRole(tenant)
        try settleSchema(tenant)
      }
      try connection.control("COMMIT")
    } catch {
      _ = try? connection.control("ROLLBACK")
      switch error {
      case let error as StoreError: throw error
      case PostgresFailure.refused("42501", let reason):
        throw .notAdmitted(
          place: place, reason: "\(reason); its role needs CREATEROLE, and CREATE on the database")
      case let failure as PostgresFailure: throw failure.storeError(place: place)
      default: throw .failed(code: 0, reason: "\(type(of: error))")
      }
    }
  }

  private func settleRole(_ tenant: PostgresTenant) throws {
    let name = Self.quoted(tenant.role)
    let found = try connection.run(
      """
      SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
        OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS is_mighty,
        shobj_description(oid, 'pg_authid') AS mark
      FROM pg_roles WHERE rolname = ?
      """, [.text(tenant.role)]
    ).rows.first
    if let found {
      try requireOurs(found, "role \(tenant.role)")
      guard try found.integer("is_mighty") == 0 else {
        throw StoreError.unsuitable(
          place: place, reason: "its role \(tenant.role) may more than a service must")
      }
    }
    // The server gets what it needs to check the password, and neither it nor its log the password.
    let how = "LOGIN CONNECTION LIMIT \(Self.sessionsMax) PASSWORD '\(try verifier(of: tenant))'"
    try connection.control("\(found == nil ? "CREATE" : "ALTER") ROLE \(name) \(how)")
    try connection.control("COMMENT ON ROLE \(name) IS '\(mark)'")
    try connection.control("GRANT CONNECT ON DATABASE \(try database()) TO \(name)")
  }

  private func settleSchema(_ tenant: PostgresTenant) throws {
    let name = Self.quoted(tenant.schema)
    let found = try connection.run(
      "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = ?",
      [.text(tenant.schema)]
    ).rows.first
    if let found {
      try requireOurs(found, "schema \(tenant.schema)")
    } else {
      try connection.control("CREATE SCHEMA \(name); COMMENT ON SCHEMA \(name) IS '\(mark)'")
    }
    // The schema stays the administrator's: its role cannot give others the use of it.
    try connection.control(
      """
      REVOKE ALL ON SCHEMA \(name) FROM PUBLIC;
      GRANT USAGE, CREATE ON SCHEMA \(name) TO \(Self.quoted(tenant.role))
      """)
  }

  private func requireOurs(_ row: Row, _ what: String) throws {
    guard try row.optionalText("mark") == mark else {
      throw StoreError.unsuitable(
        place: place,
        reason:
          "its \(what) is there already and not this home's; name another database, or restore this home's key"
      )
    }
  }

  private func database() throws -> String {
    let row = try connection.run("SELECT current_database()::text AS name").rows.first
    return Self.quoted(try row?.text("name") ?? "")
  }

  /// SCRAM-SHA-256 (RFC 5803), made here.
  private func verifier(of tenant: PostgresTenant) throws -> String {
    guard
      let text = PQencryptPasswordConn(
        connection.session, tenant.password, tenant.role, "scram-sha-256")
    else { throw PostgresFailure.unexpected("the password of \(tenant.role)") }
    defer { PQfreemem(text) }
    return String(cString: text)
  }

  private static func quoted(_ name: String) -> String {
    "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
  }
}
