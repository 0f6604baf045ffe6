import Foundation
package import Chassis
package import Vocabulary

/// What the kernel counted for one process of the platform (proc(5)).
package struct ProcessFigures: Sendable, Hashable {
  package let service: String
  package let pid: Int32
  /// User and system time in ticks of 10 ms.
  package let cpuTicks: Int64
  /// Resident memory in KiB.
  package let residentKiB: Int64
  package let threads: Int
  /// Open descriptors; zero where they may not be looked at.
  package let descriptors: Int
  /// How often one of its threads that still runs gave a core up, by itself or not.
  package let switches: Int64
  /// Bytes that it had written to the disk; zero where they may not be looked at.
  package let writtenBytes: Int64

  /// Of all services of a home that run now.
  package static func all(_ home: Home) -> [ProcessFigures] {
    LaunchRecord.all(home).filter(\.isAlive).compactMap { record in
      record.pid.flatMap { ProcessFigures(service: record.service, pid: $0) }
    }
  }

  /// Nil when the process has ended.
  package init?(service: ServiceName, pid: Int32) {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    else { return nil }
    // proc(5): fields after the command's closing parenthesis start with the third, `state`.
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 13, let user = Int64(fields[11]), let system = Int64(fields[12]) else {
      return nil
    }
    func line(_ name: String) -> Int64? { Self.number(name, in: status) }
    self.service = service.description
    self.pid = pid
    cpuTicks = user + system
    residentKiB = line("VmRSS:") ?? 0
    threads = Int(line("Threads:") ?? 0)
    descriptors = WholeFile.names(in: "/proc/\(pid)/fd").count
    switches = WholeFile.names(in: "/proc/\(pid)/task").reduce(0) { sum, task in
      let path = "/proc/\(pid)/task/\(task)/status"
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return sum }
      return sum + (Self.number("voluntary_ctxt_switches:", in: text) ?? 0)
        + (Self.number("nonvoluntary_ctxt_switches:", in: text) ?? 0)
    }
    let disk = try? String(contentsOfFile: "/proc/\(pid)/io", encoding: .utf8)
    writtenBytes = disk.flatMap { Self.number("write_bytes:", in: $0) } ?? 0
  }

  /// The number behind a name at the beginning of a line.
  private static func number(_ name: String, in text: String) -> Int64? {
    text.split(separator: "\n").first { $0.hasPrefix(name) }?
      .split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
      .flatMap { Int64($0) }
  }
}
