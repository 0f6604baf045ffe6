import FoundationEssentials
import GRDB

/// Looks at a store without owning it: beside its owner, or at a copy. Writes nothing, not even a
/// lock. A class: it owns the connection.
package final class StoreReader: Sendable {
  private let queue: DatabaseQueue
  private let path: String

  /// - Throws: `StoreError`; also where the file does not exist.
  package init(path: String) throws(StoreError) {
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

  /// A consistent view. Blocks; while it lasts, the owner's log cannot be cut back.
  package func read<Result>(_ body: (Snapshot) throws -> Result) throws -> Result {
    do {
      return try queue.read { try body(Snapshot(database: $0)) }
    } catch {
      throw StoreError.translated(error, path: path)
    }
  }
}
