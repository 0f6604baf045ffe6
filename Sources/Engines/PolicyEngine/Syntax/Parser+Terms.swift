extension Parser {
  /// Operators with the builtin each stands for, and how tightly they bind: 0 the loosest.
  private static let operators: [String: (level: Int, name: String)] = [
    "==": (0, "equal"), "!=": (0, "neq"), "<": (0, "lt"), "<=": (0, "lte"), ">": (0, "gt"),
    ">=": (0, "gte"), "|": (1, "or"), "&": (2, "and"), "+": (3, "plus"), "-": (3, "minus"),
    "*": (4, "mul"), "/": (4, "div"), "%": (4, "rem"),
  ]

  /// A term with operators. `allowsIn` is off where `in` belongs to a `some`; `allowsOr` is off
  /// where `|` may begin the body of a comprehension.
  mutating func infix(allowsIn: Bool = true, allowsOr: Bool = true) throws(PolicyError) -> Term {
    try enter()
    defer { leave() }
    var left = try binary(0, allowsOr: allowsOr)
    var count = 0
    while allowsIn, atKeyword("in") {
      let location = current.location
      advance()
      left = call("internal.member_2", [left, try binary(0, allowsOr: allowsOr)], location)
      count += 1
      guard count < Self.depthMax else { throw failure("too many operators in one term") }
    }
    return left
  }

  /// Operators that bind as tightly as a level, or more. Calls itself for the right side of one only:
  /// a call for each level would take several times the stack.
  private mutating func binary(_ level: Int, allowsOr: Bool) throws(PolicyError) -> Term {
    var left = try primary()
    var count = 0
    while case .symbol(let symbol) = current.kind, let found = Self.operators[symbol],
      found.level >= level, symbol != "|" || allowsOr
    {
      let location = current.location
      advance()
      left = call(found.name, [left, try binary(found.level + 1, allowsOr: allowsOr)], location)
      count += 1
      guard count < Self.depthMax else { throw failure("too many operators in one term") }
    }
    return left
  }

  private func call(_ name: String, _ arguments: [Term], _ location: Location) -> Term {
    let callee = Term(kind: .variable(name), location: location)
    return Term(kind: .call(callee, arguments), location: location)
  }

  mutating func list<Element>(
    until closing: String, _ read: (inout Parser) throws(PolicyError) -> Element
  ) throws(PolicyError) -> [Element] {
    var elements: [Element] = []
    while !at(closing) {
      elements.append(try read(&self))
      guard skip(",") else { break }
    }
    guard skip(closing) else { throw expected(", or \(closing)") }
    return elements
  }

  /// `.name` and `[term]`, as long as no space comes between.
  mutating func refOperands() throws(PolicyError) -> [Term] {
    var operands: [Term] = []
    while !current.hasSpaceBefore {
      if at("."), case .name(let name) = next.kind, !next.hasSpaceBefore {
        advance()
        operands.append(Term(kind: .value(.string(name)), location: current.location))
        advance()
      } else if at(".") {
        advance()
        throw expected("a name after .")
      } else if skip("[") {
        operands.append(try infix())
        try expect("]")
      } else {
        break
      }
      guard operands.count <= Self.depthMax * 2 else { throw failure("reference is too long") }
    }
    return operands
  }

  /// A term without operators, with what follows it: `.name`, `[term]`, `(arguments)`.
  mutating func primary() throws(PolicyError) -> Term {
    try enter()
    defer { leave() }
    var term = try atom()
    var count = 0
    while !current.hasSpaceBefore {
      if at(".") || at("[") {
        let operands = try refOperands()
        if case .ref(let head, let earlier) = term.kind {
          term = Term(kind: .ref(head, earlier + operands), location: term.location)
        } else {
          term = Term(kind: .ref(term, operands), location: term.location)
        }
      } else if at("("), isCallable(term) {
        advance()
        term = Term(kind: .call(term, try arguments()), location: term.location)
      } else {
        break
      }
      count += 1
      guard count < Self.depthMax else { throw failure("reference is too long") }
    }
    if case .call(let callee, let arguments) = term.kind, arguments.isEmpty,
      case .variable("set") = callee.kind
    {
      return Term(kind: .value(.set(.empty)), location: term.location)
    }
    return term
  }

  private func isCallable(_ term: Term) -> Bool {
    switch term.kind {
    case .variable: return true
    case .ref(let head, _):
      if case .variable = head.kind { return true }
      return false
    default: return false
    }
  }

  /// The arguments of a call; `f(k, v in xs)` is two arguments, the second a membership test.
  private mutating func arguments() throws(PolicyError) -> [Term] {
    try list(until: ")") { parser throws(PolicyError) in try parser.infix() }
  }

  private mutating func atom() throws(PolicyError) -> Term {
    let token = current
    func term(_ kind: Term.Kind) -> Term { Term(kind: kind, location: token.location) }
    switch token.kind {
    case .name(let name):
      let isReference =
        !next.hasSpaceBefore && (next.kind == .symbol(".") || next.kind == .symbol("["))
      if !isReference {
        switch name {
        case "true", "false":
          advance()
          return term(.value(.bool(name == "true")))
        case "null":
          advance()
          return term(.value(.null))
        case "contains" where next.kind == .symbol("("): break
        default:
          if Self.keywords.contains(name) { throw expected("a term") }
        }
      }
      advance()
      return term(.variable(name))
    case .number(let text):
      advance()
      return term(try number(text, at: token.location))
    case .string(let text):
      advance()
      return term(.value(.string(text)))
    case .template(let parts):
      advance()
      return term(.template(try template(parts)))
    case .symbol("-"):
      advance()
      guard case .number(let text) = current.kind, !current.hasSpaceBefore else {
        throw expected("a number")
      }
      advance()
      return term(try number("-" + text, at: token.location))
    case .symbol("("): return try parenthesised()
    case .symbol("["): return try array()
    case .symbol("{"): return try braces()
    case .symbol, .end: throw expected("a term")
    }
  }

  private func number(_ text: String, at location: Location) throws(PolicyError) -> Term.Kind {
    guard let number = Number(spelled: text.utf8) else {
      throw failure("number is beyond the limit", at: location)
    }
    return .value(.number(number))
  }

  private mutating func template(_ parts: [TemplateToken]) throws(PolicyError) -> [TemplatePart] {
    var result: [TemplatePart] = []
    for part in parts {
      switch part {
      case .text(let text): result.append(.text(text))
      case .tokens(let tokens):
        try enter()
        defer { leave() }
        var inner = inside(tokens)
        let expression = try inner.expression()
        guard inner.current.kind == .end else { throw inner.expected("}") }
        result.append(.expression(expression))
      }
    }
    return result
  }

  /// `(term)`, or `(key, value in domain)`.
  private mutating func parenthesised() throws(PolicyError) -> Term {
    advance()
    let term = try termOrMember()
    try expect(")")
    return term
  }

  /// A term, or `key, value in domain` where a comma can mean nothing else.
  mutating func termOrMember() throws(PolicyError) -> Term {
    let location = current.location
    let first = try infix()
    guard skip(",") else { return first }
    var value = try binary(0, allowsOr: true)
    guard skipKeyword("in") else { throw expected("in") }
    var domain = try binary(0, allowsOr: true)
    var count = 0
    while atKeyword("in") {
      value = call("internal.member_2", [value, domain], current.location)
      advance()
      domain = try binary(0, allowsOr: true)
      count += 1
      guard count < Self.depthMax else { throw failure("too many operators in one term") }
    }
    return call("internal.member_3", [first, value, domain], location)
  }

  /// The body of a comprehension, after its head.
  private mutating func comprehensionBody(until closing: String) throws(PolicyError) -> Body {
    try expect("|")
    let body = try self.body(until: closing)
    try expect(closing)
    return body
  }

  /// Whether the brackets that are open here hold a comprehension: a `|` outside all other
  /// brackets, with no comma before it, and none after it but those of `some` and `every`. Looking
  /// ahead keeps nested brackets from being read twice at each level, which would be exponential.
  func isComprehension() -> Bool {
    var open = 0
    var hasBar = false
    var allowsComma = false
    for token in tokens[position...] {
      if hasBar, open == 0, token.hasNewlineBefore { allowsComma = false }
      switch token.kind {
      case .symbol("("), .symbol("["), .symbol("{"): open += 1
      case .symbol(")"), .symbol("]"), .symbol("}"):
        if open == 0 { return hasBar }
        open -= 1
      case .symbol("|") where open == 0: hasBar = true
      case .symbol(";") where open == 0: allowsComma = false
      case .symbol(",") where open == 0: if !allowsComma { return false }
      case .name("some") where open == 0, .name("every") where open == 0: allowsComma = hasBar
      default: break
      }
    }
    return false
  }

  private mutating func array() throws(PolicyError) -> Term {
    let location = current.location
    advance()
    if isComprehension() {
      let head = try infix(allowsOr: false)
      let body = try comprehensionBody(until: "]")
      return Term(kind: .arrayComprehension(head, body), location: location)
    }
    let elements = try list(until: "]") { parser throws(PolicyError) in try parser.infix() }
    return Term(kind: .array(elements), location: location)
  }

  private mutating func braces() throws(PolicyError) -> Term {
    let location = current.location
    advance()
    if skip("}") { return Term(kind: .object([]), location: location) }
    if isComprehension() {
      let head = try infix(allowsOr: false)
      guard skip(":") else {
        let body = try comprehensionBody(until: "}")
        return Term(kind: .setComprehension(head, body), location: location)
      }
      let value = try infix(allowsOr: false)
      let body = try comprehensionBody(until: "}")
      return Term(kind: .objectComprehension(key: head, value: value, body), location: location)
    }
    let first = try infix()
    guard skip(":") else {
      var elements = [first]
      if skip(",") {
        elements += try list(until: "}") { parser throws(PolicyError) in try parser.infix() }
      } else {
        guard skip("}") else { throw expected(", or : or }") }
      }
      return Term(kind: .set(elements), location: location)
    }
    var members = [(key: first, value: try infix())]
    if skip(",") {
      members += try list(until: "}") { parser throws(PolicyError) in
        let key = try parser.infix()
        try parser.expect(":")
        return (key: key, value: try parser.infix())
      }
    } else {
      guard skip("}") else { throw expected(", or }") }
    }
    return Term(kind: .object(members), location: location)
  }
}
