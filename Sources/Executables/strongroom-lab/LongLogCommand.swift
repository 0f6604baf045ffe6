import ArgumentParser
import Chassis
import Commands
import Drill
import Launcher
import OperatorCommands
import Storage
import Vocabulary

/// What costs more on a longer log shows only on a long one, and nobody waits a day for it.
struct LongLogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit-log",
    abstract:
      "Make the audit log of a stopped test platform long, through its real store and writer.",
    discussion: """
      The records are invented, nine to a payment as payments leave them, and stand in the log for ever: not for a \
      platform that anybody relies on. Afterwards measure 'up', 'drill' and 'audit verify'.
      """)

  @OptionGroup var place: PlaceOptions

  @Option(help: "Records to add.")
  var records = 1_000_000

  func validate() throws {
    guard (1...100_000_000).contains(records) else {
      throw ValidationError("--records must be from 1 to 100000000")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let home = Home(try place.place().path)
      let progress = LongWork("Making the log long", "records", isTold: !place.json)
      let size = try await LongLog(home: home, clock: .system, randomness: .system).grow(
        by: records
      ) {
        progress.tell($0, of: $1)
      }
      progress.finish()
      print("the log has \(size) records")
    }
  }
}
