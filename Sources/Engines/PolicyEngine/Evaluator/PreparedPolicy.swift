/// A policy together with the data it decides by: rules that depend on nothing else have been
/// evaluated, once, and of the others is kept what the data leave open. An immutable value that any
/// number of evaluations may share; it decides as the policy does with that data.
package struct PreparedPolicy: Sendable {
  package let policy: CompiledPolicy
  package let data: Value
  /// By group; nil for a rule that is evaluated each time.
  private let fixed: [Value??]
  private let groups: [RuleGroup]
  /// How many rules are not evaluated any more.
  package let fixedCount: Int
  /// A part of the input was taken for known.
  private let isNarrowed: Bool

  /// - Parameter budget: what evaluating all those rules may take; what is beyond it, and what is
  ///   an error, is left to each decision.
  fileprivate init(_ policy: CompiledPolicy, data: Value, budget: EvaluationBudget) {
    // Strict, so that a builtin's error leaves a rule to those who may want it as an error.
    let input = EvaluationInput(data: data, isStrict: true, budget: budget)
    let evaluator = Evaluator(policy: policy, input: input)
    var fixed = [Value??](repeating: nil, count: policy.groups.count)
    for group in RuleDependencies(root: policy.root, groups: policy.groups).fixed() {
      guard let node = policy.root.descendant(at: policy.groups[group].path.dropFirst()),
        let value = try? evaluator.extent(group, node)
      else { continue }
      fixed[group] = .some(value)
    }
    self.init(
      policy, data, Specialisation(policy, policy.groups, known: fixed, data: data),
      isNarrowed: false)
  }

  private init(
    _ policy: CompiledPolicy, _ data: Value, _ result: Specialisation, isNarrowed: Bool
  ) {
    self.policy = policy
    self.data = data
    self.isNarrowed = isNarrowed
    fixed = result.known
    groups = result.groups
    fixedCount = result.known.count { $0 != nil }
  }

  /// What is left of it where a part of the input is known. It decides as the policy does for inputs
  /// of which that is true, and must be asked about no others.
  package func narrowed(to input: KnownInput) -> PreparedPolicy {
    PreparedPolicy(
      policy, data, Specialisation(policy, groups, known: fixed, data: data, input: input),
      isNarrowed: true)
  }

  /// Evaluates a query as the policy does; `input.data` does not count.
  /// - Throws: `PolicyError` with OPA's code, or `eval_budget_error`.
  package func evaluate(_ query: CompiledQuery, _ input: EvaluationInput) throws(PolicyError)
    -> EvaluationResult
  {
    var input = input
    input.data = data
    let evaluator = Evaluator(
      policy: policy, input: input, fixed: fixed, groups: groups, dependsOnInput: isNarrowed)
    return try policy.evaluate(evaluator, query)
  }
}

extension CompiledPolicy {
  /// Evaluates beforehand what depends on these data only.
  package func prepared(data: Value, budget: EvaluationBudget = .standard) -> PreparedPolicy {
    PreparedPolicy(self, data: data, budget: budget)
  }
}
