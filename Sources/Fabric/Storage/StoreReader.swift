import FoundationEssentials
import GRDB

/// Looks at a store without owning it: beside its owner, or at a copy. Writes nothing, not even a
/// lock.
package struct StoreReader: Sendable {
  private let source: any SnapshotSource

  /// - Parameter source: of the store's database.
  package init(_ source: any SnapshotSource) { self.source = source }

  /// A store in a file.
  /// - Throws: `StoreError`; also where the file does not exist.
  package init(path: String) throws(StoreError) { source = try SQLiteFileReader(path: path) }

  /// A consistent view. Blocks; while it lasts, the owner's log cannot be cut back.
  /// - Throws: what `body` throws, or `StoreError`.
  package func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    try source.read(body)
  }
}

/// A class: it owns the connection.
private final class SQLiteFileReader: SnapshotSource {
  private let queue: DatabaseQueue
  private let path: String

  init(path: String) throws(StoreError) {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else {
      throw .unreadable(path: path, reason: "it does not exist")
    }
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    do {
      queue = try DatabaseQueue(path: path, configuration: configuration)
    } catch {
      throw StoreError.certain(error, path: path)
    }
  }

  func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    do {
      return try queue.read { try body(Snapshot(SQLiteSession($0))) }
    } catch {
      throw StoreError.translated(error, path: path)
    }
  }
}
