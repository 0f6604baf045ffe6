/// Resolves the names of one rule, or one query, to slots, documents, functions and builtins.
final class Resolver {
  /// What names mean in a module.
  struct Names: Sendable {
    let package: [String]
    let imports: [String: [String]]
    /// First names of the package's rules.
    let rules: Set<String>
  }

  let names: Names
  let tree: RuleNode
  let groups: [RuleGroup]
  let outside: CompiledPolicy.OutsideBuiltins
  /// What `rego.metadata.rule` and `rego.metadata.chain` give here; a query has none.
  struct Metadata {
    static let names = ["rego.metadata.rule", "rego.metadata.chain"]
    let value: (String) -> Value
  }
  let metadata: Metadata?
  private let stack = StackGuard()
  private(set) var slotCount = 0
  /// For messages: what the source calls a slot.
  private(set) var slotNames: [String] = []

  init(
    names: Names, tree: RuleNode, groups: [RuleGroup],
    outside: CompiledPolicy.OutsideBuiltins, metadata: Metadata? = nil
  ) {
    self.metadata = metadata
    self.names = names
    self.tree = tree
    self.groups = groups
    self.outside = outside
  }

  func newSlot(_ name: String) -> Int {
    slotCount += 1
    slotNames.append(name)
    return slotCount - 1
  }

  func failure(
    _ message: String, _ location: Location, code: String = "rego_compile_error"
  ) -> PolicyError {
    PolicyError(code: code, message: message, location: location)
  }

  // MARK: Rules and queries

  func clause(_ rule: RuleSyntax, constants: Int) throws(PolicyError) -> Clause {
    let outer = Scope(parent: nil)
    let (arguments, argumentSteps) = try self.arguments(rule, outer)
    var bound: Set<Int> = []
    for argument in arguments { argument.collectPatternSlots(into: &bound) }
    let keyTerms = Array(rule.head.dropFirst(constants))
    var branches: [Clause.Branch] = []
    var keys: [Operand] = []
    var member: Operand?
    let first = RuleSyntax.Alternative(
      location: rule.location, value: rule.value, body: rule.body)
    for (index, branch) in ([first] + rule.alternatives).enumerated() {
      var direct = DirectNames()
      direct.collect(branch.body)
      let heads =
        [branch.value].compactMap(\.self)
        + (index == 0 ? keyTerms + [rule.member].compactMap(\.self) : [])
      for term in heads { direct.collect(term) }
      let scope = Scope(
        parent: outer, direct: direct.undeclared.subtracting(outer.declared.keys),
        used: direct.names)
      var steps = argumentSteps + (try self.steps(branch.body, scope))
      var value = Operand.constant(.bool(true))
      if let term = branch.value { value = try head(term, scope, rule.location, &steps) }
      if index == 0 {
        for term in keyTerms { keys.append(try head(term, scope, rule.location, &steps)) }
        if let term = rule.member { member = try head(term, scope, rule.location, &steps) }
      }
      try checkUse(scope)
      let safety = Safety(resolver: self)
      var known = bound
      let body = try safety.ordered(Block(steps: steps), bound: &known)
      value = try safety.head(value, bound: &known, at: rule.location)
      if index == 0 {
        for position in keys.indices {
          keys[position] = try safety.head(keys[position], bound: &known, at: rule.location)
        }
        if let head = member { member = try safety.head(head, bound: &known, at: rule.location) }
      }
      branches.append(Clause.Branch(location: branch.location, value: value, body: body))
    }
    return Clause(
      location: rule.location, slots: slotCount, arguments: arguments, keys: keys, member: member,
      branches: branches)
  }

  /// - Parameter keepsValues: each line that is a term keeps its value in a slot of its own.
  func query(_ body: Body, keepsValues: Bool) throws(PolicyError)
    -> (block: Block, variables: [(name: String, slot: Int)], values: [Int?])
  {
    var direct = DirectNames()
    direct.collect(body)
    let scope = Scope(parent: nil, direct: direct.undeclared, used: direct.names)
    var steps: [Step] = []
    var values: [Int?] = []
    for expression in body {
      values.append(nil)
      for var step in try self.steps(expression, scope) {
        if keepsValues, case .test(let operand) = step.kind {
          let slot = newSlot(in: scope)
          values[values.count - 1] = slot
          step = Step(
            kind: .unify(Operand(.slot(slot)), operand), location: step.location,
            withs: step.withs)
        }
        steps.append(step)
      }
    }
    try checkUse(scope)
    var bound: Set<Int> = []
    let block = try Safety(resolver: self).ordered(Block(steps: steps), bound: &bound)
    let variables = scope.owned.merging(scope.declared) { $1 }
      .map { (name: $0.key, slot: $0.value) }.sorted { $0.name < $1.name }
    return (block, variables, values)
  }

  private func checkUse(_ scope: Scope) throws(PolicyError) {
    guard let (name, location) = scope.unused.min(by: { $0.key < $1.key }) else { return }
    throw failure("declared var \(name) unused", location)
  }

  // MARK: Bodies

  private func steps(_ body: Body, _ scope: Scope) throws(PolicyError) -> [Step] {
    var steps: [Step] = []
    for expression in body { steps += try self.steps(expression, scope) }
    return steps
  }

  private func closure(_ body: Body, heads: [Term], _ parent: Scope) throws(PolicyError)
    -> (Scope, [Step])
  {
    var direct = DirectNames()
    direct.collect(body)
    for term in heads { direct.collect(term) }
    let scope = Scope(parent: parent, direct: direct.undeclared, used: direct.names)
    return (scope, try steps(body, scope))
  }

  private func steps(_ expression: Expression, _ scope: Scope) throws(PolicyError) -> [Step] {
    let location = expression.location
    // With-values are evaluated outside, so they are resolved before the expression declares.
    var withs: [WithOperand] = []
    for with in expression.withs { withs.append(try self.with(with, scope)) }
    let kind: Step.Kind
    switch expression.kind {
    case .declare(let terms):
      for term in terms {
        for (name, location) in term.patternNames {
          try declare(name, scope, location)
          if !scope.used.contains(name) {
            scope.deferred[name] = scope.declared.removeValue(forKey: name)
          }
          scope.unused[name] = location
        }
      }
      return []
    case .term(let term): kind = try test(term, scope)
    case .unify(let left, let right):
      kind = .unify(try operand(left, scope), try operand(right, scope))
    case .assign(let left, let right):
      let value = try operand(right, scope)
      try declarePattern(left, scope)
      kind = .unify(try operand(left, scope), value)
    case .someIn(let key, let value, let domain):
      let domain = try operand(domain, scope)
      for term in [key, value].compactMap(\.self) {
        for (name, location) in term.patternNames { try declare(name, scope, location) }
      }
      var keyOperand: Operand?
      if let key { keyOperand = try operand(key, scope) }
      kind = .someIn(key: keyOperand, value: try operand(value, scope), domain: domain)
    case .every(let key, let value, let domain, let body):
      let domain = try operand(domain, scope)
      var direct = DirectNames()
      direct.collect(body)
      let inner = Scope(
        parent: scope,
        direct: direct.undeclared.subtracting(
          ([key, value].compactMap(\.self)).flatMap(\.patternNames).map(\.name)),
        used: direct.names)
      let keySlot = key.map { slot(for: $0, inner) }
      let valueSlot = slot(for: value, inner)
      let steps = try self.steps(body, inner)
      try checkUse(inner)
      kind = .every(
        key: keySlot, value: valueSlot, domain: domain, Block(steps: steps, own: inner.slots))
    }
    guard expression.isNegated else { return [Step(kind: kind, location: location, withs: withs)] }
    var isCall = false
    if case .term = expression.kind { isCall = true }
    return Negation.steps(kind, isCall: isCall, at: location, withs: withs) {
      self.newSlot(in: scope)
    }
  }

  private func slot(for term: Term, _ scope: Scope) -> Int {
    let slot = newSlot(term.patternNames.first?.name ?? "_")
    if let name = term.patternNames.first?.name {
      scope.declared[name] = slot
    } else {
      scope.unnamed.insert(slot)
    }
    return slot
  }

  private func declare(_ name: String, _ scope: Scope, _ location: Location) throws(PolicyError) {
    if scope.owned[name] != nil { throw failure("var \(name) referenced above", location) }
    if scope.declared[name] ?? scope.deferred[name] != nil {
      throw failure("var \(name) assigned above", location)
    }
    if name == "input" || name == "data" {
      throw failure("variables must not shadow \(name)", location)
    }
    scope.declared[name] = newSlot(name)
  }

  private func declarePattern(_ term: Term, _ scope: Scope) throws(PolicyError) {
    switch term.kind {
    case .variable, .array, .object, .value: break
    case .ref: throw failure("cannot assign to ref", term.location)
    case .call: throw failure("cannot assign to call", term.location)
    default: throw failure("cannot assign to this term", term.location)
    }
    for (name, location) in term.patternNames { try declare(name, scope, location) }
  }

  /// A term as a line of a body: a call may name one argument more, which its result must equal.
  private func test(_ term: Term, _ scope: Scope) throws(PolicyError) -> Step.Kind {
    guard case .call(let callee, let arguments) = term.kind else {
      return .test(try operand(term, scope))
    }
    if let value = try metadataValue(term, callee, arguments.count, scope, takesResult: true) {
      guard let result = arguments.first else { return .test(.constant(value)) }
      return .unify(try operand(result, scope), .constant(value))
    }
    let (target, arity, _) = try self.callee(callee, scope)
    if let arity, arguments.count == arity + 1 {
      let call = try self.call(term, callee, Array(arguments.dropLast()), scope)
      return .unify(try operand(arguments[arity], scope), call)
    }
    if case .builtin("walk") = target, arguments.count == 2 {
      let call = try self.call(term, callee, [arguments[0]], scope)
      return .unify(try operand(arguments[1], scope), call)
    }
    return .test(try operand(term, scope))
  }

  // MARK: Terms

  func operand(_ term: Term, _ scope: Scope) throws(PolicyError) -> Operand {
    guard !stack.isSpent else { throw failure("nested too deeply", term.location) }
    switch term.kind {
    case .value(let value): return .constant(value)
    case .variable(let name): return variable(name, scope, term.location)
    case .ref(let head, let operands):
      let base = try operand(head, scope)
      let path = try list(operands, scope)
      switch base.kind {
      case .input(let prefix): return Operand(.input(prefix + path))
      case .data(let reference): return data(reference.path + path, term.location)
      default: return Operand(.access(base, path))
      }
    case .call(let callee, let arguments): return try call(term, callee, arguments, scope)
    case .array(let terms):
      let elements = try list(terms, scope)
      let constants = elements.compactMap(\.constant)
      return constants.count == elements.count
        ? .constant(.array(constants)) : Operand(.array(elements))
    case .set(let terms):
      let elements = try list(terms, scope)
      let constants = elements.compactMap(\.constant)
      return constants.count == elements.count
        ? .constant(.set(SetValue(constants))) : Operand(.set(elements))
    case .object(let members):
      var pairs: [(key: Operand, value: Operand)] = []
      for (key, value) in members {
        pairs.append((try operand(key, scope), try operand(value, scope)))
      }
      let constants = pairs.compactMap { pair in
        pair.key.constant.flatMap { key in pair.value.constant.map { (key, $0) } }
      }
      let isConstant =
        constants.count == pairs.count && Set(constants.map(\.0)).count == pairs.count
      return isConstant ? .constant(.object(ObjectValue(constants))) : Operand(.object(pairs))
    case .arrayComprehension(let head, let body):
      var (inner, steps) = try closure(body, heads: [head], scope)
      let place = body.first?.location ?? head.location
      let result = try self.head(head, inner, place, &steps)
      try checkUse(inner)
      let block = Block(steps: steps, own: inner.slots)
      return Operand(.arrayComprehension(result, block))
    case .setComprehension(let head, let body):
      var (inner, steps) = try closure(body, heads: [head], scope)
      let place = body.first?.location ?? head.location
      let result = try self.head(head, inner, place, &steps)
      try checkUse(inner)
      let block = Block(steps: steps, own: inner.slots)
      return Operand(.setComprehension(result, block))
    case .objectComprehension(let key, let value, let body):
      var (inner, steps) = try closure(body, heads: [key, value], scope)
      let place = body.first?.location ?? key.location
      let keyOperand = try head(key, inner, place, &steps)
      let valueOperand = try head(value, inner, place, &steps)
      try checkUse(inner)
      let block = Block(steps: steps, own: inner.slots)
      return Operand(.objectComprehension(key: keyOperand, value: valueOperand, block))
    case .template(let parts): return try template(parts, scope)
    }
  }

  private func list(_ terms: [Term], _ scope: Scope) throws(PolicyError) -> [Operand] {
    var operands: [Operand] = []
    for term in terms { operands.append(try operand(term, scope)) }
    return operands
  }

  private func template(_ parts: [TemplatePart], _ scope: Scope) throws(PolicyError) -> Operand {
    var operands: [TemplateOperand] = []
    for part in parts {
      switch part {
      case .text(let text): operands.append(.text(text))
      case .expression(let expression):
        guard case .term(let term) = expression.kind, !expression.isNegated else {
          throw failure("unexpected expression in template string", expression.location)
        }
        var withs: [WithOperand] = []
        for with in expression.withs { withs.append(try self.with(with, scope)) }
        let slot = newSlot("_")
        let result = Operand(.slot(slot))
        let step = Step(
          kind: .unify(result, try operand(term, scope)), location: expression.location,
          withs: withs)
        operands.append(.expression(result, Block(steps: [step], own: [slot])))
      }
    }
    return Operand(.template(operands))
  }

  func data(_ path: [Operand], _ location: Location) -> Operand {
    var node = tree
    var depth = 0
    for operand in path {
      guard let key = operand.constant, let child = node.children[key], node.group == nil else {
        break
      }
      node = child
      depth += 1
    }
    return Operand(
      .data(DataReference(path: path, node: node, nodeDepth: depth, location: location)))
  }

  private func variable(_ name: String, _ scope: Scope, _ location: Location) -> Operand {
    if name == "_" {
      let slot = newSlot("_")
      scope.unnamed.insert(slot)
      return Operand(.slot(slot))
    }
    if let slot = scope.declaredSlot(name) { return Operand(.slot(slot)) }
    if let path = documentPath(name) {
      let keys = path.dropFirst().map { Operand.constant(.string($0)) }
      return path[0] == "input" ? Operand(.input(keys)) : data(keys, location)
    }
    let owner = scope.owner(of: name)
    if let slot = owner.owned[name] { return Operand(.slot(slot)) }
    let slot = newSlot(name)
    owner.owned[name] = slot
    return Operand(.slot(slot))
  }

  /// What a name that no body declares stands for: `input`, `data`, an import or a rule.
  func documentPath(_ name: String) -> [String]? {
    if name == "input" || name == "data" { return [name] }
    if let path = names.imports[name] { return path }
    return names.rules.contains(name) ? names.package + [name] : nil
  }
}
