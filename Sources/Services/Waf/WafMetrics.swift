import Telemetry
import Vocabulary
import WafAPI

/// What the firewall counts.
struct WafMetrics: Sendable {
  private let durations: Histogram
  private let byVerdict: [Inspected.Verdict: Counter]
  private let failures: Counter
  private let matches: Counter

  init(_ metrics: MetricsRegistry) {
    durations = metrics.histogram(
      "strongroom_waf_inspection_duration_seconds", help: "Time of an inspection, waiting included."
    )
    let verdicts: [Inspected.Verdict] = [.allowed, .refused]
    byVerdict = Dictionary(
      uniqueKeysWithValues: verdicts.map { verdict in
        (
          verdict,
          metrics.counter(
            "strongroom_waf_inspections_total", help: "Requests inspected, by verdict.",
            labels: ["verdict": verdict.rawValue])
        )
      })
    failures = metrics.counter(
      "strongroom_waf_failures_total", help: "Requests that could not be inspected.")
    matches = metrics.counter(
      "strongroom_waf_matches_total", help: "Rules that matched and are not excluded.")
  }

  func count(waiting pool: InspectionPool, _ metrics: MetricsRegistry) {
    metrics.gauge(
      "strongroom_waf_inspections", help: "Inspections that run or wait for a thread."
    ) { Double(pool.count) }
  }

  func told(_ inspected: Inspected, after took: Duration) {
    durations.record(took)
    byVerdict[inspected.verdict]?.add()
    matches.add(UInt64(inspected.matches.count))
  }

  func failed() { failures.add() }
}
