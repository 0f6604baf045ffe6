extension Resolver {
  /// A variable that no source names.
  func newSlot(in scope: Scope) -> Int {
    let slot = newSlot("_")
    scope.unnamed.insert(slot)
    return slot
  }

  /// A pattern that is more than variables and constants is compared in the body, where all that
  /// stands in it is known.
  func arguments(_ rule: RuleSyntax, _ outer: Scope) throws(PolicyError) -> (
    [Operand], [Step]
  ) {
    var arguments: [Operand] = []
    var steps: [Step] = []
    let terms = rule.arguments ?? []
    for (name, _) in terms.flatMap(\.patternNames) where outer.declared[name] == nil {
      outer.declared[name] = newSlot(name)
    }
    for term in terms {
      let pattern = try operand(term, outer)
      if pattern.hasCall {
        throw failure("rule arguments cannot contain calls", term.location)
      }
      guard !pattern.isPattern else {
        arguments.append(pattern)
        continue
      }
      let slot = Operand(.slot(newSlot("_")))
      arguments.append(slot)
      steps.append(Step(kind: .unify(slot, pattern), location: rule.location))
    }
    return (arguments, steps)
  }

  /// A term of a head. A reference that may bind variables does so in the body, where others need
  /// them.
  func head(
    _ term: Term, _ scope: Scope, _ location: Location, _ steps: inout [Step]
  ) throws(PolicyError) -> Operand {
    let operand = try operand(term, scope)
    guard operand.mayIterate else { return operand }
    let slot = Operand(.slot(newSlot(in: scope)))
    steps.append(Step(kind: .unify(slot, operand), location: location))
    return slot
  }
}
