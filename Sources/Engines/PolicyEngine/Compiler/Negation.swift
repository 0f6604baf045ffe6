/// What must have a value for a negation to hold, besides that what it stands before does not.
///
/// Open Policy Agent's compiler takes the arguments of calls, and what stands in brackets, out of
/// the expression behind `not`: `not blocked(input.user)` becomes `x = input.user; not blocked(x)`.
/// So where an argument is undefined, the body does not hold. What is compared by `==` or `=`, and a
/// reference itself, stays where it is: `not input.user.blocked` holds without a user.
enum NegationNeeds: Sendable {
  case nothing
  /// Each argument of the call that the negated step tests.
  case arguments
  case operands([Operand])

  var isNothing: Bool { if case .nothing = self { true } else { false } }
  var operands: [Operand] { if case .operands(let operands) = self { operands } else { [] } }
}

/// Makes the steps of a negated expression.
struct Negation {
  private let location: Location
  private let withs: [WithOperand]
  private let newSlot: () -> Int
  /// What is evaluated before: calls in which a variable may be found. One that stands in a mere
  /// reference must be bound elsewhere.
  private var before: [Step] = []

  /// - Parameters:
  ///   - isCall: the expression is a call; then also of one whose result is named as an argument.
  ///   - newSlot: a variable that belongs to the body.
  static func steps(
    _ kind: Step.Kind, isCall: Bool, at location: Location, withs: [WithOperand],
    newSlot: @escaping () -> Int
  ) -> [Step] {
    // It has no value, and still prints.
    if case .test(let operand) = kind, case .call(let call) = operand.kind,
      call.callee == .builtin("print")
    {
      return [Step(kind: kind, location: location, withs: withs)]
    }
    var negation = Negation(location: location, withs: withs, newSlot: newSlot)
    let (inner, needs) = negation.taken(kind, isCall: isCall)
    let step = Step(
      kind: .not(Step(kind: inner, location: location), needs), location: location, withs: withs)
    return negation.before + [step]
  }

  private init(location: Location, withs: [WithOperand], newSlot: @escaping () -> Int) {
    self.location = location
    self.withs = withs
    self.newSlot = newSlot
  }

  private mutating func taken(_ kind: Step.Kind, isCall: Bool) -> (Step.Kind, NegationNeeds) {
    switch kind {
    case .test(let operand):
      guard case .call(let call) = operand.kind else {
        let operand = taken(operand)
        return (.test(operand), Self.needs(operand.neededInNegation))
      }
      let arguments = call.arguments.map { taken($0) }
      let test = Step.Kind.test(Operand(.call(call.with(arguments))))
      let needed =
        call.comparison == .equal
        ? arguments.flatMap(\.neededInNegation) : arguments.filter(\.canBeUndefined)
      let areArguments = arguments.allSatisfy {
        !$0.canBeUndefined || call.comparison != .equal || $0.isNeededWhole
      }
      guard areArguments, !needed.isEmpty, call.callee != .builtin("walk") else {
        return (test, Self.needs(needed))
      }
      return (test, .arguments)
    case .unify(let left, let right):
      guard isCall, case .call(let call) = right.kind else {
        let (left, right) = (taken(left), taken(right))
        return (
          .unify(left, right), Self.needs(left.neededInNegation + right.neededInNegation)
        )
      }
      let (result, arguments) = (taken(left), call.arguments.map { taken($0) })
      return (
        .unify(result, Operand(.call(call.with(arguments)))),
        Self.needs(([result] + arguments).filter(\.canBeUndefined))
      )
    case .not, .someIn, .every: return (kind, .nothing)
    }
  }

  private static func needs(_ operands: [Operand]) -> NegationNeeds {
    operands.isEmpty ? .nothing : .operands(operands)
  }

  /// The operand with a variable in the place of each outermost call, or base of a reference, that
  /// may bind one.
  private mutating func taken(_ operand: Operand) -> Operand {
    guard operand.mayIterate else { return operand }
    switch operand.kind {
    case .call: return moved(operand)
    case .access(let base, let path):
      let base = base.isComposite && base.mayIterate ? moved(base) : taken(base)
      return Operand(.access(base, path.map { taken($0) }))
    default: return operand.mapChildren { taken($0) }
    }
  }

  private mutating func moved(_ operand: Operand) -> Operand {
    let slot = Operand(.slot(newSlot()))
    before.append(Step(kind: .unify(slot, operand), location: location, withs: withs))
    return slot
  }
}

extension Operand {
  /// There are inputs or data for which it has no value.
  var canBeUndefined: Bool {
    switch kind {
    case .constant, .slot, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      false
    case .input, .data, .document, .access, .call: true
    case .array(let elements), .set(let elements): elements.contains(where: \.canBeUndefined)
    case .object(let members):
      members.contains { $0.key.canBeUndefined || $0.value.canBeUndefined }
    }
  }

  /// What must have a value where it is the whole expression behind `not`, or a side of an equation
  /// there: of a reference its keys and what it leads from, everything else as a whole.
  fileprivate var neededInNegation: [Operand] {
    switch kind {
    case .input(let path), .document(_, let path): path.filter(\.canBeUndefined)
    case .data(let reference): reference.path.filter(\.canBeUndefined)
    case .access(let base, let path):
      (base.isReference ? base.neededInNegation : [base].filter(\.canBeUndefined))
        + path.filter(\.canBeUndefined)
    default: canBeUndefined ? [self] : []
    }
  }

  fileprivate var isNeededWhole: Bool {
    switch kind {
    case .input, .document, .data, .access: false
    default: true
    }
  }

  fileprivate var isComposite: Bool {
    switch kind {
    case .array, .set, .object: true
    default: false
    }
  }

  /// A variable in the brackets of a reference may be found by it, or `walk` goes through a value.
  var mayIterate: Bool {
    switch kind {
    case .constant, .slot, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      false
    case .input(let path), .document(_, let path): path.contains(where: \.mayBeFound)
    case .data(let reference): reference.path.contains(where: \.mayBeFound)
    case .access(let base, let path): base.mayIterate || path.contains(where: \.mayBeFound)
    case .call(let call):
      call.callee == .builtin("walk") || call.arguments.contains(where: \.mayIterate)
    case .array(let elements), .set(let elements): elements.contains(where: \.mayIterate)
    case .object(let members): members.contains { $0.key.mayIterate || $0.value.mayIterate }
    }
  }

  /// Of a key.
  private var mayBeFound: Bool {
    var slots: Set<Int> = []
    collectPatternSlots(into: &slots)
    return !slots.isEmpty || mayIterate
  }

  /// The same with other operands directly inside; what has bodies of its own stays.
  func mapChildren(_ change: (Operand) -> Operand) -> Operand {
    switch kind {
    case .constant, .slot, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      self
    case .input(let path): Operand(.input(path.map(change)))
    case .document(let value, let path): Operand(.document(value, path.map(change)))
    case .data(let reference):
      // The beginning that leads into the tree is constant, and stays.
      Operand(
        .data(
          DataReference(
            path: reference.path.map(change), node: reference.node, nodeDepth: reference.nodeDepth,
            location: reference.location)))
    case .access(let base, let path): Operand(.access(change(base), path.map(change)))
    case .call(let call): Operand(.call(call.with(call.arguments.map(change))))
    case .array(let elements): Operand(.array(elements.map(change)))
    case .set(let elements): Operand(.set(elements.map(change)))
    case .object(let members):
      Operand(.object(members.map { (key: change($0.key), value: change($0.value)) }))
    }
  }
}

extension Call {
  /// The same call of other arguments.
  func with(_ arguments: [Operand]) -> Call {
    Call(
      callee: callee, arguments: arguments, location: location, builtin: builtin, folded: folded)
  }
}
