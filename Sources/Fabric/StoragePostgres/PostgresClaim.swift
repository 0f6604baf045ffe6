import Storage

/// How a process becomes a store's owner on PostgreSQL, and stays it over a cut connection.
struct PostgresClaim: Sendable {
  /// The oldest server that ends silent sessions by itself (idle_session_timeout): 14.
  static let versionMin: Int64 = 140_000
  /// Modes of synchronous_commit in which a commit is on this server's disk before it is answered.
  static let syncingModes: Set = ["on", "remote_apply"]

  let parameters: [String: String]
  let place: String
  let believesUnsafeServers: Bool
  /// Nil for the one owner of a store.
  var worker: String?
  var epoch: Int64 = 0

  /// With what a transaction begins: one row comes of it as long as nobody has taken the store over.
  var begin: String {
    let owned = "SELECT FROM store_owner WHERE id = 1 AND epoch = \(epoch)"
    // Among several writers each transaction is as if it were alone, or is undone and done again.
    guard worker == nil else { return "BEGIN ISOLATION LEVEL SERIALIZABLE; \(owned)" }
    // FOR SHARE makes a take-over wait for us, or us for it; then the epoch is compared again.
    return "BEGIN; \(owned) FOR SHARE"
  }

  /// A session fit for the owner.
  /// - Throws: `PostgresFailure`, `StoreError.unsuitable`.
  func connect() throws -> PostgresConnection {
    let connection = try PostgresConnection(parameters)
    let found = try connection.run(
      """
      SELECT current_setting('server_version_num')::bigint AS version,
        current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS full_pages, pg_is_in_recovery() AS is_replica,
        current_setting('synchronous_commit') AS mode, current_schema() AS schema
      """
    ).rows.first
    guard let found else { throw PostgresFailure.unexpected("settings") }
    if let fault = try fault(found) { throw StoreError.unsuitable(place: place, reason: fault) }
    // Whatever the server's default is: what is answered must be on its disk.
    let mode = try found.text("mode")
    try connection.control(
      """
      SET synchronous_commit = \(Self.syncingModes.contains(mode) ? mode : "on");
      SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning;
      SET idle_session_timeout = '\(PostgresEngine.silenceSecondsMax)s';
      SET idle_in_transaction_session_timeout = '\(PostgresEngine.silenceSecondsMax)s';
      SET client_connection_check_interval = '1s';
      SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3
      """)
    return connection
  }

  private func fault(_ found: Row) throws -> String? {
    let version = try found.integer("version")
    if version < Self.versionMin {
      return
        "it is PostgreSQL \(version / 10_000), and \(Self.versionMin / 10_000) or later is needed"
    }
    if try found.text("encoding") != "UTF8" {
      return "its database has the encoding \(try found.text("encoding")), and UTF8 is needed"
    }
    if try found.integer("is_replica") == 1 { return "it is a replica, which takes no writes" }
    if try found.optionalText("schema") == nil { return "no schema of the search_path is there" }
    guard !believesUnsafeServers else { return nil }
    for setting in ["fsync", "full_pages"] where try found.text(setting) != "on" {
      let name = setting == "fsync" ? setting : "full_page_writes"
      return "it runs with \(name) off, and a crash of its machine could take what was answered"
    }
    return nil
  }

  /// Takes the store's lock for this session. There is one for each schema.
  /// - Returns: false where another session has it.
  func lock(_ connection: PostgresConnection) throws -> Bool {
    let answer = try connection.run(
      """
      SELECT pg_try_advisory_lock(hashtextextended('strongroom.store.' || current_schema(), 0))
        AS is_ours
      """)
    return try answer.rows.first?.integer("is_ours") == 1
  }

  func unlock(_ connection: PostgresConnection) throws {
    _ = try connection.run(
      "SELECT pg_advisory_unlock(hashtextextended('strongroom.store.' || current_schema(), 0)) AS u"
    )
  }

  static func epoch(_ connection: PostgresConnection) throws -> Int64 {
    try connection.run("SELECT epoch FROM store_owner WHERE id = 1").rows.first?.integer("epoch")
      ?? 0
  }

  /// Becomes the owner: from now on no earlier one can commit. Waits for what it has on its way. One of several writers
  /// leaves the epoch as it is, so that all of them can.
  /// - Parameter newID: the store's name where it has none yet.
  /// - Returns: the new epoch, and the name by which the store can be told from any other.
  func takeOver(
    _ connection: PostgresConnection, newID: String
  ) throws -> (epoch: Int64, store: String) {
    try connection.control(
      """
      CREATE TABLE IF NOT EXISTS store_owner (
        id bigint PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL, store text NOT NULL
      )
      """)
    _ = try connection.run(
      "INSERT INTO store_owner (id, epoch, store) VALUES (1, 0, ?) ON CONFLICT DO NOTHING",
      [.text(newID)])
    let row = try connection.run(
      worker == nil
        ? "UPDATE store_owner SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch, store"
        : "SELECT epoch, store FROM store_owner WHERE id = 1"
    ).rows.first
    guard let row else { throw PostgresFailure.unexpected("store_owner") }
    return (try row.integer("epoch"), try row.text("store"))
  }
}

/// A database's schema on its way to the newest.
struct PostgresMigrations: MigrationTarget {
  let connection: PostgresConnection

  var dialect: SQLDialect { .postgres }

  func transact(_ script: String, _ body: (any SQLSession) throws -> Void) throws {
    do {
      try connection.control("BEGIN; \(script)")
      let session = PostgresSession(connection)
      try body(session)
      try session.commit()
    } catch {
      _ = try? connection.control("ROLLBACK")
      throw error
    }
  }

  func rows(_ sql: String) throws -> [Row] { try connection.run(sql).rows }

  func faultOfScript(_ error: any Error) -> String? {
    // Class 42 is about the statement itself; a missing privilege, 42501, is not.
    guard case PostgresFailure.refused(let state, let reason) = error, state.hasPrefix("42"),
      state != "42501"
    else { return nil }
    return reason
  }

  func translated(_ error: any Error, place: String) -> StoreError {
    switch error {
    case let failure as PostgresFailure: failure.storeError(place: place)
    case let error as StoreError: error
    default: .failed(code: 0, reason: "\(type(of: error))")
    }
  }
}
