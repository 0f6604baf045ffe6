/// Carries what every store has beside its service's own tables (messages that wait, idempotency keys) from one database
/// into another of the same migrations, whatever their columns are.
package struct TableCopy: Sendable {
  /// Rows in one transaction.
  static let pageRows = 500

  /// Another database's rows, and what to ask for those that follow.
  private struct Page: Sendable {
    let rows: [Row]
    let last: Int64
  }

  private let source: StoreReader
  private let carries: @Sendable (String) -> Bool

  /// - Parameters:
  ///   - source: in a file.
  ///   - own: the service's own tables, which it carries itself. The list of migrations is never carried.
  package init(from source: StoreReader, except own: Set<String>) {
    self.source = source
    carries = { !own.contains($0) && $0 != "migrations" }
  }

  /// - Parameter tables: only these.
  package init(from source: StoreReader, only tables: Set<String>) {
    self.source = source
    carries = { tables.contains($0) }
  }

  /// What is there already is replaced, so that it can be repeated.
  /// - Parameter write: one durable change of a store on PostgreSQL.
  /// - Returns: how many rows were carried.
  package func run(_ write: (@escaping @Sendable (Transaction) throws -> Void) throws -> Void)
    throws -> Int
  {
    var count = 0
    for table in try tables() {
      try write { try $0.execute("DELETE FROM \(table)") }
      var last: Int64 = .min
      while let page = try page(of: table, after: last) {
        try write { transaction in
          // Numbers that the database gives by itself it gives anew, in the same order.
          let given = try transaction.rows(
            """
            SELECT column_name::text AS name FROM information_schema.columns WHERE is_identity = 'YES'
            AND table_schema = current_schema() AND table_name = ?
            """, [.text(table)]
          ).map { try $0.text("name") }
          for row in page.rows { try Self.insert(row, into: table, without: given, transaction) }
        }
        count += page.rows.count
        last = page.last
      }
    }
    return count
  }

  private func tables() throws -> [String] {
    try source.read { snapshot in
      try snapshot.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
      ).map { try $0.text("name") }.filter(carries)
    }
  }

  private func page(of table: String, after last: Int64) throws -> Page? {
    let rows = try source.read {
      try $0.rows(
        "SELECT rowid AS \(Self.place), * FROM \(table) WHERE rowid > ? ORDER BY rowid LIMIT \(Self.pageRows)",
        [.integer(last)])
    }
    guard let end = rows.last else { return nil }
    return Page(rows: rows, last: try end.integer(Self.place))
  }

  private static let place = "copied_row"

  /// Names come from the schema, values go as arguments.
  private static func insert(
    _ row: Row, into table: String, without given: [String], _ transaction: Transaction
  ) throws {
    let kept = zip(row.columns.names, row.values).filter { $0.0 != place && !given.contains($0.0) }
    let names = kept.map { "\"\($0.0)\"" }.joined(separator: ", ")
    let marks = kept.map { _ in "?" }.joined(separator: ", ")
    try transaction.execute(
      "INSERT INTO \(table) (\(names)) VALUES (\(marks))", kept.map(\.1))
  }
}
