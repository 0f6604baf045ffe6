import Foundation
package import Storage
import StoragePostgres
import StrictJSON
import Telemetry
import Vocabulary

/// Takes a service's store from its file to its place on a server, as the service's own program: only that knows its
/// schema. For `strongroom move`, while nobody runs.
enum StoreTransfer {
  /// The word of the command line, before the service's name.
  static let word = "--move"
  /// Bytes of the place, at most.
  private static let placeBytesMax = 65_536

  /// - Returns: how many rows were carried; nil where there is no file.
  /// - Throws: `StartFailure` for a place that is none; `StoreError`; what the service says of a store that did not arrive.
  static func run<Subject: Service>(
    _ type: Subject.Type, home: Home, log: Log, clock: Clock, randomness: Randomness
  ) async throws -> Int? {
    let name = Subject.name
    let bytes = try FileHandle.standardInput.read(upToCount: placeBytesMax) ?? Data()
    guard let server = try? StrictJSON.decode(StoreServer.self, from: Array(bytes)) else {
      throw StartFailure(
        "standard input does not say where the store is to go", hint: "use 'strongroom move'")
    }
    let file = home.storeFile(of: name)
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    var platform = try Platform.load(from: home)
    platform.place(server, for: name)
    // Ours for as long as this lasts, and at the newest migration.
    let source = try Store.open(path: file, migrations: Subject.migrations, clock: clock)
    let target = try await StorePlace(
      service: name, isShared: false, home: home, platform: platform, log: log, clock: clock,
      randomness: randomness
    ).open(Subject.migrations)
    let arrived = StoreReader(try PostgresReader(home.location(of: name, at: server)))
    let rows = try await Subject.carry(try StoreReader(path: file), to: target, readBy: arrived)
    target.close()
    source.close()
    try putAside(file)
    return rows
  }

  /// Out of the way of the next start, which would take it for a store that was left behind.
  private static func putAside(_ file: String) throws {
    // The log is empty after a close in good order; if it is not, it belongs to the file.
    for rest in ["-wal", ""] where FileManager.default.fileExists(atPath: file + rest) {
      try FileManager.default.moveItem(atPath: file + rest, toPath: "\(file).moved\(rest)")
    }
    for rest in ["-shm", ".lock"] { try? FileManager.default.removeItem(atPath: file + rest) }
  }
}

extension Service {
  package static func carry(
    _ source: StoreReader, to target: Store, readBy arrived: StoreReader
  ) async throws -> Int {
    let copy = TableCopy(from: source)
    let rows = try copy.run { try target.writeNow($0) }
    try copy.verify(arrived)
    return rows
  }
}
