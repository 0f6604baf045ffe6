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
  }

  /// What a test finds, and what it printed; adds the lines that it reached.
  package func run(
    _ policy: CompiledPolicy, _ input: EvaluationInput, _ reached: inout ReachedLines?
  )
    -> (outcome: Outcome, printed: [String])
  {
    guard !isSkipped else { return (.skipped, []) }
    do {
      let query: CompiledQuery
      do {
        query = try CompiledQuery("\(path) = passes", policy: policy)
      } catch {
        throw error.errors[0]
      }
      let result = try policy.evaluate(query, input, reaching: &reached)
      let value = result.bindings.first?["passes"]
      return (value.map { $0 == .bool(false) } ?? true ? .failed : .passed, result.printed)
    } catch let error as PolicyError {
      return (.error(error), [])
    } catch {
      return (
        .error(PolicyError(code: "eval_internal_error", message: "\(error)", location: nil)), []
      )
    }
  }
}

extension CompiledPolicy {
  /// All tests, by file and place.
  package var tests: [PolicyTest] {
    groups.compactMap { group in
      guard case .complete = group.kind, case .string(let name)? = group.path.last,
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
