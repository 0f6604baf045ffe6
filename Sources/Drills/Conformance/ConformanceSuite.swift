package import StrictJSON

/// What one public case came to.
package struct CaseResult: Hashable, Sendable {
  package enum Verdict: String, Hashable, Sendable {
    case passed, failed
    /// It asks for what this platform does not do on purpose; `reason` says why.
    case outOfScope = "out of scope"
  }

  /// As its suite names it, with the file.
  package let id: String
  package let expected: String
  package let came: String
  package let verdict: Verdict
  /// Why a case is out of scope, or why another answer than the suite's is right.
  package let reason: String?

  package init(
    _ id: String, expected: String, came: String, verdict: Verdict, reason: String? = nil
  ) {
    self.id = id
    self.expected = expected
    self.came = came
    self.verdict = verdict
    self.reason = reason
  }

  /// A case that passes when it came as expected.
  package init(_ id: String, expected: String, came: String, reason: String? = nil) {
    self.init(
      id, expected: expected, came: came, verdict: expected == came ? .passed : .failed,
      reason: reason)
  }

  /// A case that is accepted or refused.
  package init(_ id: String, accepts: Bool, accepted: Bool, because: String? = nil) {
    func word(_ isAccepted: Bool) -> String { isAccepted ? "accepted" : "refused" }
    self.init(
      id, expected: word(accepts), came: word(accepted) + (because.map { " (\($0))" } ?? ""),
      verdict: accepts == accepted ? .passed : .failed)
  }

  package var json: JSON {
    var members: [String: JSON] = [
      "case": .string(id), "expected": .string(expected), "came": .string(came),
      "verdict": .string(verdict.rawValue),
    ]
    if let reason { members["reason"] = .string(reason) }
    return .object(members)
  }
}

/// Public cases of others, and how ours are held against them. The cases are not part of the product: they are read from a
/// folder, so that anybody can run other ones of the same form.
package struct ConformanceSuite: Sendable {
  /// As on the command line.
  package let name: String
  package let what: String
  /// The folder with its files, below the data's root.
  package let folder: String
  let carryOut: @Sendable (CaseFolder, (CaseResult) -> Void) throws -> Void

  init(
    _ name: String, _ what: String, folder: String,
    _ carryOut: @escaping @Sendable (CaseFolder, (CaseResult) -> Void) throws -> Void
  ) {
    self.name = name
    self.what = what
    self.folder = folder
    self.carryOut = carryOut
  }

  /// Carries out every case that is there.
  /// - Parameters:
  ///   - root: the folder with all suites' folders.
  ///   - told: called with each result.
  /// - Returns: nil where the suite's folder is not there.
  /// - Throws: `CaseFileError` where a file is not of the form that the suite has.
  package func run(
    in root: String, told: (CaseResult) -> Void = { _ in }
  ) throws -> SuiteReport? {
    let folder = CaseFolder(path: "\(root)/\(folder)")
    guard folder.isThere else { return nil }
    var report = SuiteReport(name: name)
    try carryOut(folder) { result in
      report.add(result)
      told(result)
    }
    return report
  }
}

/// Passes N of M.
package struct SuiteReport: Sendable {
  package let name: String
  package private(set) var passed = 0
  package private(set) var failures: [CaseResult] = []
  /// Cases out of scope, by the reason.
  package private(set) var outOfScope: [String: Int] = [:]

  init(name: String) { self.name = name }

  mutating func add(_ result: CaseResult) {
    switch result.verdict {
    case .passed: passed += 1
    case .failed: failures.append(result)
    case .outOfScope: outOfScope[result.reason ?? "", default: 0] += 1
    }
  }

  /// Cases in scope.
  package var count: Int { passed + failures.count }
  package var all: Int { count + outOfScope.values.reduce(0, +) }

  /// `merkle: passes 242 of 242`, and what is out of scope with its reasons.
  package var lines: [String] {
    let rest = all - count
    return [
      "\(name): passes \(passed) of \(count)" + (rest > 0 ? "; \(rest) out of scope" : "")
    ]
      + outOfScope.sorted { $0.key < $1.key }.map { "  \($0.value) out of scope: \($0.key)" }
  }

  package var json: JSON {
    .object([
      "suite": .string(name), "passed": .integer(Int64(passed)), "cases": .integer(Int64(count)),
      "out_of_scope": .object(outOfScope.mapValues { .integer(Int64($0)) }),
      "failed": .array(failures.map(\.json)),
    ])
  }
}
