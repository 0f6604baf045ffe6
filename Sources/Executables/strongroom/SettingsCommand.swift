import ArgumentParser
import Charters
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import StrictJSON

struct SettingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings",
    abstract: "What can be chosen for this platform: value, default, and where it was said.",
    discussion: """
      Of a home that was made, as it is in force since its last 'up'; else of the checkout. To choose: \
      'strongroom up --set NAME=VALUE', or a file with --settings-file.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: ArgumentHelp("Checkout, or folder of charters.", valueName: "dir"))
  var charters: String?

  func run() async throws {
    try await reporting(json: place.json) {
      let home = try place.place()
      let platform = PlatformSettings.read(home)
      let folder =
        try platform == nil || charters != nil ? chartersFolder(charters) : home.chartersFolder
      let lines = SettingsBook(try CharterFolder.load(folder)).lines(of: platform ?? Platform())
      guard !place.json else {
        return printLine(.object(["settings": .array(lines.map(Self.json))]))
      }
      let width = lines.map(\.name.count).max() ?? 0
      for line in lines {
        let name = line.name + String(repeating: " ", count: width - line.name.count)
        let from = line.from.map { "from \($0)" } ?? "default"
        print("\(name)  \(line.value)  (\(from); \(line.range), default \(line.usual))")
        print(Terminal.output.styled("  \(line.summary)", .dim))
      }
    }
  }

  private static func json(_ line: SettingsBook.Line) -> JSON {
    var members: [String: JSON] = [
      "name": .string(line.name), "value": .string(line.value), "default": .string(line.usual),
      "range": .string(line.range), "summary": .string(line.summary),
    ]
    if let from = line.from { members["from"] = .string(from) }
    return .object(members)
  }
}
