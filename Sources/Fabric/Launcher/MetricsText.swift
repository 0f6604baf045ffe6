import Vocabulary

/// The figures of one service, read from its Prometheus text (exposition format 0.0.4).
package struct ServiceFigures: Hashable, Sendable {
  /// Requests since the start, without health, readiness and metrics.
  package private(set) var requests: UInt64 = 0
  /// Those answered 500 or above.
  package private(set) var failures: UInt64 = 0
  package private(set) var residentBytes: Int?
  package private(set) var cpuSeconds: Double?
  /// Of its store, each with one sync of the disk at least.
  package private(set) var commits: UInt64 = 0
  /// Cumulative counts by upper bound in seconds, ascending.
  private var buckets: [Double: UInt64] = [:]

  /// Lines that are not samples, or of metrics not known here, are passed over.
  package init(exposition: String) {
    for line in exposition.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "),
        let value = Double(line[line.index(after: space)...])
      else { continue }
      let series = line[..<space]
      let name = series.prefix { $0 != "{" }
      let labels = Self.labels(series.dropFirst(name.count))
      take(String(name), labels, value)
    }
  }

  private mutating func take(_ name: String, _ labels: [String: String], _ value: Double) {
    let isImplied = ["health", "ready", "metrics"].contains(labels["operation"] ?? "")
    switch name {
    case "strongroom_requests_total" where !isImplied && value >= 0:
      requests += UInt64(value)
      if labels["outcome"] == "failed" { failures += UInt64(value) }
    // The gateway counts what comes from outside apart, by status.
    case "strongroom_edge_requests_total" where value >= 0:
      requests += UInt64(value)
      if labels["status"]?.hasPrefix("5") == true { failures += UInt64(value) }
    case "strongroom_request_duration_seconds_bucket" where !isImplied && value >= 0,
      "strongroom_edge_request_duration_seconds_bucket" where value >= 0:
      guard let bound = labels["le"].flatMap({ $0 == "+Inf" ? .infinity : Double($0) }) else {
        return
      }
      buckets[bound, default: 0] += UInt64(value)
    case "strongroom_store_commits_total" where value >= 0: commits = UInt64(value)
    case "process_resident_memory_bytes" where value.isFinite: residentBytes = Int(value)
    case "process_cpu_seconds_total" where value.isFinite: cpuSeconds = value
    default: return
    }
  }

  /// Label values hold no comma or quote in our own metrics.
  private static func labels(_ text: Substring) -> [String: String] {
    var labels: [String: String] = [:]
    for pair in text.dropFirst().dropLast().split(separator: ",") {
      let halves = pair.split(separator: "=", maxSplits: 1)
      guard halves.count == 2 else { continue }
      labels[String(halves[0])] = String(halves[1].filter { $0 != "\"" })
    }
    return labels
  }

  /// The upper bound of the bucket that holds the quantile, seconds; nil without requests, or
  /// beyond the last bound.
  package func quantile(_ share: Double) -> Double? {
    let bounds = buckets.keys.sorted()
    guard let last = bounds.last, let total = buckets[last], total > 0 else { return nil }
    let rank = (Double(total) * share).rounded(.up)
    return bounds.first { Double(buckets[$0] ?? 0) >= rank }.flatMap { $0.isFinite ? $0 : nil }
  }
}
