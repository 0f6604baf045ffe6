import Synchronization
import Vocabulary

/// All metrics of a process, and their text form for Prometheus (exposition format 0.0.4).
/// Registering the same name with the same labels again gives the same metric. Counting takes no
/// lock; registering and reading out do.
package final class MetricsRegistry: Sendable {
  /// Series a process may have. Beyond it a metric still counts but is not exposed, and
  /// `strongroom_metrics_dropped_series` tells how many: labels must not let outsiders fill our
  /// memory.
  package static let seriesMax = 4_096

  /// Label names and values, fixed when the metric is made.
  package typealias Labels = KeyValuePairs<String, String>

  enum Source {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(Histogram)
    case counterRead(@Sendable () -> Double)
    case gaugeRead(@Sendable () -> Double)

    var type: String {
      switch self {
      case .counter, .counterRead: "counter"
      case .gauge, .gaugeRead: "gauge"
      case .histogram: "histogram"
      }
    }
  }
  private struct Family {
    let help: String
    let type: String
    /// By the text of the labels, so that the same labels are the same series.
    var series: [String: Source] = [:]
  }
  private struct State {
    var families: [String: Family] = [:]
    var seriesCount = 0
    var dropped: Int64 = 0
  }
  private let state = Mutex(State())

  package init() {}

  /// - Parameter name: ends in `_total`, with the unit before it: `strongroom_requests_total`.
  package func counter(_ name: String, help: String, labels: Labels = [:]) -> Counter {
    let made = add(name, help, labels, .counter(Counter()))
    guard case .counter(let counter) = made else { return Counter() }
    return counter
  }
  /// - Parameter name: ends in its unit where it has one: `strongroom_connections`.
  package func gauge(_ name: String, help: String, labels: Labels = [:]) -> Gauge {
    let made = add(name, help, labels, .gauge(Gauge()))
    guard case .gauge(let gauge) = made else { return Gauge() }
    return gauge
  }
  /// - Parameter name: ends in `_seconds`.
  package func histogram(_ name: String, help: String, labels: Labels = [:]) -> Histogram {
    let made = add(name, help, labels, .histogram(Histogram()))
    guard case .histogram(let histogram) = made else { return Histogram() }
    return histogram
  }
  /// A counter that lives elsewhere and is read when somebody asks.
  package func counter(
    _ name: String, help: String, labels: Labels = [:], read: @escaping @Sendable () -> Double
  ) { _ = add(name, help, labels, .counterRead(read)) }
  /// A gauge that lives elsewhere and is read when somebody asks.
  package func gauge(
    _ name: String, help: String, labels: Labels = [:], read: @escaping @Sendable () -> Double
  ) { _ = add(name, help, labels, .gaugeRead(read)) }

  private func add(_ name: String, _ help: String, _ labels: Labels, _ source: Source) -> Source {
    precondition(
      Self.isName(name) && labels.allSatisfy { Self.isName($0.key) && $0.key != "le" },
      "metric and label names are [a-z_][a-z0-9_]*: \(name)")
    let labelText = labels.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
    return state.withLock { state in
      var family = state.families[name] ?? Family(help: help, type: source.type)
      // One name has one type; the same name with another type is a defect of the source.
      precondition(family.type == source.type, "metric \(name) is a \(family.type)")
      if let known = family.series[labelText] { return known }
      guard state.seriesCount < Self.seriesMax else {
        state.dropped += 1
        return source
      }
      state.seriesCount += 1
      family.series[labelText] = source
      state.families[name] = family
      return source
    }
  }

  /// The text of `GET /metrics`, content type `text/plain; version=0.0.4; charset=utf-8`; sorted,
  /// ends in a line break.
  package func exposition() -> String {
    let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.type)\n"
      for (labels, source) in family.series.sorted(by: { $0.key < $1.key }) {
        Self.write(source, name, labels, to: &text)
      }
    }
    let name = "strongroom_metrics_dropped_series"
    text += "# HELP \(name) Series not exposed because there are too many.\n"
    text += "# TYPE \(name) gauge\n\(name) \(dropped)\n"
    return text
  }

  private static func write(
    _ source: Source, _ name: String, _ labels: String, to text: inout String
  ) {
    let braces = labels.isEmpty ? "" : "{\(labels)}"
    switch source {
    case .counter(let counter): text += "\(name)\(braces) \(counter.value)\n"
    case .gauge(let gauge): text += "\(name)\(braces) \(gauge.value)\n"
    case .counterRead(let read), .gaugeRead(let read):
      let value = read()
      text += "\(name)\(braces) \(value.isNaN ? "NaN" : "\(value)")\n"
    case .histogram(let histogram):
      let (counts, sum) = histogram.snapshot()
      let comma = labels.isEmpty ? "" : ","
      var cumulative: UInt64 = 0
      for (bound, count) in zip(Histogram.boundTexts + ["+Inf"], counts) {
        cumulative += count
        text += "\(name)_bucket{\(labels)\(comma)le=\"\(bound)\"} \(cumulative)\n"
      }
      text += "\(name)_sum\(braces) \(Double(sum.nanoseconds) / 1e9)\n"
      text += "\(name)_count\(braces) \(cumulative)\n"
    }
  }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, first == 95 || (97...122).contains(first) else {
      return false
    }
    return name.utf8.allSatisfy { $0 == 95 || (97...122).contains($0) || (48...57).contains($0) }
  }

  private static func escaped(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
