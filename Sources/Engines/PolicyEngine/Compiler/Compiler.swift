/// Turns parsed modules into a policy: places rules in the tree, checks that they do not
/// contradict each other, then resolves and orders each body.
struct Compiler {
  private let outside: CompiledPolicy.OutsideBuiltins
  private let checksTypes: Bool
  private let root = RuleNode(path: [.string("data")])
  private var groups: [RuleGroup] = []
  private var errors: [PolicyError] = []
  /// What the source calls the slots of a clause.
  private var slotNames: [ObjectIdentifier: [String]] = [:]
  /// Most errors that are collected before the rest is left out.
  static let errorsMax = 10

  init(outside: CompiledPolicy.OutsideBuiltins, checksTypes: Bool) {
    self.outside = outside
    self.checksTypes = checksTypes
  }

  /// A rule with the place it takes in the tree.
  private struct Placed {
    let rule: RuleSyntax
    let names: Resolver.Names
    let metadata: Resolver.Metadata
    let group: Int
    /// Terms of the head that belong to the path.
    let constants: Int
  }

  mutating func compile(_ modules: [Module]) throws(PolicyErrors) -> CompiledPolicy {
    let rulesByPackage = Dictionary(grouping: modules, by: \.package).mapValues { modules in
      Set(modules.flatMap { $0.rules.compactMap { Self.name(of: $0.head[0]) } })
    }
    let annotations: AnnotationSet
    do {
      annotations = try AnnotationSet(modules)
    } catch {
      throw PolicyErrors(errors: [error])
    }
    var placed: [Placed] = []
    for module in modules {
      // A package without rules is an empty object all the same.
      _ = root.insert(module.package.dropFirst().map(Value.string)[...])
      let rules = rulesByPackage[module.package] ?? []
      let names = Resolver.Names(package: module.package, imports: imports(module), rules: rules)
      for rule in module.rules {
        let metadata = Resolver.Metadata { name in
          name == "rego.metadata.rule"
            ? annotations.rule(rule) : annotations.chain(rule, in: module.package)
        }
        if let one = place(rule, names, metadata) { placed.append(one) }
      }
    }
    checkConflicts(modules)
    root.seal()
    try stopOnErrors()
    for one in placed { compile(one) }
    try stopOnErrors()
    let types = types()
    try stopOnErrors()
    for index in groups.indices { groups[index].seal() }
    let policy = CompiledPolicy(root: root, groups: groups, outside: outside, types: types)
    errors = policy.schemaErrors(with: nil)
    try stopOnErrors()
    return policy
  }

  /// Nil where types are not looked at.
  private mutating func types() -> RuleTypes? {
    do {
      let order = try RuleDependencies(root: root, groups: groups).order()
      guard checksTypes else { return nil }
      var types = RuleTypes(root: root, groups: groups)
      errors += types.check(in: order) { slotNames[ObjectIdentifier($0)] ?? [] }
      return types
    } catch {
      errors.append(error)
      return nil
    }
  }

  private func stopOnErrors() throws(PolicyErrors) {
    guard !errors.isEmpty else { return }
    let sorted = errors.sorted { left, right in
      guard let first = left.location, let second = right.location else { return false }
      return (first.file, first.line, first.column) < (second.file, second.line, second.column)
    }
    throw PolicyErrors(errors: Array(sorted.prefix(Self.errorsMax)))
  }

  private mutating func fail(_ code: String, _ message: String, _ location: Location?) {
    errors.append(PolicyError(code: code, message: message, location: location))
  }

  private static func name(of term: Term) -> String? {
    if case .variable(let name) = term.kind { name } else { nil }
  }

  private mutating func imports(_ module: Module) -> [String: [String]] {
    var imports: [String: [String]] = [:]
    for line in module.imports {
      if line.path[0] == "rego" || line.path[0] == "future" {
        let known = [["rego", "v1"], ["future", "keywords"]]
        if !known.contains(Array(line.path.prefix(2))) {
          fail(
            "rego_parse_error", "invalid import, must be one of: rego.v1, future.keywords",
            line.location)
        }
        continue
      }
      if imports[line.name] != nil {
        fail(
          "rego_compile_error", "import must not shadow import \(line.name)", line.location)
      }
      if line.alias == "data" || line.alias == "input" {
        fail("rego_compile_error", "import must not shadow \(line.name)", line.location)
      }
      imports[line.name] = line.path
    }
    return imports
  }

  private mutating func place(
    _ rule: RuleSyntax, _ names: Resolver.Names, _ metadata: Resolver.Metadata
  ) -> Placed? {
    guard let name = Self.name(of: rule.head[0]) else { return nil }
    if name == "data" || name == "input" {
      fail("rego_compile_error", "rules must not shadow \(name)", rule.location)
      return nil
    }
    var path = names.package.map(Value.string) + [.string(name)]
    var constants = 1
    for term in rule.head.dropFirst() {
      guard case .value(let value) = term.kind else { break }
      path.append(value)
      constants += 1
    }
    let kind: RuleGroup.Kind
    if let arguments = rule.functionArguments {
      guard constants == rule.head.count, rule.member == nil else {
        fail("rego_parse_error", "a function's name cannot hold variables", rule.location)
        return nil
      }
      kind = .function(arity: arguments.count)
    } else if constants < rule.head.count {
      kind = .object
    } else {
      kind = rule.member == nil ? .complete : .set
    }
    let node = root.insert(path.dropFirst())
    guard let index = node.group else {
      node.attach(group: groups.count, isFunction: rule.functionArguments != nil)
      groups.append(
        RuleGroup(id: groups.count, path: path, kind: kind, location: rule.location))
      return Placed(
        rule: rule, names: names, metadata: metadata, group: groups.count - 1,
        constants: constants)
    }
    guard groups[index].kind == kind else {
      fail(
        "rego_type_error",
        "conflicting rules \(dottedPath(path)) found at \(rule.location) and "
          + "\(groups[index].location)", rule.location)
      return nil
    }
    return Placed(
      rule: rule, names: names, metadata: metadata, group: index, constants: constants)
  }

  private mutating func checkConflicts(_ modules: [Module]) {
    for module in modules {
      var node = root
      for name in module.package.dropFirst() {
        guard let child = node.children[.string(name)] else { break }
        node = child
        if let group = node.group, groups[group].kind != .object {
          fail(
            "rego_type_error",
            "package \(module.package.dropFirst().joined(separator: ".")) conflicts with rule "
              + "\(groups[group].name) defined at \(groups[group].location)",
            module.packageLocation)
        }
      }
    }
    for group in groups where group.kind == .complete || group.kind == .set {
      let node = root.insert(group.path.dropFirst())
      if let child = node.children.values.map({ dottedPath($0.path) }).min() {
        fail(
          "rego_type_error", "rule \(group.name) conflicts with [\(child)]", group.location)
      }
    }
  }

  private mutating func compile(_ placed: Placed) {
    let resolver = Resolver(
      names: placed.names, tree: root, groups: groups, outside: outside,
      metadata: placed.metadata)
    do {
      let clause = try resolver.clause(placed.rule, constants: placed.constants)
      slotNames[ObjectIdentifier(clause)] = resolver.slotNames
      guard placed.rule.isDefault else {
        groups[placed.group].clauses.append(clause)
        return
      }
      if groups[placed.group].defaultClause != nil {
        fail(
          "rego_type_error", "multiple default rules \(groups[placed.group].name) found",
          placed.rule.location)
      }
      groups[placed.group].defaultClause = clause
    } catch {
      errors.append(error)
    }
  }
}
