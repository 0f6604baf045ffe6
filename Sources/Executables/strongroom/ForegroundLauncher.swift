import Commands
import Foundation
import Launcher
import OperatorCommands

/// `up --foreground`: this process goes on as the launcher, so that Ctrl-C and whoever supervises us reach it.
enum ForegroundLauncher {
  /// - Parameter input: what it finds on its standard input, less than a pipe holds.
  /// - Returns: only where it cannot be started.
  static func become(_ words: [String], input: [UInt8]) throws -> CommandExit {
    if !input.isEmpty {
      let pipe = Pipe()
      try pipe.fileHandleForWriting.write(contentsOf: input)
      guard dup2(pipe.fileHandleForReading.fileDescriptor, STDIN_FILENO) == STDIN_FILENO else {
        throw LaunchFailure.system(call: "dup2", code: errno)
      }
      try pipe.fileHandleForWriting.close()
    }
    // It runs from the home, and prints commands as people type them.
    setenv("STRONGROOM_CALLED_AS", calledAs, 1)
    return Program.launcher.become(words + ["--foreground"])
  }
}
