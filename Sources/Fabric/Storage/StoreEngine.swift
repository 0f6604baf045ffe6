/// What keeps a store: SQLite in a file, or PostgreSQL. Everything above (group commit, outbox, idempotency keys) is the
/// same for both, and so are their tests.
package protocol StoreEngine: SnapshotSource {
  /// One transaction, durable when this returns. Called on one thread at a time; blocks.
  /// - Parameter body: what it throws undoes the transaction, and is thrown here. Where others write too, it may be called
  ///   again, after all that it did was undone.
  /// - Throws: also what the database says; `StoreError.unreachable` where nobody knows what became of it.
  func commit(_ body: (any WriteSession) throws -> Void) throws

  /// A consistent view, beside running transactions.
  func read<Result: Sendable>(
    _ body: @escaping @Sendable (Snapshot) throws -> Result
  ) async throws -> Result

  /// The database's own errors as ours; anything else as it is.
  func translated(_ error: any Error) -> any Error

  /// Whether each connection waits for the disk, the writing one first. Blocks.
  func syncs() throws -> [Bool]

  /// By what this process's work can be told from that of others that write into the same store; nil: nobody else does.
  var worker: String? { get }

  /// Nil while this process owns the store and nobody else can; otherwise why it must not answer from memory.
  var disowned: StoreError? { get }

  /// What the engine tells of its own accord; set once, before the first commit.
  func follow(_ events: @escaping @Sendable (StoreEngineEvent) -> Void)

  /// Ends it in good order. Nothing runs any more.
  func close()
}

/// What an engine tells without being asked.
package enum StoreEngineEvent: Sendable {
  /// The database is there again; commits that nobody has heard of may have been kept.
  case resumed
  /// Others that write into the same store may have done so.
  case changed
  /// Another process owns the store now. This one keeps nothing any more.
  case deposed
}

/// Where consistent views come from.
package protocol SnapshotSource: Sendable {
  /// Blocks its thread.
  func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result
}

/// One connection at work.
package protocol SQLSession {
  /// - Parameters:
  ///   - sql: one statement with `?` for each argument; a constant, never put together from data.
  /// - Returns: all rows.
  func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [Row]

  /// - Returns: how many rows were changed.
  func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int

  /// Deletions in `body` need not overwrite what they delete. SQLite otherwise does; PostgreSQL never does.
  func withoutErasing<Result>(_ body: () throws -> Result) throws -> Result
}

/// A connection inside a transaction that several writers share.
package protocol WriteSession: SQLSession {
  /// Runs a part that is undone by itself when it fails.
  /// - Returns: what `body` threw; nil when it stays.
  /// - Throws: when the whole transaction is gone, as after a full disk or with the connection.
  func part(_ body: () throws -> Void) throws -> (any Error)?
}

/// The words of SQL that differ.
package enum SQLDialect: Sendable, CaseIterable {
  case sqlite, postgres
}
