package import Charters
package import Firewall
package import Vocabulary
package import WafAPI

/// What the matches of a request come to. Pure.
package struct InspectionRules: Sendable {
  /// Its charters have the exclusions.
  private let charters: CharterSet
  private let mode: WafMode
  private let threshold: Int

  /// - Parameter threshold: the score from which on a request is refused.
  package init(_ charters: CharterSet, mode: WafMode, threshold: Int) {
    self.charters = charters
    self.mode = mode
    self.threshold = threshold
  }

  /// What is shown to the rules: the texts as arguments, and of the request only what they cannot do without. The fields are
  /// the same for all, since the door has judged what came and sends none of it in.
  package static func request(_ inspection: Inspection) -> InspectedRequest {
    var request = InspectedRequest(method: inspection.method, target: inspection.path)
    request.fields = fields
    request.arguments = inspection.texts.map { (Array($0.name.utf8), Array($0.value.utf8)) }
    return request
  }

  private static let fields: [InspectedRequest.Pair] = [
    ("Host", "localhost"), ("Accept", "*/*"), ("User-Agent", "strongroom"), ("Content-Length", "0"),
  ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

  /// - Parameter now: exclusions end with their last day.
  package func verdict(
    on findings: RuleSet.Findings, of inspection: Inspection, at now: Instant
  ) -> Inspected {
    let operation = charters[inspection.service]?.operation(inspection.operation)
    let exclusions = (operation?.firewall.exclusions ?? []).filter { $0.until >= now.day }
    let matches = findings.matches.filter { match in
      !exclusions.contains { Self.excludes($0, match) }
    }
    // The rules themselves count one that matches in two texts twice. What is left of that without an exclusion is not known.
    let score =
      matches.count == findings.matches.count
      ? findings.total : matches.reduce(0) { $0 + ($1.severity?.score ?? 0) }
    // More than are told is an attack, whatever is excluded.
    let isFull = findings.matches.count == RuleSet.matchesMax
    return Inspected(
      verdict: mode == .blocking && (score >= threshold || isFull) ? .refused : .allowed,
      score: score,
      matches: matches.map {
        Inspected.Match(
          rule: $0.rule, score: $0.severity?.score ?? 0, place: $0.place, shape: $0.shape)
      })
  }

  private static func excludes(
    _ exclusion: CharterFirewall.Exclusion, _ match: RuleMatch
  ) -> Bool {
    guard exclusion.rule == match.rule else { return false }
    return exclusion.text.map { match.place == "ARGS:\($0)" } ?? true
  }
}
