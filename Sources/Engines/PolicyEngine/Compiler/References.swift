/// Takes the references that may bind variables out of a step, so that what needs the variables comes
/// after them: `x == input.pairs[x]`, `f(i, xs[i])`.
struct References {
  private let location: Location
  private let newSlot: () -> Int
  private var before: [Step] = []

  /// The step without them, and a step for each.
  static func apart(_ step: Step, newSlot: @escaping () -> Int) -> [Step] {
    var references = References(location: step.location, newSlot: newSlot)
    let withs = step.withs.map { with in
      guard case .value(let operand) = with.replacement else { return with }
      return WithOperand(
        target: with.target, replacement: .value(references.apart(operand)))
    }
    let outside = references.before
    references.before = []
    let kind: Step.Kind =
      switch step.kind {
      case .test(let operand): .test(references.apart(operand))
      case .unify(let left, let right):
        .unify(references.side(left), references.side(right))
      case .not: step.kind
      case .someIn(let key, let value, let domain):
        .someIn(
          key: key.map { references.side($0) }, value: references.side(value),
          domain: references.apart(domain))
      case .every(let key, let value, let domain, let block):
        .every(key: key, value: value, domain: references.apart(domain), block)
      }
    // What is replaced for the step is replaced for them.
    let inside = references.before.map {
      Step(kind: $0.kind, location: $0.location, withs: withs)
    }
    return outside + inside + [Step(kind: kind, location: step.location, withs: withs)]
  }

  private init(location: Location, newSlot: @escaping () -> Int) {
    self.location = location
    self.newSlot = newSlot
  }

  private mutating func apart(_ operand: Operand) -> Operand {
    guard operand.mayIterate else { return operand }
    return operand.isReference ? moved(bare(operand)) : operand.mapChildren { apart($0) }
  }

  /// A side of an equation; what is computed within a pattern comes after its variables.
  private mutating func side(_ operand: Operand) -> Operand {
    switch operand.kind {
    case .array, .object: operand.mapChildren { inPattern($0) }
    default: apart(operand)
    }
  }

  private mutating func inPattern(_ operand: Operand) -> Operand {
    switch operand.kind {
    case .constant, .slot: operand
    case .array, .object: operand.mapChildren { inPattern($0) }
    case .input, .data, .document, .access: moved(bare(operand))
    case .call, .set, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      moved(apart(operand))
    }
  }

  /// A reference in which nothing is computed: what is stands for itself, and is compared with what
  /// the reference finds there.
  private mutating func bare(_ operand: Operand) -> Operand {
    switch operand.kind {
    case .access(let base, let path):
      let base = base.isReference ? bare(base) : moved(base)
      return Operand(.access(base, path.map { bareKey($0) }))
    default: return operand.mapChildren { bareKey($0) }
    }
  }

  private mutating func bareKey(_ key: Operand) -> Operand {
    switch key.kind {
    case .constant, .slot: key
    case .input, .data, .document, .access: bare(key)
    case .array, .object: key.mapChildren { bareKey($0) }
    case .call, .set, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      moved(key)
    }
  }

  private mutating func moved(_ operand: Operand) -> Operand {
    let slot = Operand(.slot(newSlot()))
    before.append(Step(kind: .unify(slot, operand), location: location))
    return slot
  }
}

extension Step {
  /// What may bind variables that stand in it alone, or in arrays and objects.
  var patterns: [Operand] {
    switch kind {
    case .unify(let left, let right): [left, right]
    case .someIn(let key, let value, _): [key, value].compactMap(\.self)
    case .test, .not, .every: []
    }
  }

  /// The operands that are evaluated where the step stands.
  func forEachOperand(_ visit: (Operand) -> Void) {
    for with in withs {
      if case .value(let operand) = with.replacement { visit(operand) }
    }
    switch kind {
    case .test(let operand): visit(operand)
    case .unify(let left, let right):
      visit(left)
      visit(right)
    case .not: break
    case .someIn(let key, let value, let domain):
      for operand in [key, value, domain].compactMap(\.self) { visit(operand) }
    case .every(_, _, let domain, _): visit(domain)
    }
  }
}

extension Operand {
  /// Variables, constants, and arrays and objects of them.
  var isPattern: Bool {
    switch kind {
    case .constant, .slot: true
    case .array(let elements): elements.allSatisfy(\.isPattern)
    case .object(let members):
      members.allSatisfy { $0.key.constant != nil && $0.value.isPattern }
    default: false
    }
  }

  /// A call stands in it, and in no body within it.
  var hasCall: Bool {
    if case .call = kind { return true }
    var found = false
    forEachChild { found = found || $0.hasCall }
    return found
  }
}
