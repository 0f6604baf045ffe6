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
    let open = [Value??](repeating: nil, count: policy.groups.count)
    let fixed = Self.settled(policy, policy.groups, known: open, data: data, budget: budget)
    self.init(
      policy, data, Specialisation(policy, policy.groups, known: fixed, data: data),
      isNarrowed: false)
  }

  /// What is known, and what comes to be known by evaluating, once, the rules that nothing open is
  /// needed for.
  private static func settled(
    _ policy: CompiledPolicy, _ groups: [RuleGroup], known: [Value??], data: Value,
    budget: EvaluationBudget
  ) -> [Value??] {
    // Strict, so that a builtin's error leaves a rule to those who may want it as an error.
    let input = EvaluationInput(data: data, isStrict: true, budget: budget)
    let evaluator = Evaluator(policy: policy, input: input, fixed: known, groups: groups)
    var settled = known
    for group in RuleDependencies(root: policy.root, groups: groups).fixed()
    where known[group] == nil {
      guard let node = policy.root.descendant(at: groups[group].path.dropFirst()) else { continue }
      // One that fails is left to those who ask for it; one without a value is known as well.
      do { settled[group] = .some(try evaluator.extent(group, node)) } catch { continue }
    }
    return settled
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

  /// What is known of one rule may settle another; past this many rounds the rest is left.
  private static let roundsMax = 4

  /// What is left of it where a part of the input is known. It decides as the policy does for inputs
  /// of which that is true, and must be asked about no others.
  package func narrowed(to input: KnownInput) -> PreparedPolicy {
    func specialised(_ groups: [RuleGroup], _ known: [Value??]) -> Specialisation {
      Specialisation(policy, groups, known: known, data: data, input: input)
    }
    var result = specialised(groups, fixed)
    for _ in 0..<Self.roundsMax {
      let known = Self.settled(
        policy, result.groups, known: result.known, data: data, budget: .standard)
      guard known.count(where: { $0 != nil }) > result.known.count(where: { $0 != nil }) else {
        break
      }
      result = specialised(result.groups, known)
    }
    return PreparedPolicy(policy, data, result, isNarrowed: true)
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
