import Storage

/// A connection inside a transaction. What needs no answer (savepoints and their ends) goes out with the next statement
/// that does, so that a write among others costs one round trip. A class: it knows what is still to be sent.
final class PostgresSession: WriteSession {
  private let connection: PostgresConnection
  private var unsent: [String] = []

  init(_ connection: PostgresConnection) { self.connection = connection }

  func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [Row] {
    try run(sql, arguments).rows
  }

  func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
    try run(sql, arguments).changed
  }

  /// PostgreSQL never overwrites what it deletes.
  func withoutErasing<Result>(_ body: () throws -> Result) throws -> Result { try body() }

  private func run(_ sql: String, _ arguments: [SQLValue]) throws -> PostgresAnswer {
    try connection.run(sql, arguments, after: &unsent)
  }

  func part(_ body: () throws -> Void) throws -> (any Error)? {
    let mark = "SAVEPOINT part"
    unsent.append(mark)
    var failure: (any Error)?
    do {
      try body()
    } catch {
      failure = error
    }
    guard !connection.isLost else { throw failure ?? PostgresFailure.lost("during a transaction") }
    // The whole transaction is to be done again, not this part undone.
    if let conflict = failure as? PostgresFailure, conflict.isConflict { throw conflict }
    if unsent.last == mark {
      // Nothing was asked of the database.
      unsent.removeLast()
      return failure
    }
    // A body that passed over a failed statement has failed nevertheless: the server takes nothing more.
    if failure == nil, connection.hasFailed {
      failure = PostgresFailure.refused(state: "25P02", reason: "a statement has failed")
    }
    guard failure != nil else {
      unsent.append("RELEASE part")
      return nil
    }
    try connection.control("ROLLBACK TO part; RELEASE part")
    return failure
  }

  /// - Throws: `.lost` where nobody knows whether it was kept.
  func commit() throws(PostgresFailure) {
    let end = try connection.control((unsent + ["COMMIT"]).joined(separator: "; "))
    // The server answers the commit of a failed transaction by undoing it, without an error.
    guard end.tag == "COMMIT" else { throw .unexpected("\(end.tag) in the place of COMMIT") }
  }
}
