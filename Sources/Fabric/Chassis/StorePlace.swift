import Foundation
package import Storage
import StoragePostgres
package import Telemetry
package import Vocabulary

/// Where a service's store may be, and what opening it takes.
package struct StorePlace: Sendable {
  package let service: ServiceName
  /// Whether other processes may write into it at the same time, where it is on a server.
  package let isShared: Bool
  package let home: Home
  package let platform: Platform
  package let log: Log
  package let clock: Clock
  package let randomness: Randomness

  /// On PostgreSQL where the platform says so, otherwise in a file of the service's own. While another process owns the
  /// store there, this one waits as its standby, unless several may write.
  /// - Throws: `StoreError`; its description tells an operator what to do.
  package func open(_ migrations: [Migration]) async throws -> Store {
    let identity = home.storeIdentityFile(of: service)
    guard let server = platform.storeServer(of: service) else {
      guard !FileManager.default.fileExists(atPath: identity) else {
        throw StoreError.unsuitable(
          place: home.storeFile(of: service),
          reason: "this home's store is on PostgreSQL; give 'up' the location of its database again"
        )
      }
      return try Store.open(
        path: home.storeFile(of: service), migrations: migrations, clock: clock)
    }
    try FileManager.default.createDirectory(
      atPath: home.dataFolder(of: service), withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let note = StandbyNote(home, service)
    defer { note.remove() }
    return try await Store.open(
      home.location(of: service, at: server), for: "strongroom-\(service)", migrations: migrations,
      clock: clock,
      randomness: randomness, isShared: isShared, identityFile: identity
    ) {
      log.warning("another process owns the store, this one waits as its standby")
      do {
        try note.leave(by: ProcessInfo.processInfo.processIdentifier)
      } catch {
        // It will be started anew when the launcher loses patience, which is no harm but in the log.
        log.warning("the launcher cannot be told of it", ["why": .text("\(error)")])
      }
    }
  }
}

extension Home {
  /// Where a service's store is on its server: with the service's own copies of what the location names, and without a
  /// name to look up.
  package func location(of service: ServiceName, at server: StoreServer) -> PostgresLocation {
    PostgresLocation.fileKeys.reduce(server.location) { location, key in
      let copy = databaseFile(key, of: service)
      return FileManager.default.isReadableFile(atPath: copy) ? location.with(key, copy) : location
    }.resolved(server.addresses)
  }
}
