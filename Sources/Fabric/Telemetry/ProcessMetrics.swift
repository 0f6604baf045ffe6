import Glibc
package import Vocabulary

/// What the kernel knows about this process. Read when somebody asks; a figure that cannot be read
/// is NaN.
package enum ProcessMetrics {
  /// Registers CPU seconds, resident bytes, open file descriptors and the start time under
  /// Prometheus' usual names, and how many log lines and spans were dropped where a sink is given.
  package static func register(
    in metrics: MetricsRegistry, startedAt: Instant, log: LogSink? = nil
  ) {
    metrics.counter(
      "process_cpu_seconds_total", help: "User and system CPU time spent in seconds.",
      read: { cpuSeconds() })
    metrics.gauge(
      "process_resident_memory_bytes", help: "Resident memory size in bytes.",
      read: { residentBytes().map(Double.init) ?? .nan })
    metrics.gauge(
      "process_open_fds", help: "Number of open file descriptors.",
      read: { openDescriptors().map(Double.init) ?? .nan })
    metrics.gauge(
      "process_start_time_seconds", help: "Start time since the epoch in seconds.",
      read: { Double(startedAt.nanoseconds) / 1e9 })
    if let log {
      metrics.counter(
        "strongroom_log_dropped_lines_total", help: "Log lines dropped: the queue was full.",
        read: { Double(log.dropped) })
    }
  }

  static func cpuSeconds() -> Double {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return .nan }
    let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(micros) / 1e6
  }

  /// The second number of /proc/self/statm, in pages (proc_pid_statm(5)).
  static func residentBytes() -> Int? {
    guard let file = fopen("/proc/self/statm", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let words = text.split(separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return nil }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  static func openDescriptors() -> Int? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
      // Names are numbers, besides the two dot entries.
      if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
    }
    return count - 1  // The folder itself is open while we count.
  }
}
