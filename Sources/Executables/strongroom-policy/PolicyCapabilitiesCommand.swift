import ArgumentParser
import PolicyEngine

struct PolicyCapabilitiesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capabilities",
    abstract: "Say what policies may use, with the types of all builtins.",
    discussion: "JSON, in the form that 'opa check --capabilities FILE' reads.")

  @Flag(
    help:
      "What this version can; the only answer there is, and the flag is there for those used to it."
  )
  var current = false

  func run() { print(PolicyCapabilities.document.indentedJSON) }
}
