import Dispatch
import Foundation
package import Storage
import Synchronization

/// Connections for reading: each view is one transaction that sees one state and can change nothing. A class: it owns
/// the connections.
final class PostgresReaders: SnapshotSource {
  private let parameters: [String: String]
  private let idle = Mutex<[PostgresConnection]>([])
  private let slots: DispatchSemaphore
  /// Tasks wait here, not on a thread.
  private let queue = OperationQueue()

  init(_ parameters: [String: String], max: Int) {
    self.parameters = parameters
    slots = DispatchSemaphore(value: max)
    queue.maxConcurrentOperationCount = max
  }

  func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    slots.wait()
    defer { slots.signal() }
    let connection = try begun()
    do {
      let result = try body(Snapshot(PostgresSession(connection)))
      try connection.control("COMMIT")
      idle.withLock { $0.append(connection) }
      return result
    } catch {
      if !connection.isLost, (try? connection.control("ROLLBACK")) != nil {
        idle.withLock { $0.append(connection) }
      }
      throw error
    }
  }

  func read<Result: Sendable>(
    _ body: @escaping @Sendable (Snapshot) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.addOperation { continuation.resume(with: Swift.Result { try self.read(body) }) }
    }
  }

  /// A connection in a fresh transaction. One that was cut while it idled is replaced.
  private func begun() throws(PostgresFailure) -> PostgresConnection {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    while let old = idle.withLock({ $0.popLast() }) {
      if (try? old.control(begin)) != nil { return old }
    }
    let new = try PostgresConnection(parameters)
    try new.control(begin)
    return new
  }

  /// Ends the connections that nobody uses.
  func close() { idle.withLock { $0 = [] } }
}

/// A store on PostgreSQL for those who do not own it. A class: it owns the connections.
package final class PostgresReader: SnapshotSource {
  private let readers: PostgresReaders
  private let place: String

  /// - Throws: `StoreError` where there is no store, or we are not let in.
  package init(_ location: PostgresLocation) throws(StoreError) {
    readers = PostgresReaders(location.parameters(for: "strongroom-reader"), max: 1)
    place = location.description
    let table: Row?
    do {
      table = try readers.read {
        try $0.row("SELECT to_regclass('migrations') IS NOT NULL AS is_there")
      }
    } catch let failure as PostgresFailure {
      throw failure.storeError(place: place)
    } catch {
      throw .unexpectedColumn("\(error)")
    }
    guard try table?.integer("is_there") == 1 else {
      throw .unreadable(path: place, reason: "there is no store in this database")
    }
  }

  package func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    do {
      return try readers.read(body)
    } catch {
      throw PostgresFailure.translated(error, place: place)
    }
  }
}
