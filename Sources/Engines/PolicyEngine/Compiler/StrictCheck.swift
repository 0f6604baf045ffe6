/// What `check --strict` refuses besides what is wrong: names that nothing uses (OPA policy
/// language, "Strict Mode"). A name that another scope of the rule uses counts as used.
struct StrictCheck {
  private(set) var errors: [PolicyError] = []

  init(_ module: Module) {
    var all = NameUse()
    for rule in module.rules { all.count(rule) }
    for line in module.imports where line.path[0] == "data" || line.path[0] == "input" {
      if all.counts[line.name] == nil {
        let path = line.path.joined(separator: ".")
        let alias = line.alias.map { " as \($0)" } ?? ""
        fail("import \(path)\(alias) unused", line.location)
      }
    }
    for rule in module.rules { check(rule) }
  }

  private mutating func fail(_ message: String, _ location: Location) {
    errors.append(
      PolicyError(code: "rego_compile_error", message: message, location: location))
  }

  private mutating func check(_ rule: RuleSyntax) {
    var use = NameUse()
    use.count(rule)
    for term in rule.arguments ?? [] {
      for (name, location) in term.patternNames where use.counts[name] == 1 {
        fail("unused argument \(name). (hint: use _ (wildcard variable) instead)", location)
      }
    }
    for (name, location) in use.assigned where use.counts[name] == 1 {
      fail("assigned var \(name) unused", location)
    }
  }
}

/// How often each name stands somewhere, and which `:=` assigns.
private struct NameUse {
  private(set) var counts: [String: Int] = [:]
  private(set) var assigned: [(name: String, location: Location)] = []

  mutating func count(_ rule: RuleSyntax) {
    for term in rule.head.dropFirst() + (rule.arguments ?? []) { count(term) }
    for term in [rule.member, rule.value].compactMap(\.self) { count(term) }
    count(rule.body)
    for branch in rule.alternatives {
      if let value = branch.value { count(value) }
      count(branch.body)
    }
  }

  private mutating func count(_ body: Body) { for expression in body { count(expression) } }

  private mutating func count(_ expression: Expression) {
    switch expression.kind {
    case .term(let term): count(term)
    case .assign(let left, let right):
      assigned += left.patternNames
      count(left)
      count(right)
    case .unify(let left, let right):
      count(left)
      count(right)
    // `some x` alone is held to be used by the compiler itself.
    case .declare: break
    case .someIn(let key, let value, let domain):
      for term in [key, value, domain].compactMap(\.self) { count(term) }
    case .every(let key, let value, let domain, let body):
      for term in [key, value, domain].compactMap(\.self) { count(term) }
      count(body)
    }
    for with in expression.withs {
      count(with.target)
      count(with.value)
    }
  }

  private mutating func count(_ term: Term) {
    switch term.kind {
    case .value: break
    case .variable(let name): counts[name, default: 0] += 1
    case .ref(let head, let operands): for part in [head] + operands { count(part) }
    case .call(let callee, let arguments): for part in [callee] + arguments { count(part) }
    case .array(let elements), .set(let elements): for element in elements { count(element) }
    case .object(let members):
      for (key, value) in members {
        count(key)
        count(value)
      }
    case .arrayComprehension(let head, let body), .setComprehension(let head, let body):
      count(head)
      count(body)
    case .objectComprehension(let key, let value, let body):
      count(key)
      count(value)
      count(body)
    case .template(let parts):
      for case .expression(let expression) in parts { count(expression) }
    }
  }
}
