/// Why a command could not do its work on a platform that runs.
package struct OperatorFailure: Error, Sendable, CustomStringConvertible {
  package let description: String
  package let exitCode: CommandExit

  package init(_ description: String, _ exitCode: CommandExit) {
    self.description = description
    self.exitCode = exitCode
  }
}
