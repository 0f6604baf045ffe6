/// A module as the document that OPA writes for it (`opa parse --format json`): terms are
/// `{"type": …, "value": …}`, each expression has its place in its body. Places in the source and
/// comments are left out.
struct ModuleDocument {
  /// `_` is a name of its own at each place.
  private var wildcards = 0

  static func value(of module: Module) -> Value {
    var document = ModuleDocument()
    var members: [String: Value] = [
      "package": .members(["path": document.path(module.package)])
    ]
    if !module.imports.isEmpty {
      members["imports"] = .array(
        module.imports.map { line in
          var members: [String: Value] = ["path": .typed("ref", document.path(line.path))]
          if let alias = line.alias { members["alias"] = .string(alias) }
          return .members(members)
        })
    }
    if !module.annotations.isEmpty {
      members["annotations"] = .array(module.annotations.map(\.value))
    }
    if !module.rules.isEmpty {
      members["rules"] = .array(module.rules.map { document.rule($0) })
    }
    return .members(members)
  }

  /// The first name is a variable, the others are strings.
  private func path(_ names: [String]) -> Value {
    .array(
      names.enumerated().map { index, name in
        .typed(index == 0 ? "var" : "string", .string(name))
      })
  }

  // MARK: Rules

  private mutating func rule(_ rule: RuleSyntax) -> Value {
    var members = branch(rule, rule.value, rule.body)
    if rule.isDefault { members["default"] = .bool(true) }
    if !rule.annotations.isEmpty {
      members["annotations"] = .array(rule.annotations.map(\.value))
    }
    if let otherwise = alternatives(rule, rule.alternatives[...]) { members["else"] = otherwise }
    return .members(members)
  }

  /// Each `else` is a rule within the one before it.
  private mutating func alternatives(
    _ rule: RuleSyntax, _ branches: ArraySlice<RuleSyntax.Alternative>
  ) -> Value? {
    guard let first = branches.first else { return nil }
    var members = branch(rule, first.value, first.body)
    if let otherwise = alternatives(rule, branches.dropFirst()) { members["else"] = otherwise }
    return .members(members)
  }

  private mutating func branch(_ rule: RuleSyntax, _ value: Term?, _ body: Body)
    -> [String: Value]
  {
    var head: [String: Value] = ["ref": .array(terms(rule.head))]
    if rule.head.count == 1, case .variable(let name) = rule.head[0].kind {
      head["name"] = .string(name)
    }
    if let arguments = rule.arguments { head["args"] = .array(terms(arguments)) }
    if let member = rule.member {
      head["key"] = term(member)
    } else {
      head["value"] = value.map { term($0) } ?? .typed("boolean", .bool(true))
    }
    if value != nil { head["assign"] = .bool(true) }
    let whole: Value =
      body.isEmpty
      ? .array([.members(["index": .integer(0), "terms": .typed("boolean", .bool(true))])])
      : self.body(body)
    return ["head": .members(head), "body": whole]
  }

  // MARK: Bodies

  private mutating func body(_ body: Body) -> Value {
    var expressions: [Value] = []
    for (index, expression) in body.enumerated() {
      expressions.append(self.expression(expression, index))
    }
    return .array(expressions)
  }

  private mutating func expression(_ expression: Expression, _ index: Int) -> Value {
    var members: [String: Value] = ["index": .integer(index)]
    members["terms"] =
      switch expression.kind {
      case .term(let term):
        if case .call(let callee, let arguments) = term.kind {
          .array(call(callee, arguments))
        } else {
          self.term(term)
        }
      case .assign(let left, let right): .array([name("assign"), term(left), term(right)])
      case .unify(let left, let right): .array([name("eq"), term(left), term(right)])
      case .declare(let names): .members(["symbols": .array(terms(names))])
      case .someIn(let key, let value, let domain):
        .members(["symbols": .array([membership(key, value, domain)])])
      case .every(let key, let value, let domain, let body):
        .members([
          "key": key.map { term($0) } ?? .null, "value": term(value), "domain": term(domain),
          "body": self.body(body),
        ])
      }
    if expression.isNegated { members["negated"] = .bool(true) }
    if !expression.withs.isEmpty {
      var withs: [Value] = []
      for with in expression.withs {
        withs.append(.members(["target": term(with.target), "value": term(with.value)]))
      }
      members["with"] = .array(withs)
    }
    return .members(members)
  }

  private mutating func membership(_ key: Term?, _ value: Term, _ domain: Term) -> Value {
    let operands = terms([key, value, domain].compactMap(\.self))
    return .typed("call", .array([name("internal.member_\(operands.count)")] + operands))
  }

  // MARK: Terms

  /// The name of a builtin, as the reference that it is.
  private func name(_ name: String) -> Value {
    .typed("ref", path(name.split(separator: ".").map(String.init)))
  }

  private mutating func call(_ callee: Term, _ arguments: [Term]) -> [Value] {
    let function: Value
    if case .variable(let name) = callee.kind {
      function = self.name(name)
    } else {
      function = term(callee)
    }
    return [function] + terms(arguments)
  }

  private mutating func terms(_ list: [Term]) -> [Value] {
    var values: [Value] = []
    for term in list { values.append(self.term(term)) }
    return values
  }

  private mutating func term(_ term: Term) -> Value {
    switch term.kind {
    // Nothing is written as the empty structure that stands for it in Go.
    case .value(.null): return .typed("null", .members([:]))
    case .value(.set): return .typed("set", .array([]))
    case .value(let value): return .typed(value.typeName, value)
    case .variable("_"):
      wildcards += 1
      return .typed("var", .string("$\(wildcards - 1)"))
    case .variable(let name): return .typed("var", .string(name))
    case .ref(let head, let operands): return .typed("ref", .array(terms([head] + operands)))
    case .call(let callee, let arguments): return .typed("call", .array(call(callee, arguments)))
    case .array(let elements): return .typed("array", .array(terms(elements)))
    case .set(let elements): return .typed("set", .array(terms(elements)))
    case .object(let pairs):
      var members: [Value] = []
      for pair in pairs { members.append(.array(terms([pair.key, pair.value]))) }
      return .typed("object", .array(members))
    case .arrayComprehension(let head, let body):
      return .typed(
        "arraycomprehension", .members(["term": self.term(head), "body": self.body(body)]))
    case .setComprehension(let head, let body):
      return .typed(
        "setcomprehension", .members(["term": self.term(head), "body": self.body(body)]))
    case .objectComprehension(let key, let value, let body):
      return .typed(
        "objectcomprehension",
        .members(["key": self.term(key), "value": self.term(value), "body": self.body(body)]))
    case .template(let parts):
      var values: [Value] = []
      for part in parts {
        switch part {
        case .text(let text): values.append(.typed("string", .string(text)))
        case .expression(let expression): values.append(self.expression(expression, 0))
        }
      }
      return .typed("templatestring", .members(["parts": .array(values)]))
    }
  }
}

extension Value {
  fileprivate static func members(_ members: [String: Value]) -> Value {
    .object(ObjectValue(members.map { (.string($0.key), $0.value) }))
  }

  fileprivate static func typed(_ type: String, _ value: Value) -> Value {
    .members(["type": .string(type), "value": value])
  }
}
