import Commands
import Dispatch
import Foundation
import Launcher
import Synchronization

/// The launcher in a session of its own, with a pipe from its standard output to us.
struct DetachedLauncher {
  private let output: FileHandle
  private let pid: Int32

  /// - Parameter input: what it finds on its standard input.
  static func start(_ arguments: [String], input: [UInt8]) throws -> DetachedLauncher {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw LaunchFailure.system(call: "pipe", code: errno) }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    defer { close(ends[1]) }
    let pid = try SessionProcess.spawn(
      Program.launcher.path, arguments: arguments, input: input, output: ends[1])
    return DetachedLauncher(
      output: FileHandle(fileDescriptor: ends[0], closeOnDealloc: true), pid: pid)
  }

  /// Until the result is let go, Ctrl-C tells the launcher to stop what it has started; it then says so on its lines.
  func stoppingOnInterrupt() -> Interrupts {
    Interrupts { [pid] in
      complain("interrupted; stopping what was started …")
      kill(pid, SIGTERM)
    }
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

/// Ctrl-C as an event instead of an end, for as long as this lives. A class: it owns the signal's source.
final class Interrupts {
  private let count = Count()
  private let source: any DispatchSourceSignal

  private final class Count: Sendable {
    let number = Mutex(0)
  }

  init(_ interrupted: @escaping @Sendable () -> Void) {
    signal(SIGINT, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler { [count] in
      count.number.withLock { $0 += 1 }
      interrupted()
    }
    source.resume()
  }

  deinit { source.cancel() }

  var haveCome: Bool { count.number.withLock { $0 > 0 } }
}
