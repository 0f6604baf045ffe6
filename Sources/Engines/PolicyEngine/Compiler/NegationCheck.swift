/// Finds the negations that do not hold where a reference in them is undefined: the author of
/// `allow if not blocked(input.user)` seldom knows that nobody is allowed without a user, and the
/// author of `deny if not allowed(input.user)` must know that nobody is denied.
struct NegationCheck {
  private(set) var warnings: [PolicyError] = []
  private var location: Location

  /// What is referred to: `input` or a variable, and the constant keys.
  private struct Place: Hashable {
    let slot: Int?
    let keys: [Value]
  }

  /// - Returns: a warning for each, in source order.
  static func warnings(_ groups: [RuleGroup]) -> [PolicyError] {
    var found: [PolicyError] = []
    for clause in groups.flatMap(\.clauses) {
      var check = NegationCheck(location: clause.location)
      for branch in clause.branches { check.look(branch.body, known: []) }
      found += check.warnings
    }
    return found.sorted { left, right in
      guard let first = left.location, let second = right.location else { return false }
      return (first.file, first.line, first.column) < (second.file, second.line, second.column)
    }
  }

  private init(location: Location) { self.location = location }

  private mutating func look(_ block: Block, known: Set<Place>) {
    // All steps of a body must hold, wherever they stand.
    var known = known
    for step in block.steps where step.withs.isEmpty {
      step.forEachOperand { Self.collect($0, into: &known) }
    }
    for step in block.steps {
      if case .not(let inner, let needs) = step.kind {
        warn(inner, needs, step, known: known)
        inner.forEachOperand { lookInside($0, known: known) }
      }
      if case .every(_, _, _, let block) = step.kind { look(block, known: known) }
      step.forEachOperand { lookInside($0, known: known) }
    }
  }

  private mutating func lookInside(_ operand: Operand, known: Set<Place>) {
    operand.forEachBlock { look($0, known: known) }
    operand.forEachChild { lookInside($0, known: known) }
  }

  private mutating func warn(
    _ inner: Step, _ needs: NegationNeeds, _ step: Step, known: Set<Place>
  ) {
    var needed = needs.operands
    if case .arguments = needs, case .test(let operand) = inner.kind,
      case .call(let call) = operand.kind
    {
      needed = call.arguments
    }
    var places: Set<Place> = []
    for operand in needed { Self.collect(operand, into: &places) }
    // A document that `with` makes is there.
    guard step.withs.isEmpty else { return }
    let open = places.filter { place in
      !place.keys.isEmpty
        && !known.contains { $0.slot == place.slot && $0.keys.starts(with: place.keys) }
    }
    guard !open.isEmpty else { return }
    let names = open.map(Self.text).sorted()
    warnings.append(
      PolicyError(
        code: "rego_negation_warning",
        message: "undefined, and not true, where \(names.joined(separator: " or ")) is undefined",
        location: step.location))
  }

  private static func text(_ place: Place) -> String {
    guard place.slot == nil else {
      return "a member \(dottedPath([.string("x")] + place.keys).dropFirst())"
    }
    return dottedPath([.string("input")] + place.keys)
  }

  /// The references that must lead somewhere for an operand to have a value.
  private static func collect(_ operand: Operand, into places: inout Set<Place>) {
    switch operand.kind {
    case .input(let path):
      let keys = path.compactMap(\.constant)
      if keys.count == path.count { places.insert(Place(slot: nil, keys: keys)) }
    case .access(let base, let path):
      let keys = path.compactMap(\.constant)
      if case .slot(let slot) = base.kind, keys.count == path.count {
        places.insert(Place(slot: slot, keys: keys))
      }
    // It does with a default, or shows that there is nothing.
    case .call(let call) where call.callee == .builtin("print"): return
    case .arrayComprehension, .setComprehension, .objectComprehension, .template: return
    default: break
    }
    operand.forEachChild { collect($0, into: &places) }
  }
}

extension CompiledPolicy {
  /// What may not be meant: negations that do not hold where something is undefined.
  package var warnings: [PolicyError] { NegationCheck.warnings(groups) }
}
