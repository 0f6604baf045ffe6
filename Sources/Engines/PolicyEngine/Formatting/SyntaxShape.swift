/// A module as text without places, spaces and comments: two sources of one shape are one policy.
struct SyntaxShape {
  private(set) var text = ""

  static func text(of module: Module) -> String {
    var shape = SyntaxShape()
    shape.text += "\(module.package)"
    for line in module.imports { shape.text += "import\(line.path)\(line.alias ?? "")" }
    for rule in module.rules { shape.write(rule) }
    for block in module.annotations { shape.text += block.value.regoText }
    return shape.text
  }

  private mutating func write(_ rule: RuleSyntax) {
    text += rule.isDefault ? "\ndefault" : "\nrule"
    for block in rule.annotations { text += block.value.regoText }
    write("head", rule.head)
    if let arguments = rule.arguments { write("arguments", arguments) }
    if let member = rule.member { write("contains", [member]) }
    if let value = rule.value { write("value", [value]) }
    write(rule.body)
    for branch in rule.alternatives {
      write("else", [branch.value].compactMap(\.self))
      write(branch.body)
    }
  }

  private mutating func write(_ body: Body) {
    text += "{"
    for expression in body { write(expression) }
    text += "}"
  }

  private mutating func write(_ expression: Expression) {
    if expression.isNegated { text += "not " }
    switch expression.kind {
    case .term(let term): write(term)
    case .assign(let left, let right): write(":=", [left, right])
    case .unify(let left, let right): write("=", [left, right])
    case .declare(let terms): write("some", terms)
    case .someIn(let key, let value, let domain):
      write("some in", [key, value, domain].compactMap(\.self))
    case .every(let key, let value, let domain, let body):
      write("every", [key, value, domain].compactMap(\.self))
      write(body)
    }
    for with in expression.withs { write("with", [with.target, with.value]) }
    text += ";"
  }

  private mutating func write(_ name: String, _ terms: [Term]) {
    text += name + "("
    for term in terms {
      write(term)
      text += ","
    }
    text += ")"
  }

  private mutating func write(_ term: Term) {
    switch term.kind {
    case .value(let value): text += value.regoText
    case .variable(let name): text += name
    case .ref(let head, let operands): write("ref", [head] + operands)
    case .call(let callee, let arguments): write("call", [callee] + arguments)
    case .array(let elements): write("array", elements)
    case .set(let elements): write("set", elements)
    case .object(let members): write("object", members.flatMap { [$0.key, $0.value] })
    case .arrayComprehension(let head, let body):
      write("array of", [head])
      write(body)
    case .setComprehension(let head, let body):
      write("set of", [head])
      write(body)
    case .objectComprehension(let key, let value, let body):
      write("object of", [key, value])
      write(body)
    case .template(let parts):
      for part in parts {
        switch part {
        case .text(let piece): text += Value.string(piece).regoText
        case .expression(let expression): write(expression)
        }
      }
    }
  }
}
