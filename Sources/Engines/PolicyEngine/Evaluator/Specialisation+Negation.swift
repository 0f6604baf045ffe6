extension Specialisation {
  /// Of a negation. It fails where something that it needs has no value.
  mutating func outlook(_ inner: Step, _ needs: NegationNeeds, _ location: Location)
    -> Outlook
  {
    var needed = needs.operands
    if case .arguments = needs, case .test(let operand) = inner.kind,
      case .call(let call) = operand.kind
    {
      needed = call.arguments
    }
    guard let found = list(needed) else { return .never }
    let rest = found.filter { $0.canBeUndefined && !isPresent($0) }
    switch outlook(inner) {
    case .always:
      guard rest.allSatisfy(\.cannotFail) else {
        return .unknown(Step(kind: .not(inner, needs), location: location))
      }
      return .never
    case .never:
      guard !rest.isEmpty else { return .always }
      let never = Step(kind: .test(.constant(.bool(false))), location: inner.location)
      return .unknown(Step(kind: .not(never, .operands(rest)), location: location))
    case .unknown(let inner):
      switch needs {
      case .arguments where !rest.isEmpty:
        return .unknown(Step(kind: .not(inner, .arguments), location: location))
      case .nothing, .arguments, .operands:
        let needs = rest.isEmpty ? NegationNeeds.nothing : .operands(rest)
        return .unknown(Step(kind: .not(inner, needs), location: location))
      }
    }
  }
}
