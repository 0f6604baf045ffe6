import Glibc

/// A process of ours in a session of its own: closing the terminal does not reach it.
package enum SessionProcess {
  /// Starts it with the given standard output (its error output goes there too).
  /// - Parameter input: what it finds on its standard input, at most `HandedRootKey.handoverBytesMax`.
  /// - Returns: its process id.
  package static func spawn(
    _ path: String, arguments: [String], input: [UInt8] = [], output: Int32
  ) throws(LaunchFailure) -> Int32 {
    // Whoever started us and waits for a descriptor that we inherited must not wait for the launcher.
    for descriptor in Int32(3)..<1_024 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var ends: [Int32] = [-1, -1]
    defer { for end in ends where end >= 0 { close(end) } }
    if input.isEmpty {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    } else {
      guard input.count <= HandedRootKey.handoverBytesMax, pipe(&ends) == 0 else {
        throw .system(call: "pipe", code: errno)
      }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      guard writeAll(input, to: ends[1]) else { throw .system(call: "pipe", code: errno) }
      posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
    }
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // POSIX_SPAWN_SETSID of <spawn.h>, which glibc shows to GNU sources only.
    posix_spawnattr_setflags(&attributes, 0x80)
    var pid: pid_t = 0
    let code = withCStrings([path] + arguments) { words in
      posix_spawn(&pid, path, &actions, &attributes, words, environ)
    }
    guard code == 0 else { throw .system(call: "start \(path)", code: code) }
    return pid
  }
}
