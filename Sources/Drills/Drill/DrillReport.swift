package import StrictJSON
import Vocabulary

/// All results of one run. Pure: it only counts and writes.
package struct DrillReport: Sendable {
  package let results: [AttackResult]
  package let drills: [Drill]

  package init(results: [AttackResult], drills: [Drill]) {
    self.results = results
    self.drills = drills
  }

  package func count(_ verdict: Verdict) -> Int { results.count { $0.verdict == verdict } }

  /// Nothing broke through, and something was tried.
  package var allHeld: Bool { count(.breach) == 0 && count(.held) > 0 }

  package var summary: String {
    let seconds = results.reduce(Duration.zero) { $0 + $1.took }.components.seconds
    let open = count(.notTried)
    return "\(results.count) attacks: \(count(.held)) held, \(count(.breach)) breached"
      + (open > 0 ? ", \(open) not tried" : "") + ", in \(seconds) s"
  }

  package var json: JSON {
    .object([
      "held": .integer(Int64(count(.held))), "breached": .integer(Int64(count(.breach))),
      "not_tried": .integer(Int64(count(.notTried))), "attacks": .array(results.map(\.json)),
    ])
  }

  /// For people who read it later: one table for each drill.
  package var markdown: String {
    var lines = ["# Drill report", "", summary, ""]
    for drill in drills {
      let own = results.filter { $0.drill == drill.name }
      guard !own.isEmpty else { continue }
      lines += [
        "## \(drill.name)", "", drill.promise, "",
        "| attack | what was done | what must be seen | what was seen | audit record | verdict |",
        "|---|---|---|---|---|---|",
      ]
      for result in own {
        let cells = [
          result.attack, result.steps, result.expectation, result.seen, result.record ?? "–",
          result.verdict == .breach ? "**breach**" : result.verdict.rawValue,
        ]
        lines.append("| " + cells.map(Self.cell).joined(separator: " | ") + " |")
      }
      lines.append("")
    }
    return lines.joined(separator: "\n")
  }

  private static func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }
}

extension AttackResult {
  package var json: JSON {
    var members: [String: JSON] = [
      "drill": .string(drill), "attack": .string(attack), "steps": .string(steps),
      "expectation": .string(expectation), "seen": .string(seen),
      "verdict": .string(verdict.rawValue), "took_ms": .integer(took.nanoseconds / 1_000_000),
    ]
    if let record { members["record"] = .string(record) }
    return .object(members)
  }
}
