import Foundation
import Launcher

/// Ourselves again, in a session of its own, with a pipe from its standard output to us.
struct DetachedLauncher {
  private let output: FileHandle

  static func start(_ arguments: [String]) throws -> DetachedLauncher {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw LaunchFailure.system(call: "pipe", code: errno) }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    defer { close(ends[1]) }
    try SessionProcess.spawn(
      ExecutableFile.ownPath(), arguments: arguments, output: ends[1])
    return DetachedLauncher(output: FileHandle(fileDescriptor: ends[0], closeOnDealloc: true))
  }

  /// Lines as they come, until the launcher closes its end.
  var lines: AnyIterator<[UInt8]> {
    var rest: [UInt8] = []
    return AnyIterator {
      while true {
        if let end = rest.firstIndex(of: 0x0a) {
          let line = Array(rest[..<end])
          rest.removeSubrange(...end)
          return line
        }
        let block = output.availableData
        if block.isEmpty { return nil }
        rest += block
      }
    }
  }
}
