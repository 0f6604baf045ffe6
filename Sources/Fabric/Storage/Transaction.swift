import FoundationEssentials
import GRDB
import Vocabulary

/// A consistent view of the store for reading. Lives only inside the closure that received it.
package struct Snapshot {
  let database: Database

  /// - Parameters:
  ///   - sql: one statement with `?` for each argument; a constant, never put together from data.
  /// - Returns: all rows; ask for a `LIMIT`.
  package func rows(_ sql: String, _ arguments: [SQLValue] = []) throws -> [Row] {
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

  /// The first row, or nil when there is none.
  package func row(_ sql: String, _ arguments: [SQLValue] = []) throws -> Row? {
    try rows(sql, arguments).first
  }
}

/// One durable change: everything in it is kept, or nothing. Lives only inside the closure that
/// received it.
package struct Transaction {
  let database: Database
  let notes: Notes

  /// What the transaction did that others must hear of once it is durable.
  final class Notes {
    var appended = 0
    var removed = 0
  }

  /// The same state for functions that only read; sees what this transaction wrote.
  package var snapshot: Snapshot { Snapshot(database: database) }

  /// - Returns: how many rows were changed.
  @discardableResult
  package func execute(_ sql: String, _ arguments: [SQLValue] = []) throws -> Int {
    let statement = try database.cachedStatement(sql: sql)
    try statement.execute(arguments: arguments.bound)
    return database.changesCount
  }
  package func rows(_ sql: String, _ arguments: [SQLValue] = []) throws -> [Row] {
    try snapshot.rows(sql, arguments)
  }
  package func row(_ sql: String, _ arguments: [SQLValue] = []) throws -> Row? {
    try snapshot.row(sql, arguments)
  }

  /// Puts a message into the outbox, in the same change as the state it tells of. The same id again
  /// is a defect and throws `StoreError.constraint`.
  package func append(_ message: OutboxMessage) throws {
    try execute(
      "INSERT INTO outbox (id, topic, body, appended_at) VALUES (?, ?, ?, ?)",
      [
        .text(message.id), .text(message.topic), .blob(message.body),
        .integer(message.at.nanoseconds),
      ])
    notes.appended += 1
  }
}

extension SQLValue {
  init(_ value: DatabaseValue) {
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
