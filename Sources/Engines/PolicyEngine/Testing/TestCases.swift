/// The cases of a test with parameters, `test_sum[name] if { some name, c in cases; … }`: each name that
/// its rules come to, and whether they hold for it. One that never gets to be a member of the rule's
/// document has failed, and is counted from the moment that it is known by name.
extension Evaluator {
  /// By the values of the head's brackets.
  func testCases(_ group: RuleGroup) throws -> [[Value]: Bool] {
    var values: [[Value]: Value?] = [:]
    for clause in group.clauses {
      try withFrame(clause) { _ = try run(clause, 0, nil, &values) }
    }
    return values.mapValues { $0 == .bool(true) }
  }

  private func run(
    _ clause: Clause, _ index: Int, _ name: [Value]?, _ values: inout [[Value]: Value?]
  ) throws -> Bool {
    var name = name
    if name == nil, !clause.keys.contains(where: hasUnbound) {
      name = try self.values(clause.keys)
      if let name, values[name] == nil { values[name] = .some(nil) }
    }
    let branch = clause.branches[0]
    guard index < branch.body.steps.count else {
      if reached != nil { reached?.reach(clause.location) }
      guard let name, let value = try value(branch.value) else { return true }
      if case .some(.some(let other)) = values[name], other != value {
        throw failure("eval_conflict_error", "object keys must be unique", clause.location)
      }
      values[name] = value
      return true
    }
    var found = values
    let goesOn = try run(branch.body.steps[index]) {
      try self.run(clause, index + 1, name, &found)
    }
    values = found
    return goesOn
  }
}
