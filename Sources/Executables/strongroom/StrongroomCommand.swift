import ArgumentParser
import Launcher

/// The whole command line; one file per command beside this one.
@main
struct StrongroomCommand: AsyncParsableCommand {
  static func main() async {
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
    version: buildVersion, subcommands: [LauncherCommand.self],
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
          DemoCommand.self,
          TokenCommand.self,
        ]),
      CommandGroup(
        name: "Prove",
        subcommands: [
          AuditCommand.self, LedgerCommand.self, DrillCommand.self, BenchCommand.self,
          SoakCommand.self, ConformanceCommand.self, PolicyCommand.self,
        ]),
      CommandGroup(
        name: "Build",
        subcommands: [CharterCommand.self, SidecarCommand.self, WorkloadCommand.self]),
      CommandGroup(name: "Help", subcommands: [ExitCodesCommand.self]),
    ])
}

/// Of the command and what it starts.
let buildVersion = "0.1.0"

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
