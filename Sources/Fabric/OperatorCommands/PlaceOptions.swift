import ArgumentParser
package import Charters
package import Chassis
import Commands
import Foundation
package import Launcher
package import Storage
import StoragePostgres
import StrictJSON
import Telemetry
package import Transport
import Vocabulary

/// Where the platform lives; the same for every command.
package struct PlaceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder of this platform's state.", valueName: "dir"))
  package var home = PlaceOptions.homeDefault

  /// What `--home` is where it is not given.
  package static let homeDefault = "./.strongroom"

  /// Commands about this home, as they are printed.
  package var printed: PrintedCommand {
    PrintedCommand(program: calledAs, home: home == Self.homeDefault ? nil : home)
  }

  @Flag(help: "Machine-readable output: one JSON document, or one JSON object a line.")
  package var json = false

  package init() {}

  /// - Throws: `ValidationError`.
  package func place() throws -> Home {
    guard !home.isEmpty else { throw ValidationError("--home is empty") }
    let path = URL(filePath: home).standardizedFileURL.path(percentEncoded: false)
    guard let home = Home(absolute: path) else {
      throw ValidationError("--home '\(home)' is not a usable path")
    }
    return home
  }

  /// The home of a platform that was started at least once.
  /// - Throws: `LaunchFailure.notRunning`.
  package func made() throws -> (home: Home, charters: CharterSet) {
    let home = try place()
    guard PlatformSettings.read(home) != nil else { throw notRunning }
    return (home, try CharterFolder.load(home.chartersFolder))
  }

  /// With the command that starts this home.
  package var notRunning: OperatorFailure {
    OperatorFailure(
      "Strongroom does not run from this home; start it with: \(printed.text("up"))",
      LaunchFailure.notRunning.exitCode)
  }

  /// The home's platform, for commands that need it to be running.
  /// - Parameter limits: of the connections to the services.
  package func running(
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
package var calledAs: String {
  ProcessInfo.processInfo.environment["STRONGROOM_CALLED_AS"] ?? CommandLine.arguments.first
    ?? "strongroom"
}

/// The command itself writes to people, not to a log: only errors of the fabric below are shown.
var quietLog: Log {
  Log(service: "operator", level: .error, sink: .standardError, clock: Clock.system)
}

/// Folder with the charters of a checkout, found from the option, or upwards from where we stand
/// and from where the executables were built.
/// - Parameters:
///   - here: where we stand; nil: the current folder.
///   - binaries: where they were built, for a program that runs from a copy; nil: our own executable lies there.
package func chartersFolder(
  _ option: String?, from here: String? = nil, near binaries: String? = nil
) throws -> String {
  if let option { return absolutePath(option) }
  let here = here ?? FileManager.default.currentDirectoryPath
  let build =
    try binaries.map { URL(filePath: $0) }
    ?? URL(filePath: ExecutableFile.ownPath()).deletingLastPathComponent()
  for start in [URL(filePath: here), build] {
    var folder = start
    for _ in 0..<12 {
      let marker = folder.appending(path: "Charters/\(DataClasses.fileName)")
      if FileManager.default.fileExists(atPath: marker.path(percentEncoded: false)) {
        return absolutePath(folder.path(percentEncoded: false))
      }
      folder.deleteLastPathComponent()
    }
  }
  throw LaunchFailure.noCharters(folder: here)
}

/// Without a slash at the end.
package func absolutePath(_ option: String) -> String {
  let path = URL(filePath: option).standardizedFileURL.path(percentEncoded: false)
  return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
}

/// Where access policies are read from: what was named, or the checkout's.
package func policiesFolder(_ option: String?, near binaries: String? = nil) throws -> String {
  try option.map(absolutePath) ?? chartersFolder(nil, near: binaries) + "/\(PolicyFolder.name)"
}

/// The folders of --with, absolute: the launcher reads them later, from wherever it runs.
package func addedFolders(_ options: [String]) -> [String] {
  options.map { option in
    let path = URL(filePath: option).standardizedFileURL.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}

/// A PostgreSQL database as an option names it. Called from `validate`, not as the option's own transform: that would
/// repeat a mistyped value, and a password in it.
package func databaseLocation(_ text: String?, option: String) throws -> PostgresLocation? {
  guard let text else { return nil }
  do throws(PostgresLocation.Fault) {
    return try PostgresLocation(parsing: text)
  } catch {
    throw ValidationError("\(option): \(error)")
  }
}
