import ArgumentParser
import Commands
import Foundation

/// The whole command line; one file per command beside this one, or in the program that has it.
@main
struct StrongroomCommand: AsyncParsableCommand {
  static func main() async {
    let words = Array(CommandLine.arguments.dropFirst())
    let program = Program(of: words)
    guard program == .strongroom else {
      if program == .lab { LabRegistration.lay(for: words) }
      Foundation.exit(program.become(words).rawValue)
    }
    WrittenOutput.require()
    await main(nil)
  }

  static let configuration = CommandConfiguration(
    commandName: "strongroom",
    abstract:
      "A secure fintech platform on one machine: gateway, identity, ledger, payments, audit.",
    discussion: """
      Start with 'strongroom up', look with 'strongroom status', stop with 'strongroom down'.
      Everything lives in one folder, ./.strongroom unless --home names another.
      Exit codes: 'strongroom help exit-codes'.
      """,
    version: buildVersion,
    groupedSubcommands: [
      CommandGroup(
        name: "Run",
        subcommands: [
          UpCommand.self, DownCommand.self, DeployCommand.self, RegisterCommand.self,
          RotateCommand.self, RootKeyCommand.self, SecretCommand.self, ClientCommand.self,
          PersonCommand.self, AccountCommand.self, MoveCommand.self,
        ]),
      CommandGroup(
        name: "Look",
        subcommands: [
          StatusCommand.self, SettingsCommand.self, LogsCommand.self, TraceCommand.self,
          DemoElsewhere.self, TokenCommand.self,
        ]),
      CommandGroup(
        name: "Prove",
        subcommands: [
          AuditCommand.self, LedgerCommand.self, DrillElsewhere.self, BenchElsewhere.self,
          SoakElsewhere.self, ConformanceElsewhere.self, PlatformPolicyCommand.self,
        ]),
      CommandGroup(
        name: "Build",
        subcommands: [CharterCommand.self, SidecarCommand.self, WorkloadCommand.self]),
      CommandGroup(name: "Help", subcommands: [ExitCodesCommand.self]),
    ])
}

struct ExitCodesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exit-codes", abstract: "What the command's exit codes mean.",
    discussion: table)

  static var table: String {
    CommandExit.allCases.map { code in
      let number = String(code.rawValue)
      return String(repeating: " ", count: 4 - number.count) + number + "  " + code.meaning
    }.joined(separator: "\n")
  }

  func run() { print(Self.table) }
}
