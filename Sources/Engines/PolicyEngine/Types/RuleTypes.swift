/// What rules and functions of a policy can give, by group.
struct RuleTypes: Sendable {
  let root: RuleNode
  let groups: [RuleGroup]
  private(set) var values: [Int: PolicyType] = [:]
  private(set) var functions: [Int: FunctionType] = [:]

  init(root: RuleNode, groups: [RuleGroup]) {
    self.root = root
    self.groups = groups
  }

  /// Nil for a function that is not known: it takes anything.
  func function(_ callee: Callee) -> FunctionType? {
    switch callee {
    case .builtin(let name): BuiltinTypes.all[name]
    case .function(let group): functions[group]
    }
  }

  /// More than are ever shown: the rest is left.
  private static let errorsMax = 100

  /// Types of all groups, those that others depend on first.
  /// - Parameter names: what the source calls the slots of a clause.
  /// - Returns: everything that can never hold.
  mutating func check(in order: [Int], names: (Clause) -> [String]) -> [PolicyError] {
    var errors: [PolicyError] = []
    for index in order where errors.count < Self.errorsMax {
      let group = groups[index]
      let clauses = group.clauses + (group.defaultClause.map { [$0] } ?? [])
      let count = errors.count
      let found = clauses.flatMap { bodies(of: $0, names($0), &errors) }
      // One error is enough: what uses the rule is not to blame.
      guard errors.count == count, let first = found.first else { continue }
      let type = found.dropFirst().reduce(first) { $0.union($1) }
      if case .function = group.kind {
        functions[index] = type
      } else {
        values[index] = type.result
      }
    }
    return errors
  }

  /// One type for each branch: each has its variables to itself.
  private func bodies(
    of clause: Clause, _ names: [String], _ errors: inout [PolicyError]
  ) -> [FunctionType] {
    clause.branches.map { branch in
      var body = BodyTypes(rules: self, names: names, location: branch.location)
      body.check(branch.body)
      let value = body.type(of: branch.value) ?? .anything
      let member = clause.member.map { body.type(of: $0) ?? .anything }
      let keys = clause.keys.map { ($0.constant, body.type(of: $0) ?? .anything) }
      let arguments = clause.arguments.map { body.type(of: $0) ?? .anything }
      errors += body.errors
      let content = member.map(PolicyType.set) ?? value
      let result = keys.reversed().reduce(content) { inner, key in
        key.0.map { .object(members: [$0: inner], others: nil) }
          ?? .object(keys: key.1, values: inner)
      }
      return FunctionType(arguments: arguments, result: result.limited)
    }
  }
}
