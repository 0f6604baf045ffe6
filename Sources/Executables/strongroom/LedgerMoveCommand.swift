import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import LedgerJournal
import LedgerStorage
import OperatorCommands
import Storage
import StoragePostgres
import StrictJSON
import Vocabulary

struct LedgerMoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Take the books from the home's file to PostgreSQL.",
    discussion: """
      While the platform is down. Everything goes along: each journal entry as it was sealed, with its ids, \
      moments and hashes, accounts and their owners, open holds, and messages that wait to be delivered. All \
      of it is decided once more on its way, and verified where it arrived; then the file gets the ending \
      .moved. Safe to repeat after an interruption. Give 'up' the same location as --ledger-database.
      """)

  @Option(
    help: ArgumentHelp(
      "An empty database or schema: postgresql://USER@HOST/DATABASE?passfile=FILE.",
      valueName: "location"))
  var to: String

  @OptionGroup var place: PlaceOptions

  func validate() throws { _ = try databaseLocation(to, option: "--to") }

  func run() async throws {
    try await reporting(json: place.json) {
      guard let location = try databaseLocation(to, option: "--to") else { return }
      let home = try place.place()
      let lock = try HomeLock.take(home)
      defer { withExtendedLifetime(lock) {} }
      let report = try await move(home.storeFile(of: "ledger"), to: location)
      try await settle(home, location)
      guard !place.json else {
        return printLine(
          .object([
            "entries": .integer(report.entries), "carried": .integer(report.carried),
            "open_holds": .integer(Int64(report.openHolds)), "rows": .integer(Int64(report.rows)),
            "tip": .string(report.tip),
          ]))
      }
      print(
        """
        \(report.entries) entries (\(report.carried) now), \(report.openHolds) open holds, \(report.rows) messages \
        and keys are in \(location), verified.
        tip \(report.tip)
        """)
      for total in report.totals { print(LedgerTrialBalanceCommand.line(total)) }
      print("Next: \(place.printed.text("up", "--ledger-database", to))")
    }
  }

  private func move(
    _ file: String, to location: PostgresLocation
  ) async throws -> LedgerMove.Report {
    guard FileManager.default.fileExists(atPath: file) else {
      throw OperatorFailure("there are no books in \(file)", .noInput)
    }
    do {
      // Ours for as long as this lasts, and at the newest migration.
      let books = try Store.open(path: file, migrations: Migration.ledger, clock: .system)
      let target = try await Self.open(location)
      let report = try LedgerMove(from: StoreReader(path: file), to: target).run()
      target.close()
      books.close()
      let found = try LedgerVerifier(StoreReader(PostgresReader(location))).verify()
      guard found.findings.isEmpty, found.tip == report.tip, found.openHolds == report.openHolds
      else {
        throw OperatorFailure(
          "what arrived is not what was sent: \(found.findings.first ?? "another tip"). The file is as it was",
          .failed)
      }
      return report
    } catch let other as LedgerMove.OtherBooks {
      throw OperatorFailure("\(location): \(other)", .badInput)
    } catch let outrun as LedgerMove.Outrun {
      throw OperatorFailure("\(location): \(outrun)", .badInput)
    } catch let mismatch as JournalMismatch {
      throw OperatorFailure("\(file) is not moved: \(mismatch)", .failed)
    } catch let error as StoreError {
      throw OperatorFailure(error.description, .unavailable)
    }
  }

  /// From here on the home knows its books to be there, and the file is out of the way.
  private func settle(_ home: Home, _ location: PostgresLocation) async throws {
    try await Self.open(location, identityFile: home.storeIdentityFile(of: "ledger")).close()
    // The ledger reads it as its own user; whoever moves the books may be root.
    let folder = try FileManager.default.attributesOfItem(
      atPath: home.dataFolder(of: "ledger"))
    var owner: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
    owner[.ownerAccountID] = folder[.ownerAccountID]
    owner[.groupOwnerAccountID] = folder[.groupOwnerAccountID]
    try FileManager.default.setAttributes(owner, ofItemAtPath: home.storeIdentityFile(of: "ledger"))
    try KnownStores.forget("ledger", in: home)
    let file = home.storeFile(of: "ledger")
    // The log is empty after a close in good order; if it is not, it belongs to the file.
    for rest in ["-wal", ""] where FileManager.default.fileExists(atPath: file + rest) {
      try FileManager.default.moveItem(atPath: file + rest, toPath: "\(file).moved\(rest)")
    }
    for rest in ["-shm", ".lock"] { try? FileManager.default.removeItem(atPath: file + rest) }
  }

  private static func open(
    _ location: PostgresLocation, identityFile: String? = nil
  ) async throws -> Store {
    try await Store.open(
      location, for: "strongroom-ledger-move", migrations: Migration.ledger, clock: .system,
      randomness: .system, identityFile: identityFile
    ) { complain("another ledger owns that database; waiting until it ends …") }
  }
}
