/// A rule that tests others: its name begins with `test_`, or with `todo_test_` while it is to be
/// skipped (OPA policy testing).
package struct PolicyTest: Hashable, Sendable {
  /// `data.authz`.
  package let package: String
  /// `test_owner_may_read`.
  package let name: String
  package let location: Location
  package var isSkipped: Bool { name.hasPrefix("todo_test_") }
  /// `data.authz.test_owner_may_read`.
  package var path: String { "\(package).\(name)" }

  package enum Outcome: Sendable {
    case passed
    /// False or undefined.
    case failed
    case skipped
    case error(PolicyError)
    /// Of a test with parameters, in the order of their names.
    case cases([Case])
  }

  /// One of a test's cases.
  package struct Case: Hashable, Sendable {
    /// The values in the brackets of the test's name.
    package let names: [Value]
    package let passes: Bool
  }

  /// What a test finds, and what it printed; adds the lines that it reached.
  package func run(
    _ policy: CompiledPolicy, _ input: EvaluationInput, _ reached: inout ReachedLines?
  )
    -> (outcome: Outcome, printed: [String])
  {
    guard !isSkipped else { return (.skipped, []) }
    if let group = policy.groups.first(where: { $0.kind == .object && $0.name == path }) {
      return runCases(group, policy, input, &reached)
    }
    do {
      let query: CompiledQuery
      do {
        query = try CompiledQuery("\(path) = passes", policy: policy)
      } catch {
        throw error.errors[0]
      }
      let result = try policy.evaluate(query, input, reaching: &reached)
      let value = result.bindings.first?["passes"]
      return (value == .bool(true) ? .passed : .failed, result.printed)
    } catch let error as PolicyError {
      return (.error(error), [])
    } catch {
      return (
        .error(PolicyError(code: "eval_internal_error", message: "\(error)", location: nil)), []
      )
    }
  }

  private func runCases(
    _ group: RuleGroup, _ policy: CompiledPolicy, _ input: EvaluationInput,
    _ reached: inout ReachedLines?
  ) -> (outcome: Outcome, printed: [String]) {
    let evaluator = Evaluator(policy: policy, input: input)
    evaluator.reached = reached
    defer { reached = evaluator.reached }
    do {
      let cases = try evaluator.testCases(group).map { Case(names: $0.key, passes: $0.value) }
      let sorted = cases.sorted { Value.array($0.names) < Value.array($1.names) }
      return (.cases(sorted), evaluator.printed)
    } catch let error as PolicyError {
      return (.error(error), evaluator.printed)
    } catch {
      let failure = PolicyError(code: "eval_internal_error", message: "\(error)", location: nil)
      return (.error(failure), evaluator.printed)
    }
  }
}

extension CompiledPolicy {
  /// All tests, by file and place.
  package var tests: [PolicyTest] {
    groups.compactMap { group in
      // A set is no test that could pass, and says so.
      guard [.complete, .object, .set].contains(group.kind),
        case .string(let name)? = group.path.last,
        name.hasPrefix("test_") || name.hasPrefix("todo_test_")
      else { return nil }
      return PolicyTest(
        package: dottedPath(group.path.dropLast()), name: name, location: group.location)
    }.sorted {
      ($0.location.file, $0.location.line, $0.location.column)
        < ($1.location.file, $1.location.line, $1.location.column)
    }
  }
}
