import Glibc

/// What the kernel says about how a running process is held, read from /proc/PID/status
/// (proc_pid_status(5)). Landlock does not show there.
package struct ProcessHold: Hashable, Sendable {
  package let noNewPrivileges: Bool
  /// Filters in force; a service that closed its `ExecLock` has two.
  package let filters: Int
  /// Effective capabilities as a bit set.
  package let capabilities: UInt64
  /// The effective user.
  package let user: UInt32

  /// Nil where a line is missing: an older kernel, or no such process.
  package init?(status text: String) {
    var fields: [Substring: [Substring]] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
      guard let name = words.first else { continue }
      fields[name] = Array(words.dropFirst())
    }
    guard let privileges = fields["NoNewPrivs:"]?.first, let mode = fields["Seccomp:"]?.first,
      let effective = fields["CapEff:"]?.first.flatMap({ UInt64($0, radix: 16) }),
      let users = fields["Uid:"], users.count > 1, let user = UInt32(users[1])
    else { return nil }
    noNewPrivileges = privileges == "1"
    // Kernels before 5.9 tell the mode only.
    let count = fields["Seccomp_filters:"]?.first.flatMap { Int($0) } ?? 1
    filters = mode == "2" ? count : 0
    capabilities = effective
    self.user = user
  }

  /// Asks the kernel.
  package static func of(_ pid: Int32) -> ProcessHold? {
    guard let file = fopen("/proc/\(pid)/status", "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 16_384)
    let count = fread(&bytes, 1, bytes.count, file)
    return ProcessHold(status: String(decoding: bytes[..<count], as: UTF8.self))
  }

  /// What the record claims and the kernel denies, in words; empty when all of it is true.
  package func contradictions(of hold: Hold) -> [String] {
    var found: [String] = []
    if hold.held.contains(.noNewPrivileges), !noNewPrivileges {
      found.append("it may gain privileges")
    }
    if hold.held.contains(.seccomp), filters == 0 { found.append("it has no seccomp filter") }
    // CAP_NET_BIND_SERVICE is number 10, the one that may stay.
    if hold.held.contains(.capabilities), capabilities & ~(1 << 10) != 0 {
      found.append("it has capabilities")
    }
    if let own = hold.user, own != user { found.append("it runs as user \(user), not \(own)") }
    return found
  }
}
