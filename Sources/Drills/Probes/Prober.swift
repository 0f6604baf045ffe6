import CSandbox
import Glibc
import Sandbox
import StrictJSON

/// The life of `strongroom-probe ATTEMPT=TARGET …`: tries one thing after another in whatever
/// confinement it was started, and prints one JSON line for each.
package enum Prober {
  /// EX_USAGE of sysexits(3).
  static let usageCode: Int32 = 64

  package static func run(_ arguments: [String]) -> Never {
    for argument in arguments {
      let words = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let attempt = words.first.flatMap({ Attempt(rawValue: String($0)) }) else {
        exit(usageCode)
      }
      let target = words.count > 1 ? String(words[1]) : ""
      say(outcome(attempt, target, of: attempted(attempt, target)))
    }
    exit(0)
  }

  static func outcome(_ attempt: Attempt, _ target: String, of code: Int32) -> Outcome {
    Outcome(
      attempt: attempt.rawValue, target: target, errno: code,
      error: code == 0 ? "" : String(cString: strerror(code)))
  }

  private static func say(_ outcome: Outcome) {
    guard let line = try? StrictJSON.encode(outcome) else { return }
    let bytes = line + [0x0a]
    _ = Glibc.write(STDOUT_FILENO, bytes, bytes.count)
  }

  /// - Returns: 0 when it went through, else errno.
  private static func attempted(_ attempt: Attempt, _ target: String) -> Int32 {
    switch attempt {
    case .read, .write, .make, .remove, .list, .execute, .mount, .fileCode: onFile(attempt, target)
    case .connect, .connectAddress, .fastOpen, .multipath, .listen, .unixSocket, .abstractSocket,
      .rawSocket,
      .packetSocket, .netlinkSocket, .datagramSocket:
      SocketAttempts.attempted(attempt, target)
    case .trace, .signal, .threadSignal, .environment, .memory: onProcess(attempt, target)
    case .userNamespace: error(csandbox_call(csandbox_system_call("unshare"), 0x1000_0000))
    case .fork: child()
    case .selfMadeCode: selfMadeCode()
    case .sharedMemory: sharedMemory()
    case .becomeRoot: error(csandbox_call(csandbox_system_call("setresuid"), 0, 0, 0))
    case .call: error(csandbox_call(csandbox_system_call(target)))
    case .closeExecLock: ExecLock.close() ? 0 : errno
    }
  }

  private static func onFile(_ attempt: Attempt, _ path: String) -> Int32 {
    switch attempt {
    case .write: opened(path, O_WRONLY)
    case .make: made(path)
    case .list: opened(path, O_RDONLY | O_DIRECTORY)
    case .remove: error(Int(unlink(path)))
    case .execute: executed(path)
    case .mount: mounted(path)
    case .fileCode: fileCode(path)
    default: opened(path, O_RDONLY)
    }
  }

  private static func opened(_ path: String, _ flags: Int32) -> Int32 {
    let descriptor = open(path, flags | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return errno }
    close(descriptor)
    return 0
  }

  /// Nothing of the attempt stays behind.
  private static func made(_ path: String) -> Int32 {
    let code = opened(path, O_WRONLY | O_CREAT | O_EXCL)
    if code == 0 { unlink(path) }
    return code
  }

  /// A shell that is let run says so itself, in our place; nothing is tried after it.
  private static func executed(_ path: String) -> Int32 {
    guard let line = try? StrictJSON.encode(outcome(.execute, path, of: 0)) else { return EINVAL }
    let words = [path, "-c", "printf '%s\\n' \"$0\"", String(decoding: line, as: UTF8.self)]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    execve(path, &arguments, environ)
    return errno
  }

  private static func mounted(_ folder: String) -> Int32 {
    guard Glibc.mount("none", folder, "tmpfs", 0, nil) == 0 else { return errno }
    return error(Int(umount(folder)))
  }

  private static func onProcess(_ attempt: Attempt, _ target: String) -> Int32 {
    let words = target.split(separator: ":")
    guard let pid = words.first.flatMap({ Int32($0) }) else { return EINVAL }
    switch attempt {
    case .trace: return error(Int(csandbox_ptrace_attach(pid)))
    // Signal 0 asks for the right only (kill(2)).
    case .signal: return error(Int(kill(pid, 0)))
    case .threadSignal:
      return error(csandbox_call(csandbox_system_call("tgkill"), Int(pid), Int(pid), 0))
    case .environment: return opened("/proc/\(pid)/environ", O_RDONLY)
    default: return remembered(pid, words.last.flatMap { Int($0, radix: 16) } ?? 0)
    }
  }

  private static func remembered(_ pid: Int32, _ address: Int) -> Int32 {
    var byte: UInt8 = 0
    return withUnsafeMutablePointer(to: &byte) { here in
      var local = iovec(iov_base: here, iov_len: 1)
      var remote = iovec(iov_base: UnsafeMutableRawPointer(bitPattern: address), iov_len: 1)
      return withUnsafeMutablePointer(to: &local) { local in
        withUnsafeMutablePointer(to: &remote) { remote in
          error(
            csandbox_call(
              csandbox_system_call("process_vm_readv"), Int(pid), Int(bitPattern: local), 1,
              Int(bitPattern: remote), 1))
        }
      }
    }
  }

  /// clone(2) with SIGCHLD alone, which is fork; the child goes at once.
  private static func child() -> Int32 {
    let pid = csandbox_call(csandbox_system_call("clone"), Int(SIGCHLD))
    if pid == 0 { _exit(0) }
    guard pid > 0 else { return errno }
    var status: Int32 = 0
    waitpid(Int32(pid), &status, 0)
    return 0
  }

  private static func selfMadeCode() -> Int32 {
    let rights = PROT_READ | PROT_WRITE | PROT_EXEC
    let page = mmap(nil, 4_096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard page != MAP_FAILED else { return errno }
    munmap(page, 4_096)
    return 0
  }

  private static func fileCode(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return errno }
    defer {
      close(descriptor)
      unlink(path)
    }
    guard ftruncate(descriptor, 4_096) == 0 else { return errno }
    let page = mmap(nil, 4_096, PROT_READ | PROT_EXEC, MAP_SHARED, descriptor, 0)
    guard page != MAP_FAILED else { return errno }
    munmap(page, 4_096)
    return 0
  }

  private static func sharedMemory() -> Int32 {
    let page = mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard page != MAP_FAILED else { return errno }
    munmap(page, 4_096)
    return 0
  }

  static func error(_ result: Int) -> Int32 { result < 0 ? errno : 0 }
}

/// A system call with zeros for the arguments that are not named.
func csandbox_call(
  _ number: Int, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0, _ fourth: Int = 0,
  _ fifth: Int = 0
) -> Int {
  guard number >= 0 else {
    errno = ENOSYS
    return -1
  }
  return CSandbox.csandbox_call(number, first, second, third, fourth, fifth, 0)
}
