import AuditAPI
import Demo
import Launcher
package import Vocabulary

/// Carries drills out one attack after the other and asks the audit log what it knows of each.
package struct DrillRunner: Sendable {
  /// How long a record may take from the service that wrote it to the log.
  static let recordWithin: Duration = .seconds(5)

  private let range: DrillRange
  private let clock: Clock

  package init(range: DrillRange, clock: Clock) {
    self.range = range
    self.clock = clock
  }

  /// - Parameter told: called after each attack.
  package func run(
    _ drills: [Drill], told: (AttackResult) -> Void = { _ in }
  ) async -> DrillReport {
    var results: [AttackResult] = []
    for drill in drills {
      for attack in drill.attacks {
        let result = await self.result(of: attack, in: drill)
        told(result)
        results.append(result)
      }
    }
    return DrillReport(results: results, drills: drills)
  }

  private func result(of attack: Attack, in drill: Drill) async -> AttackResult {
    let began = clock.now()
    var sighting: Sighting
    var record: String?
    do {
      sighting = try await attack.carryOut(range)
      if let correlation = sighting.correlation {
        record = try await self.record(of: correlation)
        if record == nil {
          // A refusal that nobody can find afterwards is half a defence.
          sighting = .breach("\(sighting.seen); but nothing was recorded under \(correlation)")
        }
      }
    } catch {
      sighting = .notTried("\(error)")
    }
    return AttackResult(
      drill: drill.name, attack: attack.name, steps: attack.steps,
      expectation: attack.expectation, seen: sighting.seen, verdict: sighting.verdict,
      record: record, took: clock.now() - began)
  }

  private func record(of correlation: CorrelationID) async throws -> String? {
    let end = clock.now() + Self.recordWithin
    while true {
      let page = try await range.desk.call(
        AuditOperations.findRecords, Nothing(),
        query: ["correlation": "\(correlation)", "limit": "20"])
      if let found = page.records.last(where: { $0.record.outcome == AuditRecord.refused })
        ?? page.records.last
      {
        let record = found.record
        return
          "#\(found.index) \(record.caller) → \(record.service) \(record.operation): \(record.outcome)"
          + (record.reason.map { " (\($0))" } ?? "")
      }
      guard clock.now() < end else { return nil }
      try await Task.sleep(for: .milliseconds(100))
    }
  }
}
