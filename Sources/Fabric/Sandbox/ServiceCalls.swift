import Glibc

extension SystemCallFilter {
  /// What a service needs between its `execve` and its end, as seen by strace(1) under load, with
  /// the spellings that aarch64 or an older glibc has for the same, and nothing that reaches other processes, other protocols or the kernel's inside. A service starts
  /// no process: `clone` makes threads only.
  /// - Parameter resolvesNames: whether it asks for addresses of outside names, which takes UDP and
  ///   netlink.
  package static func service(resolvesNames: Bool) -> SystemCallFilter {
    SystemCallFilter(
      rules: free.map { Rule($0) } + checked(resolvesNames: resolvesNames)
        + absent.map { Rule($0, .fail(ENOSYS)) },
      otherwise: .fail(EPERM))
  }

  /// What an interpreter needs besides (as seen by strace(1) with CPython 3.11), and no socket but
  /// Unix streams: the program's sidecar is its only way to anybody. It starts no process either; a
  /// second `execve` would find nothing that it may execute but itself.
  package static var program: SystemCallFilter {
    let unixStream = { (call: String) in
      Rule(
        call, when: .masked(0, .max, isOneOf: [UInt32(AF_UNIX)]),
        .masked(1, 0xf, isOneOf: [1]), .masked(2, .max, isOneOf: [0]))
    }
    let replaced: Set = ["socket", "ioctl"]
    let kept = checked(resolvesNames: false).filter { !replaced.contains($0.call) }
    return SystemCallFilter(
      rules: (free + interpreter).map { Rule($0) } + kept + [
        unixStream("socket"), unixStream("socketpair"),
        // TCGETS, FIONREAD, FIONBIO; FIOCLEX and FIONCLEX, by which CPython sets close-on-exec.
        Rule("ioctl", when: .masked(1, .max, isOneOf: [0x5401, 0x541b, 0x5421, 0x5451, 0x5450])),
      ] + absent.map { Rule($0, .fail(ENOSYS)) },
      otherwise: .fail(EPERM))
  }

  private static let interpreter = [
    "accept", "chdir", "dup", "dup2", "dup3", "fadvise64", "getcwd", "getitimer", "getpriority",
    "getresgid", "getresuid", "getrlimit", "getdents", "pipe", "pipe2", "pselect6", "preadv",
    "pwritev", "readv", "sched_getparam", "sched_getscheduler", "select", "sendmsg", "times",
  ]

  /// Allowed with any arguments.
  static let free = memory + files + sockets + waiting + own

  private static let memory = ["brk", "munmap", "mremap", "madvise"]
  private static let files = [
    "read", "write", "writev", "pread64", "pwrite64", "lseek", "open",
    "openat", "close", "fstat", "stat", "lstat", "newfstatat", "statx", "statfs",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "fcntl",
    "flock", "fsync", "fdatasync", "ftruncate", "mkdir", "mkdirat",
    "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "chmod", "fchmod", "fchmodat",
    "fchown", "utimensat", "umask", "listxattr", "getxattr",
  ]
  private static let sockets = [
    "connect", "accept4", "bind", "listen", "getsockname", "getpeername", "setsockopt",
    "getsockopt", "shutdown", "recvfrom", "recvmsg",
  ]
  private static let waiting = [
    "futex", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll",
    "ppoll", "eventfd2", "signalfd4", "timerfd_create", "timerfd_settime",
    "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday",
    "sched_yield", "restart_syscall",
  ]
  /// About this process alone. `execve` is the stage's last step; `ExecLock` then takes it away.
  /// `tgkill` is how a thread raises a signal; other processes are beyond it by Landlock's scope.
  private static let own = [
    "execve", "exit", "exit_group", "getpid", "gettid", "getppid", "getuid", "getgid", "geteuid",
    "getegid", "getrusage", "getrandom", "sched_getaffinity", "sysinfo", "uname", "tgkill",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "sigaltstack", "arch_prctl",
    "set_tid_address", "set_robust_list", "rseq", "seccomp",
  ]

  /// Newer spellings whose callers fall back to an older one when the kernel has none. clone3(2)
  /// keeps its flags in memory, where a filter cannot see them.
  static let absent = ["clone3", "openat2", "close_range", "epoll_pwait2"]

  private static func checked(resolvesNames: Bool) -> [Rule] {
    // PROT_WRITE | PROT_EXEC, and PROT_EXEC: memory that was written never becomes code. A file may,
    // until `ExecLock` closes.
    let (writeAndRun, run): (UInt32, UInt32) = (6, 4)
    // MAP_SHARED | MAP_ANONYMOUS is memory that RLIMIT_DATA does not count.
    let sharedMemory: UInt32 = 0x21
    // CLONE_THREAD, and all CLONE_NEW… of clone(2).
    let (thread, namespaces): (UInt32, UInt32) = (0x1_0000, 0x7e02_0000)
    // MSG_FASTOPEN connects without connect(2), past Landlock's rule on ports.
    let fastOpen: UInt32 = 0x2000_0000
    return [
      Rule(
        "mmap", when: .masked(2, writeAndRun, isNot: writeAndRun),
        .masked(3, sharedMemory, isNot: sharedMemory)),
      Rule("mprotect", when: .masked(2, run, isNot: run)),
      Rule("clone", when: .masked(0, thread | namespaces, isOneOf: [thread])),
      Rule("sendto", when: .masked(3, fastOpen, isNot: fastOpen)),
      socket(resolvesNames: resolvesNames),
      // PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_NO_NEW_PRIVS.
      Rule("prctl", when: .masked(0, .max, isOneOf: [15, 16, 23, 38])),
      // The calling thread's own (PRIO_PROCESS, 0): libdispatch's qualities of service.
      Rule("setpriority", when: .masked(0, .max, isOneOf: [0]), .masked(1, .max, isOneOf: [0])),
      // TCGETS for isatty(3), FIONREAD, FIONBIO; none that types into a terminal.
      Rule("ioctl", when: .masked(1, .max, isOneOf: [0x5401, 0x541b, 0x5421])),
      // Its own limits only.
      Rule("prlimit64", when: .masked(0, .max, isOneOf: [0])),
    ] + (resolvesNames ? [Rule("sendmmsg", when: .masked(3, fastOpen, isNot: fastOpen))] : [])
  }

  /// Unix, IPv4 and IPv6 streams, and TCP only: Landlock's rule on ports does not see MPTCP.
  private static func socket(resolvesNames: Bool) -> Rule {
    let families = [UInt32(AF_UNIX), UInt32(AF_INET), UInt32(AF_INET6)]
    // SOCK_NONBLOCK and SOCK_CLOEXEC ride on the type.
    let typeMask: UInt32 = 0xf
    let (stream, datagram, raw): (UInt32, UInt32, UInt32) = (1, 2, 3)
    guard resolvesNames else {
      return Rule(
        "socket", when: .masked(0, .max, isOneOf: families),
        .masked(1, typeMask, isOneOf: [stream]), .masked(2, .max, isOneOf: [0, 6]))
    }
    // SOCK_RAW is how netlink is opened; a raw IP socket still needs a capability nobody has here.
    return Rule(
      "socket", when: .masked(0, .max, isOneOf: families + [UInt32(AF_NETLINK)]),
      .masked(1, typeMask, isOneOf: [stream, datagram, raw]),
      .masked(2, .max, isOneOf: [0, 6, 17]))
  }
}
