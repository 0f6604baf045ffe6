import Foundation
import Glibc

/// What one contestant did.
package struct Figures: Codable, Sendable {
  package var name: String
  package var transfers: Int
  package var seconds: Double
  /// Transfers per second while calls were made; each is durable when it is counted.
  package var perSecond: Double
  /// Milliseconds from a batch's call to its answer.
  package var p50: Double
  package var p99: Double
  package var p999: Double
  /// Microseconds of this process per transfer, the making of the transfers included.
  package var cpuMicros: Double
  /// Bytes on disk per transfer, log included.
  package var bytesPerTransfer: Double
  /// Most memory that the process had so far.
  package var peakMiB: Int
  /// With the index caught up; nil where there is nothing to catch up.
  package var perSecondCaughtUp: Double?
}

/// Clock, CPU and memory of this process.
enum Meter {
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func peakMiB() -> Int { status("VmHWM") / 1_024 }
  static func residentBytes() -> Int { status("VmRSS") * 1_024 }

  private static func status(_ field: String) -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(field) }
    return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
  }

  static func diskBytes(_ folder: String) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      return stat("\(folder)/\(name)", &status) == 0 ? sum + Int(status.st_size) : sum
    }
  }
}

/// Latencies of calls.
struct Latencies: Sendable {
  private(set) var seconds: [Double] = []
  mutating func add(_ value: Double) { seconds.append(value) }

  /// Milliseconds.
  func quantile(_ share: Double) -> Double {
    let sorted = seconds.sorted()
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] * 1_000
  }
}
