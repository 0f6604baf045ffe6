import Vocabulary

/// A consistent view of the store for reading. Lives only inside the closure that received it.
package struct Snapshot {
  let session: any SQLSession

  /// - Parameter session: inside a transaction that sees one state.
  package init(_ session: any SQLSession) { self.session = session }

  /// - Parameters:
  ///   - sql: one statement with `?` for each argument; a constant, never put together from data.
  /// - Returns: all rows; ask for a `LIMIT`.
  package func rows(_ sql: String, _ arguments: [SQLValue] = []) throws -> [Row] {
    try session.rows(sql, arguments)
  }

  /// The first row, or nil when there is none.
  package func row(_ sql: String, _ arguments: [SQLValue] = []) throws -> Row? {
    try session.rows(sql, arguments).first
  }
}

/// One durable change: everything in it is kept, or nothing. Lives only inside the closure that
/// received it.
package struct Transaction {
  let session: any SQLSession
  let notes: Notes

  /// What the transaction did that others must hear of once it is durable.
  final class Notes {
    var messages: [OutboxMessage] = []
    /// How many messages left the outbox.
    var removed = 0

    /// Nothing of it was kept.
    func forget() { (messages, removed) = ([], 0) }
  }

  /// The same state for functions that only read; sees what this transaction wrote.
  package var snapshot: Snapshot { Snapshot(session) }

  /// - Returns: how many rows were changed.
  @discardableResult
  package func execute(_ sql: String, _ arguments: [SQLValue] = []) throws -> Int {
    try session.execute(sql, arguments)
  }
  package func rows(_ sql: String, _ arguments: [SQLValue] = []) throws -> [Row] {
    try session.rows(sql, arguments)
  }
  package func row(_ sql: String, _ arguments: [SQLValue] = []) throws -> Row? {
    try session.rows(sql, arguments).first
  }

  /// Deletes what need not be overwritten on the disk, because it is no secret or is kept elsewhere.
  @discardableResult
  package func delete(
    withoutErasing sql: String, _ arguments: [SQLValue] = []
  ) throws -> Int {
    try withoutErasing { try session.execute(sql, arguments) }
  }

  /// The same for several statements.
  func withoutErasing<Result>(_ body: () throws -> Result) throws -> Result {
    try session.withoutErasing(body)
  }

  /// Puts a message into the outbox, in the same change as the state it tells of. The receiver tells by its id whether it
  /// had it before.
  package func append(_ message: OutboxMessage) { notes.messages.append(message) }
}
