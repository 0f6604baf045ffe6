import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import Storage
import StrictJSON
import Vocabulary

struct MoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Take all stores from the home's files to PostgreSQL.",
    discussion: """
      While the platform is down. Each service's own program carries its store, under the role that the \
      service will have there: all rows are read again where they arrived, the ledger's books are decided \
      once more entry by entry; then the file gets the ending .moved. The audit log's tiles stay files. Safe \
      to repeat after an interruption. Give 'up' the same location as --database.
      """)

  @Option(
    help: ArgumentHelp(
      "A database without other platforms' stores: postgresql://USER@HOST/DATABASE?passfile=FILE. USER needs CREATEROLE, and CREATE on it.",
      valueName: "location"))
  var to: String

  @Option(help: ArgumentHelp("Checkout, or folder of charters.", valueName: "dir"))
  var charters: String?

  @Option(help: ArgumentHelp("Folder of a service that was added.", valueName: "dir"))
  var with: [String] = []

  @OptionGroup var place: PlaceOptions

  func validate() throws { _ = try databaseLocation(to, option: "--to") }

  func run() async throws {
    try await reporting(json: place.json) {
      guard let location = try databaseLocation(to, option: "--to") else { return }
      let home = try place.place()
      let lock = try HomeLock.take(home)
      defer { withExtendedLifetime(lock) {} }
      let own = URL(filePath: try ExecutableFile.ownPath()).deletingLastPathComponent()
      let move = try HomeMove(
        home, to: location,
        charters: CharterFolder.load(chartersFolder(charters), with: addedFolders(with)),
        binaries: own.path(percentEncoded: false), randomness: .system)
      for service in move.services {
        do {
          let rows = try move.move(service)
          show(service, rows)
        } catch let failure as HomeMove.Failure {
          throw OperatorFailure(failure.description, .failed)
        }
      }
      guard !place.json else { return }
      if move.services.isEmpty { print("No store is in a file that may go there.") }
      print("Next: \(place.printed.text("up", "--database", to))")
    }
  }

  private func show(_ service: ServiceName, _ rows: Int) {
    guard !place.json else {
      return printLine(
        .object(["service": .string("\(service)"), "carried": .integer(Int64(rows))]))
    }
    let what = service == "ledger" ? "journal entries" : "rows"
    print("  \(Terminal.output.styled("✓", .green)) \(service)  \(rows) \(what), verified")
  }
}
