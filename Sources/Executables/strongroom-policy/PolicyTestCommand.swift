import ArgumentParser
import Commands
import Foundation
import PolicyDocuments
import PolicyEngine
import Vocabulary

struct PolicyTestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Run the rules whose names begin with test_.",
    discussion: """
      'todo_test_' is skipped. With --coverage the report says as JSON which lines the tests reach.
      Exit codes: 0 all pass, 1 the policies are wrong, 2 a test failed or too little is covered.
      """)

  @Argument(help: ArgumentHelp("Policy or data, file or folder.", valueName: "path"))
  var paths: [String] = []

  @OptionGroup var sources: PolicySources

  @Flag(name: .shortAndLong, help: "Every test, with what it prints.")
  var verbose = false

  @Flag(name: .shortAndLong, help: "Report the lines that tests reach.")
  var coverage = false

  @Option(
    help: ArgumentHelp("With --coverage: least percentage that passes.", valueName: "percent"))
  var threshold: Double?

  @Option(
    name: [.short, .customLong("run")],
    help: ArgumentHelp("Only tests whose full name matches.", valueName: "regex"))
  var running: String?

  @Option(name: .shortAndLong, help: "pretty or json.")
  var format = PolicyOutputFormat.pretty

  @Flag(name: [.customShort("z"), .long], help: "Skipped tests do not count as failed.")
  var exitZeroOnSkipped = false

  func validate() throws {
    if let threshold, !(0...100).contains(threshold) {
      throw ValidationError("--threshold must be 0–100")
    }
  }

  func run() throws {
    var files = PolicyFiles()
    let policy: CompiledPolicy
    let matching: (PolicyTest) -> Bool
    do {
      files = try sources.load(paths)
      policy = try files.compiled()
      matching = try Self.filter(running)
    } catch let errors as PolicyErrors {
      throw endPolicy(errors.shown(files.modules), code: 1)
    } catch let error as PolicyFilesError {
      throw endPolicy("\(error)", code: 1)
    }
    var reached: ReachedLines? = coverage || threshold != nil ? ReachedLines() : nil
    let timeZones = TimeZones.system(for: files.modules.map(\.source))
    let tests = policy.tests.filter(matching).map { test in
      let start = ContinuousClock.now
      let input = EvaluationInput(
        data: files.data, nanoseconds: Clock.system.now().nanoseconds, timeZones: timeZones,
        seed: Randomness.system.next())
      let (outcome, printed) = test.run(policy, input, &reached)
      return TestRecord(
        test: test, outcome: outcome, printed: printed, duration: ContinuousClock.now - start)
    }
    let report = TestReport(records: tests)
    let covered = reached.map { CoverageReport(policy, $0) }
    if let covered {
      print(covered.value.indentedJSON)
      let failed = report.failed.map { "\($0.test.path): \($0.word)" }
      if !failed.isEmpty { complain(failed.joined(separator: "\n")) }
    } else {
      print(format == .json ? report.json : report.pretty(verbose: verbose), terminator: "")
    }
    if let covered, let threshold, covered.percentage < threshold {
      throw endPolicy(
        "Code coverage threshold not met: got \(TestReport.fixed(covered.percentage)) instead of "
          + TestReport.fixed(threshold), code: 2)
    }
    guard report.failed.isEmpty, exitZeroOnSkipped || report.skipped == 0 else {
      throw ArgumentParser.ExitCode(2)
    }
  }

  /// The pattern is read as policies read theirs.
  private static func filter(_ pattern: String?) throws -> (PolicyTest) -> Bool {
    guard let pattern else { return { _ in true } }
    let policy = try CompiledPolicy.compile([])
    let query = try CompiledQuery("regex.match(input.pattern, input.name)", policy: policy)
    func matches(_ name: String) throws -> Bool {
      let members: [(Value, Value)] = [
        (.string("name"), .string(name)), (.string("pattern"), .string(pattern)),
      ]
      let input = EvaluationInput(input: .object(ObjectValue(members)), isStrict: true)
      return try !policy.evaluate(query, input).bindings.isEmpty
    }
    do {
      _ = try matches("")
    } catch let error as PolicyError {
      throw PolicyFilesError(description: "--run: \(error.message)")
    }
    return { (try? matches($0.path)) ?? false }
  }
}

struct TestRecord {
  let test: PolicyTest
  let outcome: PolicyTest.Outcome
  let printed: [String]
  let duration: Duration

  var word: String {
    switch outcome {
    case .passed: "PASS"
    case .failed: "FAIL"
    case .skipped: "SKIPPED"
    case .error(let error): "ERROR: \(error)"
    case .cases: isFailed ? "FAIL" : "PASS"
    }
  }

  var isFailed: Bool {
    switch outcome {
    case .passed, .skipped: false
    case .failed, .error: true
    case .cases(let cases): cases.contains { !$0.passes }
    }
  }

  var cases: [PolicyTest.Case] { if case .cases(let cases) = outcome { cases } else { [] } }

  var nanoseconds: Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}

extension PolicyTest.Case {
  var name: String {
    names.map { if case .string(let text) = $0 { text } else { $0.regoText } }
      .joined(separator: " / ")
  }

  var member: (Value, Value) {
    var members: [(Value, Value)] = [(.string("name"), .string(name))]
    if !passes { members.append((.string("fail"), .bool(true))) }
    return (.string(name), .object(ObjectValue(members)))
  }
}

/// What tests found, as `opa test` shows it.
struct TestReport {
  let records: [TestRecord]

  var failed: [TestRecord] { records.filter(\.isFailed) }
  var skipped: Int { records.count { if case .skipped = $0.outcome { true } else { false } } }

  func pretty(verbose: Bool) -> String {
    var text = ""
    var file = ""
    for record in records where verbose || record.isFailed {
      if record.test.location.file != file {
        file = record.test.location.file
        text += "\(file):\n"
      }
      text += "\(record.test.path): \(record.word)"
      if case .skipped = record.outcome {} else { text += " (\(Self.time(record.nanoseconds)))" }
      text += "\n"
      for one in record.cases where verbose || !one.passes {
        text += "  \(one.name): \(one.passes ? "PASS" : "FAIL")\n"
      }
      guard !record.printed.isEmpty else { continue }
      text += "\n" + record.printed.map { "  \($0)\n" }.joined() + "\n"
    }
    let errors = records.count { if case .error = $0.outcome { true } else { false } }
    if !text.isEmpty { text += String(repeating: "-", count: 80) + "\n" }
    // A test with cases counts as many as it has.
    let whole = records.filter { $0.cases.isEmpty }
    let cases = records.flatMap(\.cases)
    let failures = whole.count(where: \.isFailed) - errors + cases.count { !$0.passes }
    let total = whole.count + cases.count
    let counts = [
      ("PASS", total - failures - errors - skipped), ("FAIL", failures),
      ("SKIPPED", skipped), ("ERROR", errors),
    ]
    for (word, count) in counts where count > 0 || (word == "PASS" && !records.isEmpty) {
      text += "\(word): \(count)/\(total)\n"
    }
    return records.isEmpty ? "no tests found\n" : text
  }

  var json: String {
    let values = records.map { record -> Value in
      var members: [(Value, Value)] = [
        (.string("duration"), .integer(Int(record.nanoseconds))),
        (.string("location"), record.test.location.value),
        (.string("name"), .string(record.test.name)),
        (.string("package"), .string(record.test.package)),
      ]
      switch record.outcome {
      case .passed: break
      case .failed: members.append((.string("fail"), .bool(true)))
      case .skipped: members.append((.string("skip"), .bool(true)))
      case .error(let error): members.append((.string("error"), error.value))
      case .cases(let cases):
        if record.isFailed { members.append((.string("fail"), .bool(true))) }
        members.append((.string("sub_results"), .object(ObjectValue(cases.map(\.member)))))
      }
      return .object(ObjectValue(members))
    }
    return Value.array(values).indentedJSON + "\n"
  }

  /// As Go writes durations.
  static func time(_ nanoseconds: Int64) -> String {
    switch nanoseconds {
    case ..<1_000: "\(nanoseconds)ns"
    case ..<1_000_000: "\(Double(nanoseconds) / 1e3)µs"
    case ..<1_000_000_000: "\(Double(nanoseconds) / 1e6)ms"
    default: "\(Double(nanoseconds) / 1e9)s"
    }
  }

  static func fixed(_ percentage: Double) -> String {
    String(format: "%.2f", percentage)
  }
}

extension CoverageReport {
  var value: Value {
    let files = self.files.map { file -> (Value, Value) in
      var members = Self.members(file.coveredLines, file.notCoveredLines, file.percentage)
      if !file.covered.isEmpty { members.append((.string("covered"), Self.ranges(file.covered))) }
      if !file.notCovered.isEmpty {
        members.append((.string("not_covered"), Self.ranges(file.notCovered)))
      }
      return (.string(file.name), .object(ObjectValue(members)))
    }
    return .object(
      ObjectValue(
        Self.members(coveredLines, notCoveredLines, percentage)
          + [(.string("files"), .object(ObjectValue(files)))]))
  }

  private static func members(_ covered: Int, _ missed: Int, _ percentage: Double) -> [(
    Value, Value
  )] {
    var members: [(Value, Value)] = [
      (.string("coverage"), Number(percentage).map(Value.number) ?? .null)
    ]
    if covered > 0 { members.append((.string("covered_lines"), .integer(covered))) }
    if missed > 0 { members.append((.string("not_covered_lines"), .integer(missed))) }
    return members
  }

  private static func ranges(_ ranges: [ClosedRange<Int>]) -> Value {
    func row(_ line: Int) -> Value { .object(ObjectValue([(.string("row"), .integer(line))])) }
    return .array(
      ranges.map { range in
        .object(
          ObjectValue([
            (.string("end"), row(range.upperBound)), (.string("start"), row(range.lowerBound)),
          ]))
      })
  }
}
