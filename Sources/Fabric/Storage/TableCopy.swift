/// Carries tables from a database in a file into one of the same migrations on a server, whatever their columns are: all
/// of a store, or what every store has beside its service's own tables (messages that wait, idempotency keys).
package struct TableCopy: Sendable {
  /// Rows in one transaction.
  static let pageRows = 500

  /// What arrived is not what was sent.
  package struct Differs: Error, Hashable, CustomStringConvertible {
    package let table: String
    package var description: String { "the table \(table) did not arrive as it was sent" }
  }

  private let source: StoreReader
  private let carries: @Sendable (String) -> Bool

  /// All of a store. The list of migrations is never carried.
  /// - Parameters:
  ///   - source: in a file.
  ///   - own: the service's own tables, which it carries itself.
  package init(from source: StoreReader, except own: Set<String> = []) {
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
    let tables = try tables()
    // Who names a row of another table goes before it, and comes after it.
    for table in tables.reversed() { try write { try $0.execute("DELETE FROM \(table.name)") } }
    for table in tables {
      var last: Row?
      while let rows = try page(of: table, after: last), let end = rows.last {
        try write { transaction in
          // Numbers that only the database gives it gives anew, in the same order.
          let given = try transaction.snapshot.givenColumns(of: table.name)
          for row in rows { try Self.insert(row, into: table.name, without: given, transaction) }
        }
        count += rows.count
        last = end
      }
      try write { try $0.goOnNumbering(table.name) }
    }
    return count
  }

  /// Reads both again, to the last row.
  /// - Parameter arrived: the database on PostgreSQL, into which nobody writes meanwhile.
  /// - Throws: `Differs`.
  package func verify(_ arrived: StoreReader) throws {
    for table in try tables() {
      try arrived.read { target in
        let given = try target.givenColumns(of: table.name)
        var (sent, found) = (RowSum(), RowSum())
        var last: Row?
        while let rows = try page(of: table, after: last), let end = rows.last {
          for row in rows { sent.add(row, without: given.union([Self.place])) }
          last = end
        }
        // Named after the table: what is prepared once for one has no meaning for another.
        let cursor = "copied_\(table.name)"
        _ = try target.rows("DECLARE \(cursor) CURSOR FOR SELECT * FROM \(table.name)")
        while true {
          let rows = try target.rows("FETCH \(Self.pageRows) FROM \(cursor)")
          guard !rows.isEmpty else { break }
          for row in rows { found.add(row, without: given) }
        }
        guard sent == found else { throw Differs(table: table.name) }
      }
    }
  }

  // MARK: the file

  private struct Table: Sendable {
    let name: String
    /// By which its rows are told apart and put in order.
    let keys: [String]
    /// Tables of which it names rows.
    let parents: Set<String>
  }

  /// Each after those of which it names rows.
  private func tables() throws -> [Table] {
    var left = try source.read { snapshot in
      try snapshot.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
      ).map { try $0.text("name") }.filter(carries).map { try Self.table($0, snapshot) }
    }
    var ordered: [Table] = []
    while !left.isEmpty {
      let names = Set(left.map(\.name))
      // A circle cannot be put in order; the server's own rules then refuse it by name.
      let next = left.firstIndex { $0.parents.intersection(names).subtracting([$0.name]).isEmpty }
      ordered.append(left.remove(at: next ?? 0))
    }
    return ordered
  }

  private static func table(_ name: String, _ snapshot: Snapshot) throws -> Table {
    let parents = try snapshot.rows(
      "SELECT DISTINCT \"table\" AS parent FROM pragma_foreign_key_list(?)", [.text(name)]
    ).map { try $0.text("parent") }
    let isRowless =
      try snapshot.row(
        "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", [.text(name)]
      )?.integer("wr") == 1
    let keys = try snapshot.rows(
      "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", [.text(name)]
    ).map { try $0.text("name") }
    return Table(name: name, keys: isRowless ? keys : [place], parents: Set(parents))
  }

  /// - Returns: nil where nothing follows.
  private func page(of table: Table, after last: Row?) throws -> [Row]? {
    let hasRowNumber = table.keys == [Self.place]
    let keys = hasRowNumber ? "rowid" : table.keys.joined(separator: ", ")
    let columns = hasRowNumber ? "rowid AS \(Self.place), *" : "*"
    let marks = table.keys.map { _ in "?" }.joined(separator: ", ")
    let rows = try source.read { snapshot in
      try snapshot.rows(
        """
        SELECT \(columns) FROM \(table.name) \(last == nil ? "" : "WHERE (\(keys)) > (\(marks))")
        ORDER BY \(keys) LIMIT \(Self.pageRows)
        """, last.map { row in try table.keys.map { try row.value($0) } } ?? [])
    }
    return rows.isEmpty ? nil : rows
  }

  private static let place = "copied_row"

  /// Names come from the schema, values go as arguments.
  private static func insert(
    _ row: Row, into table: String, without given: Set<String>, _ transaction: Transaction
  ) throws {
    let kept = zip(row.columns.names, row.values).filter { $0.0 != place && !given.contains($0.0) }
    let names = kept.map { "\"\($0.0)\"" }.joined(separator: ", ")
    let marks = kept.map { _ in "?" }.joined(separator: ", ")
    try transaction.execute(
      "INSERT INTO \(table) (\(names)) VALUES (\(marks))", kept.map(\.1))
  }
}

extension Snapshot {
  /// Columns that PostgreSQL alone fills.
  fileprivate func givenColumns(of table: String) throws -> Set<String> {
    Set(
      try rows(
        """
        SELECT column_name::text AS name FROM information_schema.columns WHERE identity_generation = 'ALWAYS'
        AND table_schema = current_schema() AND table_name = ?
        """, [.text(table)]
      ).map { try $0.text("name") })
  }
}

extension Transaction {
  /// Numbers that others name came along: the next one comes after them.
  fileprivate func goOnNumbering(_ table: String) throws {
    let columns = try rows(
      """
      SELECT column_name::text AS name FROM information_schema.columns
      WHERE identity_generation = 'BY DEFAULT' AND table_schema = current_schema() AND table_name = ?
      """, [.text(table)])
    for row in columns {
      let name = try row.text("name")
      _ = try rows(
        """
        SELECT setval(pg_get_serial_sequence(?, ?), coalesce(max("\(name)"), 0) + 1, false) AS next
        FROM \(table)
        """, [.text(table), .text(name)])
    }
  }
}
