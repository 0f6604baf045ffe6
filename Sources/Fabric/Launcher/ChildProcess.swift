import Dispatch
import Foundation
import Glibc
package import Sandbox
import Synchronization

/// A service's process: started with nothing but `--home DIR` and a clean environment, its output
/// collected.
package struct ChildProcess: Sendable {
  package let pid: Int32
  /// Both of the child's output streams end here.
  private let output: Int32

  /// What a child may know of our environment. Secrets never travel this way.
  static let environmentNames = ["PATH", "TZ", "LANG"]
  /// Swift's crash handler starts a program that reads the crashed process: neither is possible in
  /// confinement, nor would memory in the log be wanted. So a fault ends the process at once.
  static let noBacktraces = "SWIFT_BACKTRACE=enable=no"

  /// Who confines a process before it becomes the service, and how.
  package struct Confining: Sendable {
    let stage: ExecutableFile
    let plan: StagePlan
    package init(stage: ExecutableFile, plan: StagePlan) {
      self.stage = stage
      self.plan = plan
    }
  }

  /// What a process calls itself.
  static func name(of executable: ExecutableFile) -> String {
    executable.path.split(separator: "/").last.map(String.init) ?? executable.path
  }

  /// Starts it through its stage where there is one, and returns when it runs the executable, so
  /// that whoever looks at the process sees the service.
  /// - Parameters:
  ///   - arguments: without its name; those of one that goes through a stage stand in the plan.
  ///   - variables: `NAME=value`, besides what every child knows.
  /// - Throws: `system` when the kernel refuses to start it, `notConfined` when the stage gave up.
  package static func spawn(
    _ executable: ExecutableFile, arguments: [String] = [], environment: [String: String],
    variables: [String] = [], openFiles: Int, through confining: Confining? = nil
  ) throws(LaunchFailure) -> ChildProcess {
    guard let confining else {
      return try spawn(
        executable, arguments: [name(of: executable)] + arguments,
        environment: words(environment) + variables, openFiles: openFiles, stage: nil)
    }
    let line = try StageLine.open(confining.plan)
    let stage = confining.stage
    let child: ChildProcess
    do {
      child = try spawn(
        stage, arguments: [name(of: stage)], environment: words(environment) + variables,
        openFiles: openFiles,
        stage: (plan: line.planEnd, report: line.reportEnd))
      line.closeChildEnds()
    } catch {
      line.closeChildEnds()
      throw error
    }
    do {
      try line.untilConfined(name(of: executable))
    } catch {
      child.abandon()
      throw error
    }
    return child
  }

  private static func words(_ environment: [String: String]) -> [String] {
    environmentNames.compactMap { key in environment[key].map { "\(key)=\($0)" } }
      + [noBacktraces]
  }

  private static func spawn(
    _ executable: ExecutableFile, arguments: [String], environment words: [String],
    openFiles: Int, stage: (plan: Int32, report: Int32)?
  ) throws(LaunchFailure) -> ChildProcess {
    var pipeEnds: [Int32] = [0, 0]
    guard pipe(&pipeEnds) == 0 else { throw .system(call: "pipe", code: errno) }
    // The launcher starts one process at a time, so no child can inherit an end in between.
    for end in pipeEnds { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(pipeEnds[1]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let stage {
      posix_spawn_file_actions_adddup2(&actions, stage.plan, STDIN_FILENO)
      posix_spawn_file_actions_adddup2(&actions, stage.report, Stage.reportDescriptor)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own: Ctrl-C at the terminal reaches the launcher only, which then drains in
    // order. Handlers and masks of ours are not the child's.
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var pid: pid_t = 0
    let before = lowerOpenFiles(to: openFiles)
    defer { restoreOpenFiles(before) }
    let code = withCStrings(arguments) { arguments in
      withCStrings(words) { environment in
        posix_spawn(&pid, executable.path, &actions, &attributes, arguments, environment)
      }
    }
    guard code == 0 else {
      close(pipeEnds[0])
      throw .system(call: "start \(executable.path)", code: code)
    }
    return ChildProcess(pid: pid, output: pipeEnds[0])
  }

  /// A child inherits the limit in force when it is spawned, so ours is lowered for that moment.
  private static func lowerOpenFiles(to count: Int) -> rlimit {
    var before = rlimit()
    getrlimit(Int32(RLIMIT_NOFILE.rawValue), &before)
    var during = before
    during.rlim_cur = min(rlim_t(count), before.rlim_max)
    setrlimit(Int32(RLIMIT_NOFILE.rawValue), &during)
    return before
  }

  private static func restoreOpenFiles(_ before: rlimit) {
    var before = before
    setrlimit(Int32(RLIMIT_NOFILE.rawValue), &before)
  }

  /// Forbids core files for this process and its children: they would hold keys.
  package static func forbidCoreFiles() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(Int32(RLIMIT_CORE.rawValue), &none)
  }

  /// Ends it and what it holds, for a process that nobody will follow.
  private func abandon() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    close(output)
  }

  /// Sends the signal; a process that is gone is no error.
  package func signal(_ number: Int32) { kill(pid, number) }

  /// Follows the process on two threads of its own until it ends: one copies its lines to the log,
  /// one waits for the exit. Then `ended` is called once with the status (negative for a signal)
  /// and its last lines.
  package func follow(
    into log: LogFile, ended: @escaping @Sendable (_ status: Int32, _ lastLines: [String]) -> Void
  ) {
    let (pid, output) = (pid, output)
    let lines = LastLines()
    let reader = Thread {
      var cutter = LineCutter()
      var block = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(output, &block, block.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        let whole = cutter.take(block[..<count])
        if !whole.isEmpty { log.append(whole) }
        lines.set(cutter.last)
      }
      log.append(cutter.finish())
      lines.set(cutter.last)
      close(output)
      lines.finish()
    }
    let waiter = Thread {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      let signal = status & 0x7f
      // The last words arrive by the other thread; a grandchild that keeps the pipe open must not
      // hold us up.
      ended(signal == 0 ? status >> 8 & 0xff : -signal, lines.wait(seconds: 1))
    }
    reader.stackSize = 256 << 10
    waiter.stackSize = 256 << 10
    reader.start()
    waiter.start()
  }
}

/// Hands the last lines from the reading thread to the waiting one.
private final class LastLines: Sendable {
  private let lines = Mutex<[String]>([])
  private let isFinished = DispatchSemaphore(value: 0)

  func set(_ last: [String]) { lines.withLock { $0 = last } }
  func finish() { isFinished.signal() }
  func wait(seconds: Int) -> [String] {
    _ = isFinished.wait(timeout: .now() + .seconds(seconds))
    return lines.withLock { $0 }
  }
}

/// The words as a null-terminated array of C strings, for the time of the call.
func withCStrings<Result>(
  _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  pointers.append(nil)
  return body(pointers)
}
