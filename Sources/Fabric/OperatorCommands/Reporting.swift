import ArgumentParser
import Commands
import Launcher
import Storage
import StrictJSON
import Transport

/// Runs a command's body and turns what the platform refuses into a message and the documented exit
/// code.
package func reporting(json: Bool = false, _ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch let failure as LaunchFailure {
    say(failure.description, code: failure.exitCode, json: json)
    throw ArgumentParser.ExitCode(failure.exitCode.rawValue)
  } catch let failure as OperatorFailure {
    say(failure.description, code: failure.exitCode, json: json)
    throw ArgumentParser.ExitCode(failure.exitCode.rawValue)
  } catch let failure as TransportFailure {
    say(
      "the service did not answer (\(failure)); see 'strongroom status'", code: .unavailable,
      json: json)
    throw ArgumentParser.ExitCode(CommandExit.unavailable.rawValue)
  } catch let error as StoreError {
    say(error.description, code: .unavailable, json: json)
    throw ArgumentParser.ExitCode(CommandExit.unavailable.rawValue)
  }
}

private func say(_ message: String, code: CommandExit, json: Bool) {
  guard json else { return complain(message) }
  let object: JSON = .object([
    "error": .string(message), "exit_code": .integer(Int64(code.rawValue)),
  ])
  printLine(object)
}
