import ArgumentParser
import Commands

/// What is tried on a platform, and measured. People call it through `strongroom`, whose name it keeps.
@main
struct LabCommand: AsyncParsableCommand {
  static func main() async {
    WrittenOutput.require()
    await main(nil)
  }

  static let configuration = CommandConfiguration(
    commandName: "strongroom", abstract: "Try the platform, attack it and measure it.",
    version: buildVersion,
    subcommands: [
      DemoCommand.self, DrillCommand.self, BenchCommand.self, SoakCommand.self,
      ConformanceCommand.self,
    ])
}
