import ArgumentParser
import Chassis
import Charters
import Foundation
import Launcher
import Storage
import StoragePostgres
import StrictJSON
import Telemetry
import Transport
import Vocabulary

/// Where the platform lives; the same for every command.
struct PlaceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder of this platform's state.", valueName: "dir"))
  var home = PlaceOptions.homeDefault

  /// What `--home` is where it is not given.
  static let homeDefault = "./.strongroom"

  /// Commands about this home, as they are printed.
  var printed: PrintedCommand {
    PrintedCommand(program: calledAs, home: home == Self.homeDefault ? nil : home)
  }

  @Flag(help: "Machine-readable output: one JSON document, or one JSON object a line.")
  var json = false

  func place() throws -> Home {
    guard !home.isEmpty else { throw ValidationError("--home is empty") }
    let path = URL(filePath: home).standardizedFileURL.path(percentEncoded: false)
    guard let home = Home(absolute: path) else {
      throw ValidationError("--home '\(home)' is not a usable path")
    }
    return home
  }

  /// The home of a platform that was started at least once.
  /// - Throws: `LaunchFailure.notRunning`.
  func made() throws -> (home: Home, charters: CharterSet) {
    let home = try place()
    guard PlatformSettings.read(home) != nil else { throw notRunning }
    return (home, try CharterFolder.load(home.chartersFolder))
  }

  /// With the command that starts this home.
  var notRunning: OperatorFailure {
    OperatorFailure(
      "Strongroom does not run from this home; start it with: \(printed.text("up"))",
      LaunchFailure.notRunning.exitCode)
  }

  /// The home's platform, for commands that need it to be running.
  /// - Parameter limits: of the connections to the services.
  func running(
    limits: TransportLimits = TransportLimits()
  ) throws -> (home: Home, charters: CharterSet, line: OperatorLine) {
    let home = try place()
    guard HomeLock.isHeld(home), let platform = PlatformSettings.read(home) else {
      throw notRunning
    }
    let charters = try CharterFolder.load(home.chartersFolder)
    let line = OperatorLine(
      home: home, platform: platform, charters: charters, log: quietLog, clock: Clock.system,
      limits: limits)
    return (home, charters, line)
  }
}

/// How this command was called: by the checkout's script, which says so, or directly.
var calledAs: String {
  ProcessInfo.processInfo.environment["STRONGROOM_CALLED_AS"] ?? CommandLine.arguments.first
    ?? "strongroom"
}

/// The command itself writes to people, not to a log: only errors of the fabric below are shown.
var quietLog: Log {
  Log(service: "operator", level: .error, sink: .standardError, clock: Clock.system)
}

/// Folder with the charters of a checkout, found from the option, or upwards from where we stand
/// and from where the executable lies.
func chartersFolder(_ option: String?) throws -> String {
  if let option { return absolutePath(option) }
  let starts = [
    URL(filePath: FileManager.default.currentDirectoryPath),
    URL(filePath: try ExecutableFile.ownPath()).deletingLastPathComponent(),
  ]
  for start in starts {
    var folder = start
    for _ in 0..<12 {
      let marker = folder.appending(path: "Charters/\(DataClasses.fileName)")
      if FileManager.default.fileExists(atPath: marker.path(percentEncoded: false)) {
        return absolutePath(folder.path(percentEncoded: false))
      }
      folder.deleteLastPathComponent()
    }
  }
  throw LaunchFailure.noCharters(folder: FileManager.default.currentDirectoryPath)
}

/// Without a slash at the end.
func absolutePath(_ option: String) -> String {
  let path = URL(filePath: option).standardizedFileURL.path(percentEncoded: false)
  return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
}

/// Where access policies are read from: what was named, or the checkout's.
func policiesFolder(_ option: String?) throws -> String {
  try option.map(absolutePath) ?? chartersFolder(nil) + "/\(PolicyFolder.name)"
}

/// The folders of --with, absolute: the launcher reads them later, from wherever it runs.
func addedFolders(_ options: [String]) -> [String] {
  options.map { option in
    let path = URL(filePath: option).standardizedFileURL.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}

/// A PostgreSQL database as an option names it. Called from `validate`, not as the option's own transform: that would
/// repeat a mistyped value, and a password in it.
func databaseLocation(_ text: String?, option: String) throws -> PostgresLocation? {
  guard let text else { return nil }
  do throws(PostgresLocation.Fault) {
    return try PostgresLocation(parsing: text)
  } catch {
    throw ValidationError("\(option): \(error)")
  }
}

/// Runs a command's body and turns what the platform refuses into a message and the documented exit
/// code.
func reporting(json: Bool = false, _ body: () async throws -> Void) async throws {
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

/// One JSON value on one line of standard output.
func printLine(_ value: JSON) {
  print(LegibleText.ofJSON(String(decoding: value.canonicalBytes, as: UTF8.self)))
}
