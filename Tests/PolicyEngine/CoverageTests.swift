import PolicyEngine
import Testing

@Suite struct `The tests of a policy` {
  static let source = """
    package p

    default allow := false

    allow if {
    	input.role == "admin"
    	not locked
    }

    locked if input.locked

    grade := "low" if input.risk < 10
    else := "high"

    test_admin if allow with input as {"role": "admin"}
    test_guest if not allow with input as {"role": "guest"}
    test_low if grade == "low" with input as {"risk": 1}
    test_wrong if allow with input as {"role": "guest"}
    todo_test_later if false
    """

  private func run(_ names: Set<String>) throws -> (outcomes: [String], report: CoverageReport) {
    let policy = try CompiledPolicy.compile([("p.rego", Self.source)])
    var reached: ReachedLines? = ReachedLines()
    let outcomes = policy.tests.filter { names.contains($0.name) || names.isEmpty }.map { test in
      let (outcome, _) = test.run(policy, EvaluationInput(), &reached)
      return switch outcome {
      case .passed: "\(test.name) passed"
      case .failed: "\(test.name) failed"
      case .skipped: "\(test.name) skipped"
      case .error(let error): "\(test.name) \(error)"
      case .cases(let cases): "\(test.name) \(cases)"
      }
    }
    return (outcomes, CoverageReport(policy, try #require(reached)))
  }

  @Test func `pass, fail and are skipped in the order of the file`() throws {
    #expect(
      try run([]).outcomes == [
        "test_admin passed", "test_guest passed", "test_low passed", "test_wrong failed",
        "todo_test_later skipped",
      ])
  }

  @Test func `cover the lines that they reach, and no other`() throws {
    let report = try run(["test_admin"]).report
    let file = try #require(report.files.first)
    #expect(file.name == "p.rego")
    #expect(file.covered == [5...7, 10...10, 15...15])
    #expect(file.notCovered == [3...3, 12...13, 16...19])
    #expect(report.percentage == 41.67)
  }

  @Test func `find the same whether lines are counted or not`() throws {
    let policy = try CompiledPolicy.compile([("p.rego", Self.source)])
    var nobody: ReachedLines?
    for test in policy.tests {
      var reached: ReachedLines? = ReachedLines()
      #expect(
        "\(test.run(policy, EvaluationInput(), &reached))"
          == "\(test.run(policy, EvaluationInput(), &nobody))")
    }
    #expect(nobody == nil)
  }
}

@Suite struct `A strict check` {
  @Test(
    arguments: [
      ("import data.a", 2, 1, "import data.a unused"),
      ("import input.a as b", 2, 1, "import input.a as b unused"),
      ("f(x) := 1", 2, 3, "unused argument x"),
      ("x if { y := 1 }", 2, 8, "assigned var y unused"),
    ] as [(String, Int, Int, String)])
  func `refuses names that nothing uses`(
    _ line: String, _ row: Int, _ column: Int, _ message: String
  ) throws {
    let sources = [(file: "p.rego", source: "package p\n" + line)]
    _ = try CompiledPolicy.compile(sources)
    do {
      _ = try CompiledPolicy.compile(sources, isStrict: true)
      Issue.record("not refused")
    } catch {
      #expect(error.errors[0].message.contains(message))
      #expect(error.errors[0].location == Location(file: "p.rego", line: row, column: column))
    }
  }

  @Test func `lets pass what is used`() throws {
    let source = """
      package p
      import data.a
      f(x, _) := x
      y if { z := f(a, 1); [z | z > 1] }
      """
    _ = try CompiledPolicy.compile([("p.rego", source)], isStrict: true)
  }
}
