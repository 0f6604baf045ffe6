import ArgumentParser
import Charters
import Foundation
import Launcher
import StrictJSON
import Vocabulary

struct CharterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "charter", abstract: "Check all charters together, or begin a new service.",
    subcommands: [CharterCheckCommand.self, CharterNewCommand.self])
}

struct CharterCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read all charters together and name every fault.",
    discussion: "Each fault comes as file:line:column with a hint. Exit code 65 when there are any."
  )

  @Argument(help: "Checkout, or folder of charters (default: found upwards from here).")
  var path: String?

  @Option(help: ArgumentHelp("The same as PATH.", valueName: "dir"))
  var charters: String?

  @Option(help: ArgumentHelp("Folder of a service to add. May be repeated.", valueName: "dir"))
  var with: [String] = []

  @Flag(help: "One JSON document.")
  var json = false

  func run() async throws {
    try await reporting(json: false) {
      let folder = try chartersFolder(path ?? charters)
      do {
        let set = try CharterFolder.load(folder, with: addedFolders(with))
        let edges = set.charters.flatMap(\.calls).map(\.operations.count).reduce(0, +)
        if json {
          printLine(
            .object(["charters": .integer(Int64(set.charters.count)), "faults": .array([])]))
        } else {
          print(
            "\(set.charters.count) charters hold together: \(edges) edges, "
              + "\(set.publicRoutes.count) public routes, start order "
              + set.startOrder.map(\.description).joined(separator: " → "))
        }
      } catch LaunchFailure.badCharters(let faults) where json {
        printLine(.object(["faults": .array(faults.faults.map(Self.json))]))
        throw ArgumentParser.ExitCode(CommandExit.badInput.rawValue)
      } catch LaunchFailure.badCharters(let faults) {
        let here = FileManager.default.currentDirectoryPath + "/"
        print(faults.description.replacing(here, with: ""))
        complain("\(faults.faults.count) fault(s) in the charters")
        throw ArgumentParser.ExitCode(CommandExit.badInput.rawValue)
      }
    }
  }

  private static func json(_ fault: CharterFault) -> JSON {
    var fields: [String: JSON] = [
      "kind": .string(fault.kind.rawValue), "file": .string(fault.place.file),
      "line": .integer(Int64(fault.place.line)), "column": .integer(Int64(fault.place.column)),
      "message": .string(fault.message),
    ]
    if let hint = fault.hint { fields["hint"] = .string(hint) }
    return .object(fields)
  }
}
