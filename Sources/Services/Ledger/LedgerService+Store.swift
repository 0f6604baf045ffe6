package import Chassis
import FoundationEssentials
import LedgerJournal
package import Storage
import StoragePostgres
import Telemetry

extension LedgerService {
  /// For people.
  static func place(of context: ServiceContext) -> String {
    context.platform.ledgerDatabase?.description ?? context.home.storeFile(of: name)
  }

  /// What an operator must know of books that stay shut, where callers only hear that they may ask again.
  static func tell(_ mismatch: JournalMismatch?, of place: String, to log: Log) {
    guard let mismatch else { return log.info("the books are whole again, and open") }
    let advice =
      switch mismatch {
      case .missing:
        "bring back the server that has this entry, or promote a replica that does: the ledger then opens by itself. "
          + "Do not start the ledger anew before: it would take the shorter books for the whole"
      case .hashDiffers, .malformed, .chainBroken, .epochGoesBack, .transfersDoNotFollow, .book,
        .snapshot, .indexAhead:
        "run 'strongroom ledger verify', and restore the newest backup that it finds sound"
      }
    log.error(
      "the books are not what was answered, and stay shut: every call gets 503",
      ["what": .text(mismatch.description), "where": .text(place), "hint": .text(advice)])
  }

  /// On PostgreSQL where the platform says so. While another ledger owns the books there, this one is its standby.
  package static func openStore(_ place: StorePlace) async throws -> Store {
    let identity = place.home.ledgerIdentityFile
    guard let location = place.platform.ledgerDatabase else {
      guard !FileManager.default.fileExists(atPath: identity) else {
        throw StoreError.unsuitable(
          place: place.home.storeFile(of: name),
          reason: "this home's books are on PostgreSQL; give 'up' its --ledger-database again")
      }
      return try Store.open(
        path: place.home.storeFile(of: name), migrations: migrations, clock: place.clock)
    }
    let own = PostgresLocation.fileKeys.reduce(location) { location, key in
      let copy = place.home.databaseFile(key, of: name)
      return FileManager.default.isReadableFile(atPath: copy) ? location.with(key, copy) : location
    }
    let resolved = own.resolved(place.platform.ledgerDatabaseAddresses ?? [:])
    let log = place.log
    let folder = place.home.dataFolder(of: name)
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let note = StandbyNote(place.home, name)
    defer { note.remove() }
    return try await Store.open(
      resolved, for: "strongroom-ledger", migrations: migrations, clock: place.clock,
      randomness: place.randomness,
      identityFile: identity
    ) {
      log.warning("another ledger owns the books, this one waits as its standby")
      do {
        try note.leave(by: ProcessInfo.processInfo.processIdentifier)
      } catch {
        // It will be started anew when the launcher loses patience, which is no harm but in the log.
        log.warning("the launcher cannot be told of it", ["why": .text("\(error)")])
      }
    }
  }
}
