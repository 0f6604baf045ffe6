import Foundation
package import Vocabulary

extension Store {
  /// Largest store that is copied, in bytes.
  package static let copiedBytesMax = 268_435_456

  /// Works on a copy of a store that somebody else has open, as whoever takes its files from the disk would; the copy is
  /// removed afterwards, the store itself is only read.
  /// - Throws: what `body` throws, `StoreError` where the copy cannot be opened, `StoreTooLarge`, or a file error.
  package static func withCopy<Result>(
    of path: String, migrations: [Migration], clock: Clock, randomness: Randomness,
    _ body: (Store) async throws -> Result
  ) async throws -> Result {
    let files = FileManager.default
    let parts = ["", "-wal"].filter { files.fileExists(atPath: path + $0) }
    let bytes = try parts.reduce(0) { sum, part in
      sum + ((try files.attributesOfItem(atPath: path + part)[.size] as? NSNumber)?.intValue ?? 0)
    }
    guard bytes <= copiedBytesMax else { throw StoreTooLarge(path: path) }
    let folder = files.temporaryDirectory.path + "/strongroom-\(hexText(randomness.bytes(8)))"
    try files.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? files.removeItem(atPath: folder) }
    // The write-ahead log after the store: what it holds already came later than what was copied.
    for part in parts {
      try files.copyItem(atPath: path + part, toPath: "\(folder)/store.db\(part)")
    }
    let store = try open(path: "\(folder)/store.db", migrations: migrations, clock: clock)
    defer { store.close() }
    return try await body(store)
  }

  /// More than `copiedBytesMax`.
  package struct StoreTooLarge: Error, CustomStringConvertible {
    package let path: String
    package var description: String { "\(path) is too large to be copied" }
  }
}
