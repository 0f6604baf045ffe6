import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import Vocabulary

/// What `up` starts. Not for people, so no other command lists it.
@main
struct LauncherCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "strongroom-launcher", abstract: "Keep the services of a home running.",
    version: buildVersion)

  @OptionGroup var place: PlaceOptions
  @OptionGroup var launch: LaunchOptions

  @Flag(help: "The root key comes on standard input.")
  var rootKeyOnInput = false

  @Flag(help: "Show what happens to people, in the place of events for 'up'.")
  var foreground = false

  @Option(
    help: ArgumentHelp(
      "This is the copy in the home; the build is there.", valueName: "dir", visibility: .private))
  var build: String?

  @Option(
    help: ArgumentHelp(
      "What lay in the copy's place.", valueName: "digest", visibility: .private))
  var replaced: String?

  func run() async throws {
    try await reporting {
      let code = try await launcher().run(report: shown())
      throw ArgumentParser.ExitCode(code.rawValue)
    }
  }

  private func launcher() throws -> LauncherRun {
    let own = URL(filePath: try ExecutableFile.ownPath()).deletingLastPathComponent()
    let binaries = build ?? absolutePath(own.path(percentEncoded: false))
    return LauncherRun(
      home: try place.place(), charters: try chartersFolder(launch.charters, near: binaries),
      added: addedFolders(launch.with),
      policies: try policiesFolder(launch.policies, near: binaries), binaries: binaries,
      origin: build == nil
        ? .build(words: Array(CommandLine.arguments.dropFirst())) : .home(replaced: replaced),
      wishes: launch.wishes, rootKey: try build.flatMap { _ in try handedRootKey() },
      environment: ProcessInfo.processInfo.environment, clock: .system, randomness: .system)
  }

  private func shown() throws -> @Sendable (LauncherEvent) -> Void {
    guard !foreground else { return LaunchProgress(of: try place.place(), place).show }
    return { event in
      // When `up` has gone its end of the pipe is closed; the launcher goes on without an
      // audience.
      _ = event.line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
  }

  private func handedRootKey() throws -> HandedRootKey? {
    guard rootKeyOnInput else { return nil }
    let handover = try FileHandle.standardInput.read(upToCount: HandedRootKey.handoverBytesMax)
    guard let key = HandedRootKey(handover: Array(handover ?? Data())) else {
      throw OperatorFailure("no root key came on standard input", .noInput)
    }
    return key
  }
}
