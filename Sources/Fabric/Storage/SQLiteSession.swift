import FoundationEssentials
import GRDB

/// A connection to SQLite for as long as GRDB lends it. A class: it knows whether the part that runs has a savepoint; a
/// part that asks nothing of the database gets none.
final class SQLiteSession: WriteSession {
  private let database: Database
  private var needsSavepoint = false

  init(_ database: Database) { self.database = database }

  private func begin() throws {
    guard needsSavepoint else { return }
    try database.cachedStatement(sql: "SAVEPOINT job").execute()
    needsSavepoint = false
  }

  func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [Row] {
    try begin()
    let statement = try database.cachedStatement(sql: sql)
    let columns = Row.Columns(statement.columnNames)
    let width = columns.names.count
    let cursor = try GRDB.Row.fetchCursor(statement, arguments: arguments.bound)
    var rows: [Row] = []
    while let row = try cursor.next() {
      let values = (0..<width).map { SQLValue(row[$0] as DatabaseValue) }
      rows.append(Row(columns: columns, values: values))
    }
    return rows
  }

  func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
    try begin()
    let statement = try database.cachedStatement(sql: sql)
    try statement.execute(arguments: arguments.bound)
    return database.changesCount
  }

  func withoutErasing<Result>(_ body: () throws -> Result) throws -> Result {
    _ = try execute("PRAGMA secure_delete = FAST", [])
    defer { _ = try? execute("PRAGMA secure_delete = ON", []) }
    return try body()
  }

  func part(_ body: () throws -> Void) throws -> (any Error)? {
    needsSavepoint = true
    defer { needsSavepoint = false }
    do {
      try body()
      if !needsSavepoint { try database.cachedStatement(sql: "RELEASE job").execute() }
      return nil
    } catch {
      guard database.isInsideTransaction else { throw error }
      if !needsSavepoint {
        try database.cachedStatement(sql: "ROLLBACK TO job").execute()
        try database.cachedStatement(sql: "RELEASE job").execute()
      }
      return error
    }
  }
}

extension SQLValue {
  fileprivate init(_ value: DatabaseValue) {
    switch value.storage {
    case .null: self = .null
    case .int64(let number): self = .integer(number)
    case .string(let text): self = .text(text)
    case .blob(let data): self = .blob([UInt8](data))
    // No statement of ours makes one; a REAL that got in some other way is told apart by becoming
    // text.
    case .double(let number): self = .text("\(number)")
    }
  }
}

extension [SQLValue] {
  fileprivate var bound: StatementArguments {
    // As existentials: for a sequence of one type GRDB maps by a key path, which is made anew each time
    // and costs more than the binding.
    StatementArguments(
      map { value -> (any DatabaseValueConvertible)? in
        switch value {
        case .null: DatabaseValue.null
        case .integer(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let bytes): bytes.withUnsafeBytes { Data($0) }.databaseValue
        }
      })
  }
}
