import ArgumentParser
import Commands

// Commands that live in another program: listed in our help, and never run here, for `main` becomes that program before.

struct BenchElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: CommandAbstract.bench)
}

struct ConformanceElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance", abstract: CommandAbstract.conformance)
}

struct DemoElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: CommandAbstract.demo)
}

struct DrillElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill", abstract: CommandAbstract.drill)
}

struct SoakElsewhere: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak", abstract: CommandAbstract.soak)
}

/// Only what is about the running platform lives here; Rego at the command line has a program of its own.
struct PlatformPolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: CommandAbstract.policy,
    subcommands: [PolicyPublishCommand.self, PolicyStatusCommand.self])
}
