import ArgumentParser
import Foundation
import Launcher

/// What `up` runs in the background. Not for people, so it is not in the help.
struct LauncherCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launcher", abstract: "Keep the services of a home running.", shouldDisplay: false)

  @OptionGroup var place: PlaceOptions
  @OptionGroup var launch: LaunchOptions

  @Flag(help: "The root key comes on standard input.")
  var rootKeyOnInput = false

  func run() async throws {
    try await reporting {
      let code = try await launch.run(place.place(), rootKey: handedRootKey()).run { event in
        // When `up` has gone its end of the pipe is closed; the launcher goes on without an
        // audience.
        _ = event.line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      }
      throw ArgumentParser.ExitCode(code.rawValue)
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
