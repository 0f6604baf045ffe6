import Glibc
import Vocabulary

/// What /proc tells about other processes (Linux).
package enum ProcessTable {
  /// When the process began, in clock ticks since the machine started (proc_pid_stat(5), field 22).
  /// With the pid it names one process for ever, though pids are used again. Nil when there is no
  /// such process, or it is a zombie.
  package static func startTicks(_ pid: Int32) -> UInt64? {
    guard let bytes = try? WholeFile.read("/proc/\(pid)/stat") else { return nil }
    // The name in parentheses may hold spaces and parentheses, so fields are counted from the last
    // one.
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return UInt64(fields[19])
  }

  /// The file that the process executes.
  package static func executable(_ pid: Int32) -> String? {
    var target = [UInt8](repeating: 0, count: 4_096)
    let count = target.withUnsafeMutableBytes {
      $0.baseAddress.map {
        readlink("/proc/\(pid)/exe", $0.assumingMemoryBound(to: CChar.self), 4_096)
      }
        ?? -1
    }
    guard count > 0, count < 4_096 else { return nil }
    return String(decoding: target[..<count], as: UTF8.self)
  }

  /// Resident memory in bytes. Nil when there is no such process.
  package static func residentBytes(_ pid: Int32) -> Int? {
    guard let bytes = try? WholeFile.read("/proc/\(pid)/statm") else { return nil }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Whether some process of this machine listens at the TCP port (IPv4), told by the kernel
  /// without knocking.
  package static func isListening(_ port: Int) -> Bool {
    guard let bytes = try? WholeFile.read("/proc/net/tcp") else { return false }
    let suffix = ":" + hexText(UInt128(port), digits: 4).uppercased()
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst().contains {
      let fields = $0.split(separator: " ")
      // Field 3 is the state; 0A is LISTEN (proc_net_tcp).
      return fields.count > 3 && fields[1].hasSuffix(suffix) && fields[3] == "0A"
    }
  }
}
