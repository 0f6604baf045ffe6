/// What a soak's samples say: what was restarted, what still grew in the last half, what a payment takes on the disk.
/// Pure, so that each complaint is tested by a table.
package struct SoakVerdict: Sendable {
  /// One service over the whole soak.
  package struct Service: Sendable, Equatable {
    package let name: String
    package let restarts: Int
    /// Medians of the third and of the last quarter of the samples.
    package let residentKiB: Span
    package let descriptors: Span
    package let threads: Span
    package let residentKiBMax: Int64
    /// Bytes on the disk that came with each payment; nil without payments.
    package let diskBytesPerPayment: Int64?
  }
  /// A figure in the third quarter of the soak and in its last.
  package struct Span: Sendable, Equatable {
    package let before: Int64
    package let after: Int64
  }

  /// Growth that is noise: an allocator's pages, a pool that was never full before.
  package enum Noise {
    package static let residentKiB: Int64 = 6 * 1_024
    package static let descriptors: Int64 = 16
    package static let threads: Int64 = 4
    /// Of the figure before, in percent; the larger of the two is granted.
    package static let percent: Int64 = 5
  }
  /// Fewer samples have no quarters to compare.
  package static let samplesMin = 8

  /// By name.
  package let services: [Service]
  /// Plain sentences; empty when everything held.
  package let complaints: [String]

  /// - Parameter samples: oldest first; at least `samplesMin`.
  package init(_ samples: [SoakSample]) {
    guard let first = samples.first, let last = samples.last, samples.count >= Self.samplesMin
    else {
      services = []
      complaints = ["only \(samples.count) samples were taken; \(Self.samplesMin) are needed"]
      return
    }
    let names = Set(samples.flatMap { $0.processes.keys }).sorted()
    let half = samples.count / 2
    let third = samples[half..<(half + (samples.count - half) / 2)]
    let fourth = samples[(half + (samples.count - half) / 2)...]
    let posted = Int64(last.posted - first.posted)
    services = names.map { name in
      func span(_ figure: (SoakSample.Process) -> Int64) -> Span {
        Span(
          before: Self.median(third.compactMap { $0.processes[name].map(figure) }),
          after: Self.median(fourth.compactMap { $0.processes[name].map(figure) }))
      }
      let grown = (last.diskBytes[name] ?? 0) - (first.diskBytes[name] ?? 0)
      return Service(
        name: name, restarts: Self.restarts(of: name, in: samples),
        residentKiB: span(\.residentKiB), descriptors: span { Int64($0.descriptors) },
        threads: span { Int64($0.threads) },
        residentKiBMax: samples.compactMap { $0.processes[name]?.residentKiB }.max() ?? 0,
        diskBytesPerPayment: posted > 0 ? grown / posted : nil)
    }
    complaints = services.flatMap(Self.complaints) + Self.absences(names, in: samples)
  }

  private static func complaints(of service: Service) -> [String] {
    var complaints: [String] = []
    if service.restarts > 0 {
      complaints.append("\(service.name) was restarted \(service.restarts) times")
    }
    func judge(_ what: String, _ span: Span, noise: Int64) {
      guard span.after - span.before > max(noise, span.before * Noise.percent / 100) else { return }
      complaints.append(
        "\(service.name)'s \(what) still grew in the last half: \(span.before) to \(span.after)")
    }
    judge("memory (KiB)", service.residentKiB, noise: Noise.residentKiB)
    judge("open descriptors", service.descriptors, noise: Noise.descriptors)
    judge("threads", service.threads, noise: Noise.threads)
    return complaints
  }

  private static func restarts(of name: String, in samples: [SoakSample]) -> Int {
    let pids = samples.compactMap { $0.processes[name]?.pid }
    return zip(pids, pids.dropFirst()).count { $0 != $1 }
  }

  /// A service that had no process when it was looked at, also where the next look found the same one again.
  private static func absences(_ names: [String], in samples: [SoakSample]) -> [String] {
    names.compactMap { name in
      let missed = samples.count { $0.processes[name] == nil }
      return missed > 0 ? "\(name) had no process at \(missed) looks" : nil
    }
  }

  private static func median(_ values: [Int64]) -> Int64 {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }
}
