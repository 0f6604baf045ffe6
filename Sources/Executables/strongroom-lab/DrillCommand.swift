import ArgumentParser
import Chassis
import Commands
import Drill
import Foundation
import Launcher
import OperatorCommands
import StrictJSON
import Vocabulary

struct DrillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: CommandAbstract.drill,
    discussion: """
      Each attack is carried out from outside or with a stolen place inside, and says what was seen, which \
      audit record it left, and the verdict: held, breach, or not tried. Drills work on a small bank of \
      their own; the flood throttles this machine's address for a few seconds. Exit code 1 on a breach, 2 when nothing \
      broke and some attacks could not be tried.

      \(Drills.all.map(line(of:)).joined(separator: "\n"))

      Only where it is named:
      \(Drills.onRequest.map(line(of:)).joined(separator: "\n"))
      """)

  /// A drill and its promise, with the promise's further lines under its first: the parser's own wrapping forgets where
  /// a line began.
  private static func line(of drill: Drill) -> String {
    let width = ((Drills.all + Drills.onRequest).map(\.name.count).max() ?? 0) + 4
    var lines = [
      "  " + drill.name.padding(toLength: width - 2, withPad: " ", startingAt: 0)
    ]
    var isEmpty = true
    for word in drill.promise.split(separator: " ") {
      if !isEmpty, lines[lines.count - 1].count + word.count + 1 > columns {
        lines.append(String(repeating: " ", count: width))
        isEmpty = true
      }
      lines[lines.count - 1] += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines.joined(separator: "\n")
  }

  /// What the parser wraps at.
  private static let columns = 80

  @OptionGroup var place: PlaceOptions

  @Argument(help: "Drills to run; when none is named, all but those on request.")
  var names: [String] = []

  @Option(help: ArgumentHelp("Also write the report as Markdown.", valueName: "file"))
  var report: String?

  @Flag(
    help:
      "Search whole files for what leaked, also in stores of many gigabytes. Without it: the newest and drawn parts of those."
  )
  var wholeFiles = false

  func validate() throws {
    let known = (Drills.all + Drills.onRequest).map(\.name)
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
        randomness: .system, readsAllFiles: wholeFiles)
      let chosen =
        names.isEmpty
        ? Drills.all : (Drills.all + Drills.onRequest).filter { names.contains($0.name) }
      let report = await DrillRunner(range: range, clock: .system).run(chosen, told: tell)
      if let file = self.report {
        try WholeFile.write(Array((report.markdown + "\n").utf8), to: file, mode: 0o644)
      }
      if place.json { printLine(report.json) } else { print("\n\(report.summary)") }
      let exit: CommandExit =
        !report.allHeld ? .failed : report.count(.notTried) > 0 ? .notTried : .success
      guard exit == .success else { throw ArgumentParser.ExitCode(exit.rawValue) }
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
    print("    seen: \(LegibleText.of(result.seen))")
    if result.verdict != .held { print("    must: \(result.expectation)") }
    if let record = result.record { print("    record: \(record)") }
    // Piped to a file or a pager it must still be followed as it happens.
    fflush(nil)
  }
}
