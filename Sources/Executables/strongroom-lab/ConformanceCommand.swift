import ArgumentParser
import Commands
import Conformance
import Foundation
import Launcher
import OperatorCommands
import PolicyDocuments
import PolicyEngine
import StrictJSON

struct ConformanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: CommandAbstract.conformance,
    discussion: """
      Each suite reads its files from a folder below DIR: same names, same form, any cases. Failed cases are \
      printed with what was expected and what came; what is out of scope is counted with its reason. Exit code \
      1 when a case failed. With '--json' one object a case, then one for each suite.

      \(ConformanceSuite.all(timeZones: TimeZones(files: [:])).map { "  \($0.name.padding(toLength: 11, withPad: " ", startingAt: 0))\($0.folder): \($0.what)" }.joined(separator: "\n"))
      """)

  @Argument(help: "Suites to run; all whose folder is there when none is named.")
  var suites: [String] = []

  @Option(help: ArgumentHelp("Folder with the suites' folders.", valueName: "dir"))
  var data = "../shared/testdata"

  @Flag(help: "Print every case, not only those that failed.")
  var cases = false

  @Flag(help: "Machine-readable output: one JSON object a line.")
  var json = false

  func validate() throws {
    if let odd = suites.first(where: { !ConformanceSuite.names.contains($0) }) {
      throw ValidationError(
        "there is no suite '\(odd)'; there are: \(ConformanceSuite.names.joined(separator: ", "))")
    }
  }

  func run() throws {
    let root = absolutePath(data)
    let all = ConformanceSuite.all(timeZones: .system(for: ["time."]))
    var (reports, missing) = ([SuiteReport](), [String]())
    for suite in all where suites.isEmpty || suites.contains(suite.name) {
      do {
        if let report = try run(suite, in: root) {
          reports.append(report)
        } else {
          missing.append("\(root)/\(suite.folder)")
        }
      } catch {
        complain("\(suite.name): \(error)")
        throw ArgumentParser.ExitCode(CommandExit.badInput.rawValue)
      }
    }
    guard !reports.isEmpty, suites.isEmpty || missing.isEmpty else {
      complain(
        "there are no cases in \(missing.joined(separator: ", ")); name the folder with --data")
      throw ArgumentParser.ExitCode(CommandExit.noInput.rawValue)
    }
    if json {
      for report in reports { printLine(report.json) }
    } else {
      for folder in missing { print("not there: \(folder)") }
      for line in reports.flatMap(\.lines) { print(line) }
    }
    guard reports.allSatisfy(\.failures.isEmpty) else {
      throw ArgumentParser.ExitCode(CommandExit.failed.rawValue)
    }
  }

  private func run(_ suite: ConformanceSuite, in root: String) throws -> SuiteReport? {
    let work = LongWork("Running \(suite.name)", "cases", isTold: !json)
    defer { work.finish() }
    return try suite.run(in: root) { result in
      work.add()
      guard cases || result.verdict == .failed else { return }
      if json {
        printLine(
          .object(["suite": .string(suite.name)].merging(result.json.object ?? [:]) { $1 }))
      } else {
        print(
          LegibleText.of(
            "\(suite.name) \(result.id): \(result.verdict.rawValue): expected \(result.expected), came \(result.came)"
              + (result.reason.map { " (\($0))" } ?? "")))
      }
    }
  }
}
