import ArgumentParser
import Chassis
import Drill
import Foundation
import Launcher
import StrictJSON
import Vocabulary

struct DrillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: "Attack the running platform and see every defence hold.",
    discussion: """
      Each attack is carried out from outside or with a stolen place inside, and says what was seen, which
      audit record it left, and the verdict: held, breach, or not tried. Drills work on a small bank of
      their own; the flood throttles this machine's address for a few seconds. Exit code 1 on a breach.

      \(Drills.all.map { "  \($0.name.padding(toLength: 10, withPad: " ", startingAt: 0))\($0.promise)" }.joined(separator: "\n"))
      """)

  @OptionGroup var place: PlaceOptions

  @Argument(help: "Drills to run; all when none is named.")
  var names: [String] = []

  @Option(help: ArgumentHelp("Also write the report as Markdown.", valueName: "file"))
  var report: String?

  func validate() throws {
    let known = Drills.all.map(\.name)
    if let odd = names.first(where: { !known.contains($0) }) {
      throw ValidationError(
        "there is no drill '\(odd)'; there are: \(known.joined(separator: ", "))")
    }
  }

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters, line) = try place.running()
      guard let platform = PlatformSettings.read(home) else { throw LaunchFailure.notRunning }
      let range = try await DrillRange(
        home: home, platform: platform, charters: charters, line: line, clock: .system,
        randomness: .system)
      let chosen = names.isEmpty ? Drills.all : Drills.all.filter { names.contains($0.name) }
      let report = await DrillRunner(range: range, clock: .system).run(chosen, told: tell)
      if let file = self.report {
        try WholeFile.write(Array((report.markdown + "\n").utf8), to: file, mode: 0o644)
      }
      if place.json { printLine(report.json) } else { print("\n\(report.summary)") }
      guard report.allHeld else {
        throw ArgumentParser.ExitCode(CommandExit.failed.rawValue)
      }
    }
  }

  private func tell(_ result: AttackResult) {
    guard !place.json else { return }
    let terminal = Terminal.output
    let verdict =
      switch result.verdict {
      case .held: terminal.styled("✓ held", .green)
      case .breach: terminal.styled("✗ BREACH", .red)
      case .notTried: terminal.styled("– not tried", .yellow)
      }
    print(
      "\(verdict)  \(terminal.styled("\(result.drill)/\(result.attack)", .bold))  \(result.steps)")
    print("    seen: \(result.seen)")
    if result.verdict != .held { print("    must: \(result.expectation)") }
    if let record = result.record { print("    record: \(record)") }
    // Piped to a file or a pager it must still be followed as it happens.
    fflush(nil)
  }
}
