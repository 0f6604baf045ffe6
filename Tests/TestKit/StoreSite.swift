import Foundation
package import Storage
import StoragePostgres
package import Testing
package import Vocabulary

/// What keeps a store. One suite of tests runs against both.
package enum StoreKind: String, CaseIterable, Sendable {
  case sqlite
  case postgres

  /// Without PostgreSQL, after saying so, where that is not installed and need not be.
  package static let installed: [StoreKind] = {
    guard !PostgresServer.mayTest else { return allCases }
    print("skipped: stores on PostgreSQL, which is not installed")
    return [.sqlite]
  }()
}

extension StoreKind {
  /// Where a test's stores are to be, see `EachStore`.
  @TaskLocal package static var current = StoreKind.sqlite
}

/// Runs each test of a suite once for each kind of store: what the test opens at `StoreSite()` or in a `TestHome` is there.
package struct EachStore: SuiteTrait, TestTrait, TestScoping {
  package let isRecursive = true

  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    for kind in testCase == nil ? [.current] : StoreKind.installed {
      try await StoreKind.$current.withValue(kind) { try await function() }
    }
  }
}

extension Trait where Self == EachStore {
  package static var onEachStore: Self { EachStore() }
}

/// The place of one test's store; gone with the value's last copy. A class for that reason.
package final class StoreSite: Sendable {
  package let kind: StoreKind
  /// A folder of its own, which is there.
  package let folder: String
  /// Nil on SQLite.
  package let location: PostgresLocation?

  package init(_ kind: StoreKind = .current) throws {
    self.kind = kind
    folder = FileManager.default.temporaryDirectory.path + "/strongroom-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    location = kind == .postgres ? try PostgresServer.shared.newStore() : nil
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  package var file: String { "\(folder)/store/test.sqlite" }

  package func open(_ migrations: [Migration], clock: Clock) async throws -> Store {
    guard let location else {
      return try Store.open(path: file, migrations: migrations, clock: clock)
    }
    return try await Store.open(
      location, for: "test", migrations: migrations, clock: clock, randomness: .system)
  }

  /// - Parameter file: where it is on SQLite. On PostgreSQL it is a new one.
  package static func open(
    file: String, _ migrations: [Migration], clock: Clock
  ) async throws -> Store {
    switch StoreKind.current {
    case .sqlite: try Store.open(path: file, migrations: migrations, clock: clock)
    case .postgres:
      try await Store.open(
        PostgresServer.shared.newStore(), for: "test", migrations: migrations, clock: clock,
        randomness: .system)
    }
  }

  package func reader() throws -> StoreReader {
    guard let location else { return try StoreReader(path: file) }
    return try StoreReader(PostgresReader(location))
  }
}
