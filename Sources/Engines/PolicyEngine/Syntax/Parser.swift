/// Reads Rego v1 (OPA policy reference, "Grammar").
struct Parser {
  /// Most terms and bodies inside each other, and most operators in one chain.
  static let depthMax = 100
  /// Most expressions in one body.
  static let bodyMax = 2_000

  /// Words that are no variables, unless a `.` or `[` follows at once.
  static let keywords: Set<String> = [
    "as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null",
    "package", "some", "true", "with",
  ]

  let tokens: [Token]
  private(set) var position = 0
  private var depth: Int
  private let stack: StackGuard
  private let file: String
  /// Where the `{` of bodies of rules and of `every` stand in the source, in bytes: those of sets
  /// and objects look the same.
  private(set) var bodyBraces: Set<Int> = []
  /// Where the `=` of rule heads stand, which mean `:=`.
  private(set) var headEquals: Set<Int> = []
  /// Metadata blocks that nothing has taken yet.
  var annotations: ArraySlice<Annotations.Block> = []

  init(tokens: [Token], file: String, depth: Int = 0, stack: StackGuard = StackGuard()) {
    self.stack = stack
    self.tokens = tokens
    self.file = file
    self.depth = depth
  }

  static func module(_ source: String, file: String) throws(PolicyError) -> Module {
    let (tokens, comments) = try Lexer.words(of: source, file: file)
    var parser = Parser(tokens: tokens, file: file)
    parser.annotations =
      comments.isEmpty ? [] : try Annotations.Block.all(in: comments, Array(source.utf8))[...]
    return try parser.module()
  }

  /// Has read a module; what it met is asked afterwards.
  static func finished(_ tokens: [Token], file: String) throws(PolicyError) -> Parser {
    var parser = Parser(tokens: tokens, file: file)
    _ = try parser.module()
    return parser
  }

  /// A query: expressions separated by `;` or new lines.
  static func query(_ source: String) throws(PolicyError) -> Body {
    let file = "query"
    var parser = Parser(tokens: try Lexer.tokens(of: source, file: file), file: file)
    let body = try parser.body(until: nil)
    guard parser.current.kind == .end else { throw parser.expected("end of query") }
    return body
  }

  // MARK: Words

  var current: Token { tokens[position] }
  var next: Token { tokens[min(position + 1, tokens.count - 1)] }

  func failure(_ message: String, at location: Location? = nil) -> PolicyError {
    PolicyError(
      code: "rego_parse_error", message: message, location: location ?? current.location)
  }

  func expected(_ what: String) -> PolicyError {
    failure("unexpected \(current.shown): expected \(what)")
  }

  mutating func advance() { if position < tokens.count - 1 { position += 1 } }

  func at(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

  /// A keyword stands here, and not a reference that starts with its name.
  func atKeyword(_ word: String) -> Bool {
    current.kind == .name(word) && !isRefContinued
  }

  /// `.name` or `[` follows the current word without space.
  private var isRefContinued: Bool {
    guard !next.hasSpaceBefore else { return false }
    return next.kind == .symbol(".") || next.kind == .symbol("[")
  }

  mutating func skip(_ symbol: String) -> Bool {
    guard at(symbol) else { return false }
    advance()
    return true
  }

  mutating func skipKeyword(_ word: String) -> Bool {
    guard atKeyword(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: String) throws(PolicyError) {
    guard skip(symbol) else { throw expected(symbol) }
  }

  /// One level deeper; `leave` goes back.
  mutating func enter() throws(PolicyError) {
    guard depth < Self.depthMax, !stack.isSpent else {
      throw failure("nested deeper than \(Self.depthMax) levels")
    }
    depth += 1
  }

  mutating func leave() { depth -= 1 }

  /// Gives back where the reading was if it fails.
  mutating func attempt<Result>(
    _ read: (inout Parser) throws(PolicyError) -> Result?
  ) -> Result? {
    let start = position
    do {
      if let result = try read(&self) { return result }
    } catch {
      // The other reading of the same words reports its own error.
    }
    position = start
    return nil
  }

  /// A reader of the words in a template's braces, at the same depth.
  func inside(_ tokens: [Token]) -> Parser {
    Parser(tokens: tokens, file: file, depth: depth, stack: stack)
  }

  // MARK: Module

  private mutating func module() throws(PolicyError) -> Module {
    let packageLocation = current.location
    guard skipKeyword("package") else { throw expected("package") }
    let annotations = try takeAnnotations(before: packageLocation, isRule: false)
    let package = try path()
    var imports: [ImportSyntax] = []
    var rules: [RuleSyntax] = []
    while current.kind != .end {
      if skip(";") { continue }
      if atKeyword("import"), rules.isEmpty {
        try refuseAnnotations(before: current.location)
        imports.append(try importLine())
      } else {
        let annotations = try takeAnnotations(before: current.location, isRule: true)
        rules.append(try rule())
        rules[rules.count - 1].annotations = annotations
      }
    }
    try refuseAnnotations(before: nil)
    return Module(
      file: file, package: ["data"] + package, packageLocation: packageLocation,
      imports: imports, rules: rules, annotations: annotations)
  }

  /// `a.b["c"]`, as names.
  private mutating func path() throws(PolicyError) -> [String] {
    guard case .name(let first) = current.kind else { throw expected("a name") }
    advance()
    var path = [first]
    while !current.hasSpaceBefore {
      if skip(".") {
        guard case .name(let name) = current.kind else { throw expected("a name") }
        path.append(name)
        advance()
      } else if skip("[") {
        guard case .string(let name) = current.kind else { throw expected("a string") }
        path.append(name)
        advance()
        try expect("]")
      } else {
        break
      }
    }
    return path
  }

  private mutating func importLine() throws(PolicyError) -> ImportSyntax {
    let location = current.location
    advance()
    let path = try path()
    guard ["data", "input", "rego", "future"].contains(path[0]) else {
      throw failure(
        "unexpected import path, must begin with one of: {data, future, input, rego}, got: \(path[0])",
        at: location)
    }
    var alias: String?
    if skipKeyword("as") {
      guard case .name(let name) = current.kind else { throw expected("a name") }
      alias = name
      advance()
    }
    return ImportSyntax(path: path, alias: alias, location: location)
  }

  // MARK: Rules

  private mutating func rule() throws(PolicyError) -> RuleSyntax {
    let location = current.location
    let isDefault = skipKeyword("default")
    let head = try ruleHead()
    var arguments: [Term]?
    if at("("), !current.hasSpaceBefore {
      advance()
      arguments = try list(until: ")") { parser throws(PolicyError) in try parser.infix() }
    }
    var member: Term?
    var value: Term?
    if skipKeyword("contains") {
      guard arguments == nil else {
        throw failure("the contains keyword can only be used with multi-value rule definitions")
      }
      member = try infix()
    } else if skipHeadAssignment() {
      value = try termOrMember()
    }
    var body: Body = []
    let hasBody = atKeyword("if")
    if hasBody {
      advance()
      body = try ruleBody()
    } else if at("{"), !current.hasNewlineBefore {
      throw failure("`if` keyword is required before rule body")
    }
    var alternatives: [RuleSyntax.Alternative] = []
    while atKeyword("else") {
      let location = current.location
      guard hasBody, member == nil else { throw failure("else keyword cannot be used here") }
      advance()
      let otherwise = skipHeadAssignment() ? try termOrMember() : nil
      alternatives.append(
        RuleSyntax.Alternative(
          location: location, value: otherwise, body: skipKeyword("if") ? try ruleBody() : []))
    }
    // `f("a")` alone says that f("a") is true.
    let isFact = arguments != nil && !isDefault
    guard hasBody || member != nil || value != nil || isFact else {
      throw failure(
        "rule must have a value assignment, a contains or an if: expected := or contains or if")
    }
    if isDefault, value == nil || hasBody {
      throw failure("default rules must have a value and no body", at: location)
    }
    if !at(";"), current.kind != .end, !current.hasNewlineBefore {
      throw expected("a new line or ; after the rule")
    }
    return RuleSyntax(
      location: location, isDefault: isDefault, head: head, arguments: arguments, member: member,
      value: value, body: body, alternatives: alternatives)
  }

  private mutating func skipHeadAssignment() -> Bool {
    let position = current.range.lowerBound
    if skip(":=") { return true }
    guard skip("=") else { return false }
    headEquals.insert(position)
    return true
  }

  private mutating func ruleHead() throws(PolicyError) -> [Term] {
    guard case .name(let name) = current.kind,
      isRefContinued || !Self.keywords.contains(name)
        || (name == "contains" && next.kind == .symbol("("))
    else { throw expected("a rule name") }
    let first = Term(kind: .variable(name), location: current.location)
    advance()
    return [first] + (try refOperands())
  }

  private mutating func ruleBody() throws(PolicyError) -> Body {
    if at("{") {
      let brace = current.range.lowerBound
      let whole = attempt { parser throws(PolicyError) -> Body? in
        parser.advance()
        let body = try parser.body(until: "}")
        try parser.expect("}")
        return parser.endsRule ? body : nil
      }
      if let whole {
        bodyBraces.insert(brace)
        return whole
      }
      // `if {…} == x`: the braces were a set or an object. When this fails too, the first error
      // tells more.
      let asTerm = attempt { parser throws(PolicyError) in [try parser.expression()] }
      if let asTerm, endsRule { return asTerm }
      advance()
      let body = try self.body(until: "}")
      try expect("}")
      return body
    }
    return [try expression()]
  }

  private var endsRule: Bool {
    current.kind == .end || current.hasNewlineBefore || at(";") || at("{") || atKeyword("else")
  }

  // MARK: Bodies

  mutating func body(until closing: String?) throws(PolicyError) -> Body {
    try enter()
    defer { leave() }
    var body: Body = []
    while true {
      while skip(";") {}
      if current.kind == .end || (closing.map(at) ?? false) { break }
      body.append(try expression())
      guard body.count <= Self.bodyMax else { throw failure("body has too many expressions") }
      guard at(";") || current.hasNewlineBefore || current.kind == .end || closing.map(at) ?? false
      else { throw expected("; or a new line" + (closing.map { " or \($0)" } ?? "")) }
    }
    guard !body.isEmpty else { throw failure("found empty body: expected an expression") }
    return body
  }

  mutating func expression() throws(PolicyError) -> Expression {
    let location = current.location
    var result: Expression
    if atKeyword("some") {
      result = try someExpression()
    } else if atKeyword("every") {
      result = try everyExpression()
    } else {
      let isNegated = skipKeyword("not")
      result = try simpleExpression()
      result = Expression(kind: result.kind, location: location, isNegated: isNegated)
    }
    while skipKeyword("with") {
      let target = try primary()
      guard skipKeyword("as") else { throw expected("as") }
      result.withs.append(With(target: target, value: try infix()))
    }
    return result
  }

  private mutating func simpleExpression() throws(PolicyError) -> Expression {
    let location = current.location
    let left = try termOrMember()
    if skip(":=") { return Expression(kind: .assign(left, try termOrMember()), location: location) }
    if skip("=") { return Expression(kind: .unify(left, try termOrMember()), location: location) }
    return Expression(kind: .term(left), location: location)
  }

  private mutating func someExpression() throws(PolicyError) -> Expression {
    let location = current.location
    advance()
    var terms = [try infix(allowsIn: false)]
    while skip(",") { terms.append(try infix(allowsIn: false)) }
    if skipKeyword("in") {
      guard terms.count <= 2 else {
        throw failure("expected at most a key and a value", at: location)
      }
      let domain = try infix()
      return Expression(
        kind: .someIn(
          key: terms.count == 2 ? terms[0] : nil, value: terms[terms.count - 1],
          domain: domain), location: location)
    }
    for term in terms {
      guard case .variable = term.kind else {
        throw failure("expected a variable name or `in`", at: term.location)
      }
    }
    return Expression(kind: .declare(terms), location: location)
  }

  private mutating func everyExpression() throws(PolicyError) -> Expression {
    let location = current.location
    advance()
    var terms = [try primary()]
    if skip(",") { terms.append(try primary()) }
    for term in terms {
      guard case .variable = term.kind else {
        throw failure("expected a variable name", at: term.location)
      }
    }
    guard skipKeyword("in") else { throw expected("in") }
    let domain = try infix()
    let brace = current.range.lowerBound
    try expect("{")
    bodyBraces.insert(brace)
    let body = try self.body(until: "}")
    try expect("}")
    return Expression(
      kind: .every(
        key: terms.count == 2 ? terms[0] : nil, value: terms[terms.count - 1],
        domain: domain, body), location: location)
  }
}
