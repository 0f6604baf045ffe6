/// The annotations of all modules, by what they are about.
struct AnnotationSet {
  private var documents: [[Value]: Annotations] = [:]
  private var packages: [[String]: Annotations] = [:]
  private var subpackages: [[String]: Annotations] = [:]

  /// - Throws: `PolicyError` where two blocks are about the same document or package.
  init(_ modules: [Module]) throws(PolicyError) {
    for module in modules {
      for block in module.annotations {
        if block.scope == .package {
          try Self.add(block, &packages, module.package)
        } else {
          try Self.add(block, &subpackages, module.package)
        }
      }
      for rule in module.rules {
        for block in rule.annotations where block.scope == .document {
          try Self.add(block, &documents, Self.path(of: rule, in: module.package))
        }
      }
    }
  }

  private static func add<Key>(
    _ block: Annotations, _ known: inout [Key: Annotations], _ key: Key
  ) throws(PolicyError) {
    if let other = known.updateValue(block, forKey: key) {
      throw PolicyError(
        code: "rego_type_error",
        message: "\(block.scope.rawValue) annotation redeclared: \(other.location)",
        location: block.location)
    }
  }

  private static func path(of rule: RuleSyntax, in package: [String]) -> [Value] {
    var path = package.map(Value.string)
    for (index, term) in rule.head.enumerated() {
      switch term.kind {
      case .variable(let name) where index == 0: path.append(.string(name))
      case .value(let value): path.append(value)
      default: return path
      }
    }
    return path
  }

  /// What `rego.metadata.rule()` gives within a rule: its own annotations, the closest block.
  func rule(_ rule: RuleSyntax) -> Value {
    rule.annotations.last { $0.scope == .rule }?.value ?? .object(.empty)
  }

  /// What `rego.metadata.chain()` gives within a rule: from the rule outwards to the root.
  func chain(_ rule: RuleSyntax, in package: [String]) -> Value {
    let path = Self.path(of: rule, in: package)
    func link(_ path: some Sequence<Value>, _ annotations: Annotations?) -> Value {
      var members = [(Value.string("path"), Value.array(Array(path.dropFirst())))]
      if let annotations { members.append((.string("annotations"), annotations.value)) }
      return .object(ObjectValue(members))
    }
    let own = rule.annotations.reversed().filter { $0.scope == .rule }
    var links = own.isEmpty ? [link(path, nil)] : own.map { link(path, $0) }
    if let block = documents[path] { links.append(link(path, block)) }
    if let block = packages[package] { links.append(link(package.map(Value.string), block)) }
    for count in package.indices.reversed() {
      let outer = Array(package[...count])
      if let block = subpackages[outer] { links.append(link(outer.map(Value.string), block)) }
    }
    return .array(links)
  }
}
