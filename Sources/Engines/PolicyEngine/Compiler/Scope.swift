/// The names of one body. A comprehension, an `every` and a branch of a rule each have their own.
final class Scope {
  let parent: Scope?
  /// Names that `:=`, `some`, `every` or a function's arguments declare, so far.
  var declared: [String: Int] = [:]
  /// Where `some` declared a name that nothing has used yet.
  var unused: [String: Location] = [:]
  /// Names that are used without a declaration, with their slots.
  var owned: [String: Int] = [:]
  /// Slots of `_`, and of what the compiler adds.
  var unnamed: Set<Int> = []
  /// Names that `some` declares here and that only closures within use: each has a variable of its
  /// own by the name.
  var deferred: [String: Int] = [:]
  /// Names that stand in the body itself and not only in a closure within it, and that it does not
  /// declare.
  let direct: Set<String>
  /// The same with those that it declares.
  let used: Set<String>

  init(parent: Scope?, direct: Set<String> = [], used: Set<String> = []) {
    self.parent = parent
    self.direct = direct
    self.used = used
  }

  var slots: Set<Int> { unnamed.union(declared.values).union(owned.values) }

  func declaredSlot(_ name: String) -> Int? {
    var scope: Scope? = self
    // The outermost closure on the way that the name stands in directly.
    var owner = self
    while let current = scope {
      if let slot = current.declared[name] {
        current.unused[name] = nil
        return slot
      }
      if let slot = current.deferred[name] {
        current.unused[name] = nil
        owner.unnamed.insert(slot)
        return slot
      }
      if current.used.contains(name) { owner = current }
      scope = current.parent
    }
    return nil
  }

  /// The outermost body that the name stands in directly; it owns the variable.
  func owner(of name: String) -> Scope {
    var owner = self
    var scope: Scope? = self
    while let current = scope {
      if current.direct.contains(name) { owner = current }
      scope = current.parent
    }
    return owner
  }
}

/// The names that stand directly in terms and bodies: not in comprehensions and `every` bodies,
/// and not those that the body declares.
struct DirectNames {
  private(set) var names: Set<String> = []
  private var declared: Set<String> = []

  var undeclared: Set<String> { names.subtracting(declared) }

  mutating func collect(_ body: Body) {
    for expression in body { collect(expression) }
  }

  private mutating func collect(_ expression: Expression) {
    switch expression.kind {
    case .term(let term): collect(term)
    case .assign(let left, let right):
      declare(left)
      collect(left)
      collect(right)
    case .unify(let left, let right):
      collect(left)
      collect(right)
    case .declare(let terms): for term in terms { declare(term) }
    case .someIn(let key, let value, let domain):
      for term in [key, value].compactMap(\.self) {
        declare(term)
        collect(term)
      }
      collect(domain)
    case .every(_, _, let domain, _): collect(domain)
    }
    for with in expression.withs { collect(with.value) }
  }

  mutating func collect(_ term: Term) {
    switch term.kind {
    case .value, .arrayComprehension, .setComprehension, .objectComprehension: break
    case .variable(let name): names.insert(name)
    case .ref(let head, let operands):
      collect(head)
      for operand in operands { collect(operand) }
    case .call(_, let arguments): for argument in arguments { collect(argument) }
    case .array(let elements), .set(let elements): for element in elements { collect(element) }
    case .object(let members):
      for (key, value) in members {
        collect(key)
        collect(value)
      }
    case .template(let parts):
      for case .expression(let expression) in parts { collect(expression) }
    }
  }

  private mutating func declare(_ pattern: Term) {
    for name in pattern.patternNames { declared.insert(name.name) }
  }
}

extension Term {
  /// The variables that a pattern binds: those that stand alone or in arrays, sets and objects.
  var patternNames: [(name: String, location: Location)] {
    switch kind {
    case .variable(let name): name == "_" ? [] : [(name, location)]
    case .array(let elements), .set(let elements): elements.flatMap(\.patternNames)
    case .object(let members): members.flatMap { $0.value.patternNames }
    default: []
    }
  }

  /// `a.b["c"]` as a name and constants; nil for anything else.
  var constantPath: (name: String, keys: [Value])? {
    switch kind {
    case .variable(let name): return (name, [])
    case .ref(let head, let operands):
      guard case .variable(let name) = head.kind else { return nil }
      var keys: [Value] = []
      for operand in operands {
        guard case .value(let value) = operand.kind else { return nil }
        keys.append(value)
      }
      return (name, keys)
    default: return nil
    }
  }
}
