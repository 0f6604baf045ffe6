import DurableFiles
import Foundation
package import Storage
package import Vocabulary

extension Store {
  /// How often a standby asks whether the owner is gone.
  package static let standbyPause: Duration = .milliseconds(200)

  /// Opens or makes a store on PostgreSQL, in the first schema of the search path, and brings its tables up to date.
  /// While another process owns it, this one waits as its standby. After the owner's end, or ten seconds after its last
  /// sign of life, it takes over. A store with several writers has no owner, and nobody waits.
  /// - Parameters:
  ///   - isShared: other processes may write into it at the same time.
  ///   - identityFile: remembers which store this was; another one in its place is refused.
  ///   - believesUnsafeServers: takes a server that does not sync, for tests.
  ///   - onWaiting: called once when there is an owner to wait for.
  /// - Throws: `StoreError`; its description tells an operator what to do.
  package static func open(
    _ location: PostgresLocation, for service: String, migrations: [Migration], clock: Clock,
    randomness: Randomness, isShared: Bool = false, identityFile: String? = nil,
    believesUnsafeServers: Bool = false,
    onWaiting: @Sendable () -> Void = {}
  ) async throws -> Store {
    let place = location.description
    var claim = PostgresClaim(
      parameters: location.parameters(for: service, owns: true), place: place,
      believesUnsafeServers: believesUnsafeServers,
      worker: isShared ? hexText(randomness.bytes(16)) : nil)
    do {
      let connection = try claim.connect()
      if try !claim.lock(connection) {
        onWaiting()
        while try !claim.lock(connection) { try await Task.sleep(for: standbyPause) }
      }
      let known = try identityFile.flatMap(Self.identity)
      if let known,
        try connection.run("SELECT to_regclass('store_owner') AS t").rows.first?
          .optionalBlob("t") == nil
      {
        throw StoreError.unsuitable(place: place, reason: Self.anotherStore(known))
      }
      let (epoch, store) = try claim.takeOver(connection, newID: hexText(randomness.bytes(16)))
      guard known == nil || known == store else {
        throw StoreError.unsuitable(place: place, reason: Self.anotherStore(known ?? ""))
      }
      try Migration.apply(
        migrations, to: PostgresMigrations(connection: connection), at: clock.now(), place: place)
      claim.epoch = epoch
      if isShared { try claim.unlock(connection) }
      if let identityFile, known == nil {
        try DurableFile.write([(identityFile, Array(store.utf8))], .ownersOnly, draft: ".new")
      }
      return try Store(PostgresEngine(claim, connection, place: place))
    } catch {
      throw PostgresFailure.translated(error, place: place)
    }
  }

  /// Nil only where there is no such file: one that cannot be read must not let any database in.
  private static func identity(in file: String) throws -> String? {
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    do {
      return try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      throw StoreError.unreadable(
        path: file, reason: "it says which database is ours; give it to this service's user")
    }
  }

  private static func anotherStore(_ known: String) -> String {
    "this is not the store \(known) that was kept here before; name the right database, or restore it"
  }
}
