/// The lines that evaluations have reached: of each expression that was tried, and of the head of
/// each rule that had a value.
package struct ReachedLines: Sendable {
  private(set) var lines: [String: Set<Int>] = [:]

  package init() {}

  mutating func reach(_ location: Location) {
    lines[location.file, default: []].insert(location.line)
  }
}

/// How much of a set of policies its tests reach, line by line as OPA counts: a line counts where
/// an expression or a rule's head begins.
package struct CoverageReport: Sendable {
  package struct File: Sendable {
    package let name: String
    package let covered: [ClosedRange<Int>]
    package let notCovered: [ClosedRange<Int>]

    package var coveredLines: Int { covered.reduce(0) { $0 + $1.count } }
    package var notCoveredLines: Int { notCovered.reduce(0) { $0 + $1.count } }
    /// 0–100, rounded to two digits.
    package var percentage: Double { CoverageReport.percentage(coveredLines, notCoveredLines) }
  }

  /// Sorted by name.
  package let files: [File]

  package var coveredLines: Int { files.reduce(0) { $0 + $1.coveredLines } }
  package var notCoveredLines: Int { files.reduce(0) { $0 + $1.notCoveredLines } }
  /// 0–100, rounded to two digits; 100 where there is no line at all.
  package var percentage: Double { Self.percentage(coveredLines, notCoveredLines) }

  package init(_ policy: CompiledPolicy, _ reached: ReachedLines) {
    var all = ReachedLines()
    for group in policy.groups {
      for clause in group.clauses + (group.defaultClause.map { [$0] } ?? []) {
        for branch in clause.branches {
          all.reach(branch.location)
          Self.collect(branch.body, &all)
          Self.collect(branch.value, &all)
        }
        for operand in clause.keys + (clause.member.map { [$0] } ?? []) {
          Self.collect(operand, &all)
        }
      }
    }
    files = all.lines.sorted { $0.key < $1.key }.map { name, lines in
      let hits = reached.lines[name] ?? []
      return File(
        name: name, covered: Self.ranges(lines.filter(hits.contains)),
        notCovered: Self.ranges(lines.filter { !hits.contains($0) }))
    }
  }

  private static func percentage(_ covered: Int, _ missed: Int) -> Double {
    guard covered + missed > 0 else { return 100 }
    return (Double(covered) / Double(covered + missed) * 10_000).rounded() / 100
  }

  private static func ranges(_ lines: some Sequence<Int>) -> [ClosedRange<Int>] {
    var ranges: [ClosedRange<Int>] = []
    for line in lines.sorted() {
      if let last = ranges.last, last.upperBound + 1 == line {
        ranges[ranges.count - 1] = last.lowerBound...line
      } else {
        ranges.append(line...line)
      }
    }
    return ranges
  }

  private static func collect(_ block: Block, _ all: inout ReachedLines) {
    for step in block.steps { collect(step, &all) }
  }

  private static func collect(_ step: Step, _ all: inout ReachedLines) {
    all.reach(step.location)
    switch step.kind {
    case .test(let operand): collect(operand, &all)
    case .unify(let left, let right):
      collect(left, &all)
      collect(right, &all)
    case .not(let inner, _): collect(inner, &all)
    case .someIn(let key, let value, let domain):
      for operand in [key, value, domain].compactMap(\.self) { collect(operand, &all) }
    case .every(_, _, let domain, let block):
      collect(domain, &all)
      collect(block, &all)
    }
  }

  private static func collect(_ operand: Operand, _ all: inout ReachedLines) {
    operand.forEachChild { collect($0, &all) }
    operand.forEachBlock { collect($0, &all) }
  }
}
