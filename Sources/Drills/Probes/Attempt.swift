/// Something that code of an attacker would try from inside a service.
package enum Attempt: String, Sendable, CaseIterable {
  /// With a path.
  case read, write, make, remove, list, execute
  /// With a folder, on which a file system is mounted and at once taken away.
  case mount
  /// With a TCP port of this machine: by connect(2), by TCP Fast Open, by MPTCP; and listening.
  case connect
  /// With `ADDRESS:PORT`, IPv4 or IPv6 in brackets: three seconds of it.
  case connectAddress = "connect-address"
  case fastOpen = "fast-open"
  case multipath
  case listen
  /// With a Unix socket's path, and with the name of an abstract one.
  case unixSocket = "unix-socket"
  case abstractSocket = "abstract-socket"
  /// Sockets that no service has a use for; without a target.
  case rawSocket = "raw-socket"
  case packetSocket = "packet-socket"
  case netlinkSocket = "netlink-socket"
  case datagramSocket = "datagram-socket"
  /// With a process id: tracing it, signalling it in two ways, reading its environment.
  case trace, signal
  case threadSignal = "thread-signal"
  case environment
  /// With `PID:ADDRESS` (hexadecimal), by process_vm_readv(2).
  case memory
  /// Without a target: a new user namespace, a child process, memory to write and run.
  case userNamespace = "user-namespace"
  case fork
  case selfMadeCode = "self-made-code"
  /// With a path: a file of one's own whose bytes become code.
  case fileCode = "file-code"
  /// Without a target: memory that no limit counts.
  case sharedMemory = "shared-memory"
  /// Without a target: becoming root.
  case becomeRoot = "become-root"
  /// With the name of a system call, made with zeros: only whether the kernel takes it at all.
  case call
  /// Not an attack: takes `execve` away, as a service does at its start.
  case closeExecLock = "close-exec-lock"
}

/// What came of an attempt.
package struct Outcome: Hashable, Sendable, Codable {
  package let attempt: String
  package let target: String
  /// 0 when the kernel let it happen.
  package let errno: Int32
  /// The kernel's words for it, for people.
  package let error: String

  package init(attempt: String, target: String, errno: Int32, error: String) {
    self.attempt = attempt
    self.target = target
    self.errno = errno
    self.error = error
  }
}
