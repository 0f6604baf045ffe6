import ArgumentParser
import Commands
import Foundation
import PolicyDocuments
import PolicyEngine

struct PolicyCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say what is wrong with policies.",
    discussion: """
      Each error comes as file:line:column. Exit code 1 when there are any. Warns of negations that do not \
      hold where something in them is undefined: 'not blocked(input.user)' allows nobody without a user, as \
      Open Policy Agent has it.
      """)

  @Argument(help: ArgumentHelp("Policy, file or folder.", valueName: "path"))
  var paths: [String] = []

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Bundle: archive or folder.", valueName: "path"))
  var bundle: [String] = []

  @Flag(name: [.customShort("S"), .long], help: "Names that nothing uses are errors, too.")
  var strict = false

  @Option(name: .shortAndLong, help: "pretty or json.")
  var format = PolicyOutputFormat.pretty

  func validate() throws {
    guard !paths.isEmpty || !bundle.isEmpty else { throw ValidationError("name at least one path") }
  }

  func run() throws {
    var files = PolicyFiles()
    let warnings: [PolicyError]
    do {
      try files.add(paths: paths)
      try files.add(bundles: bundle, verification: nil)
      let policy = try files.compiled(isStrict: strict)
      warnings = policy.warnings
    } catch let errors as PolicyErrors {
      if format == .json {
        print(errors.value.indentedJSON)
        throw ArgumentParser.ExitCode(1)
      }
      throw endPolicy(errors.shown(files.modules), code: 1)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    }
    guard format == .json else {
      for warning in warnings { complain(warning.shown(files.modules)) }
      return
    }
    let members =
      warnings.isEmpty ? [] : [(Value.string("warnings"), Value.array(warnings.map(\.value)))]
    print(Value.object(ObjectValue(members)).indentedJSON)
  }
}
