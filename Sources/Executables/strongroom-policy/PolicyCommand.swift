import ArgumentParser
import Commands
import Foundation
import PolicyEngine

/// Rego at the command line. People call it through `strongroom`, whose name it keeps.
@main
struct PolicyProgram: AsyncParsableCommand {
  static func main() async {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.first == "policy", Program(of: words) == .strongroom {
      Foundation.exit(Program.strongroom.become(words).rawValue)
    }
    WrittenOutput.require()
    await main(nil)
  }

  static let configuration = CommandConfiguration(
    commandName: "strongroom", abstract: CommandAbstract.policy, version: buildVersion,
    subcommands: [PolicyCommand.self])
}

/// With the commands and flags of `opa`.
struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: CommandAbstract.policy,
    discussion: """
      The flags of 'eval' to 'capabilities' are those of 'opa'; 'publish' and 'status' are about the policies that every \
      service asks about every request. Policies do no I/O: http.send and its like are errors, unless a test \
      replaces them with 'with'. Files: .rego are policies; .json and .yaml are data, found in a \
      folder below 'data' by the names of the folders in it.
      """,
    subcommands: [
      PolicyEvalCommand.self, PolicyTestCommand.self, PolicyCheckCommand.self,
      PolicyFormatCommand.self, PolicyBenchCommand.self, PolicyBuildCommand.self,
      PolicyInspectCommand.self, PolicyCapabilitiesCommand.self, PolicyServeCommand.self,
      PolicyPublishElsewhere.self, PolicyStatusElsewhere.self,
    ])
}

/// Lives in `strongroom`, for it is about the running platform.
struct PolicyPublishElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: CommandAbstract.policyPublish)
}

/// Lives in `strongroom` too.
struct PolicyStatusElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: CommandAbstract.policyStatus)
}

enum PolicyOutputFormat: String, ExpressibleByArgument, CaseIterable {
  case pretty, json
}

/// Ends the command with a number that `opa` gives, after saying why.
func endPolicy(_ message: String, code: Int32) -> any Error {
  FileHandle.standardError.write(Data((message + "\n").utf8))
  return ArgumentParser.ExitCode(code)
}

extension PolicyErrors {
  /// `1 error occurred: p.rego:1:1: rego_parse_error: …`, each with its line of the source.
  func shown(_ sources: [(file: String, source: String)]) -> String {
    let lines = errors.map { $0.shown(sources) }
    let title = errors.count == 1 ? "1 error occurred: " : "\(errors.count) errors occurred:\n"
    return title + lines.joined(separator: "\n")
  }

  var value: Value { .object(ObjectValue([(.string("errors"), .array(errors.map(\.value)))])) }
}

extension PolicyError {
  func shown(_ sources: [(file: String, source: String)]) -> String {
    let said = details.map { "\n\t" + $0 }.joined()
    guard let location else { return "\(code): \(message)\(said)" }
    var text = "\(location): \(code): \(message)"
    if let source = sources.first(where: { $0.file == location.file })?.source {
      let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
      if lines.indices.contains(location.line - 1) {
        let line = lines[location.line - 1]
        // Tabs stay, so that the mark stands below its column.
        let margin = line.unicodeScalars.prefix(location.column - 1).map { $0 == "\t" ? "\t" : " " }
        text += "\n\t\(line)\n\t\(margin.joined())^"
      }
    }
    return text + said
  }

  var value: Value {
    var members: [(Value, Value)] = [
      (.string("code"), .string(code)), (.string("message"), .string(message)),
    ]
    if let location { members.append((.string("location"), location.value)) }
    if !details.isEmpty {
      members.append((.string("details"), .array(details.map(Value.string))))
    }
    return .object(ObjectValue(members))
  }
}

extension Location {
  var value: Value {
    .object(
      ObjectValue([
        (.string("col"), .integer(column)), (.string("file"), .string(file)),
        (.string("row"), .integer(line)),
      ]))
  }
}
