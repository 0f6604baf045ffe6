/// `strings.render_template`: of Go's text/template the fields, `range`, `if`, `else`, `end` and
/// variables.
struct TextTemplate {
  private enum Node {
    case text(String)
    case output(String)
    case range(key: String?, value: String?, String, [Node], [Node])
    case condition(String, [Node], [Node])
  }
  /// Most blocks inside each other.
  static let depthMax = 32

  private let pieces: [(text: String, isAction: Bool)]
  private var position = 0
  private let root: Value
  private let isClosed: Bool

  init(source: String, root: Value) {
    self.root = root
    var pieces: [(text: String, isAction: Bool)] = []
    var rest = Array(source.utf8)[...]
    var isClosed = true
    while let start = rest.firstIndex(of: Array("{{".utf8)) {
      pieces.append((String(decoding: rest[..<start], as: UTF8.self), false))
      rest = rest[(start + 2)...]
      guard let end = rest.firstIndex(of: Array("}}".utf8)) else {
        isClosed = false
        break
      }
      pieces.append((String(decoding: rest[..<end], as: UTF8.self), true))
      rest = rest[(end + 2)...]
    }
    pieces.append((String(decoding: rest, as: UTF8.self), false))
    self.pieces = pieces
    self.isClosed = isClosed
  }

  mutating func rendered(_ context: inout BuiltinContext) throws -> String {
    guard isClosed else { throw BuiltinFailure.value("template: unclosed action") }
    let nodes = try block(depth: 0)
    guard position == pieces.count else { throw BuiltinFailure.value("template: unexpected end") }
    var text = ""
    try write(nodes, root, [:], &text, &context)
    return text
  }

  /// Up to `end` or `else`, which stay unread.
  private mutating func block(depth: Int) throws -> [Node] {
    guard depth < Self.depthMax else { throw BuiltinFailure.value("template: nested too deeply") }
    var nodes: [Node] = []
    while position < pieces.count {
      let piece = pieces[position]
      guard piece.isAction else {
        if !piece.text.isEmpty { nodes.append(.text(piece.text)) }
        position += 1
        continue
      }
      let words = piece.text.split(separator: " ").map(String.init)
      if words.first == "end" || words.first == "else" { return nodes }
      position += 1
      switch words.first {
      case "range":
        let (names, source) = assignment(Array(words.dropFirst()))
        let (body, otherwise) = try blocks(depth: depth)
        nodes.append(
          .range(
            key: names.count == 2 ? names[0] : nil, value: names.last, source, body, otherwise))
      case "if":
        let (body, otherwise) = try blocks(depth: depth)
        nodes.append(.condition(words.dropFirst().joined(separator: " "), body, otherwise))
      default: nodes.append(.output(words.joined(separator: " ")))
      }
    }
    return nodes
  }

  private mutating func blocks(depth: Int) throws -> ([Node], [Node]) {
    let body = try block(depth: depth + 1)
    var otherwise: [Node] = []
    if position < pieces.count, pieces[position].text.split(separator: " ") == ["else"] {
      position += 1
      otherwise = try block(depth: depth + 1)
    }
    guard position < pieces.count, pieces[position].text.split(separator: " ") == ["end"] else {
      throw BuiltinFailure.value("template: unexpected EOF")
    }
    position += 1
    return (body, otherwise)
  }

  /// `$i, $name := .list`.
  private func assignment(_ words: [String]) -> (names: [String], source: String) {
    guard let index = words.firstIndex(of: ":=") else { return ([], words.joined(separator: " ")) }
    let names = words[..<index].joined().split(separator: ",").map(String.init)
    return (names, words[(index + 1)...].joined(separator: " "))
  }

  /// Nil for what is not there; so is every function and pipeline, which are refused.
  private func value(_ path: String, _ dot: Value, _ variables: [String: Value]) throws -> Value? {
    var steps = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let first = steps.first, !path.contains(" "), first.isEmpty || first.hasPrefix("$") else {
      throw BuiltinFailure.value("template: only fields, variables, range and if are supported")
    }
    steps.removeFirst()
    var current: Value? = first.isEmpty ? dot : first == "$" ? root : variables[first]
    for step in steps where !step.isEmpty { current = current?.member(.string(step)) }
    return current
  }

  private func isTrue(_ value: Value?) -> Bool {
    switch value {
    case nil, .null: false
    case .bool(let flag): flag
    case .number(let number): number != Number(Int64(0))
    case .string(let text): !text.isEmpty
    case let value?: value.count != 0
    }
  }

  private func write(
    _ nodes: [Node], _ dot: Value, _ variables: [String: Value], _ text: inout String,
    _ context: inout BuiltinContext
  ) throws {
    for node in nodes {
      try context.charge(1)
      switch node {
      case .text(let piece):
        try context.allocate(piece.utf8.count)
        text += piece
      case .output(let path):
        let value = try value(path, dot, variables)
        let piece =
          if case .string(let string) = value { string } else {
            value?.regoText ?? "<undefined>"
          }
        try context.allocate(piece.utf8.count)
        text += piece
      case .condition(let path, let body, let otherwise):
        let isTrue = isTrue(try value(path, dot, variables))
        try write(isTrue ? body : otherwise, dot, variables, &text, &context)
      case .range(let key, let name, let path, let body, let otherwise):
        let members = members(try value(path, dot, variables))
        if members.isEmpty { try write(otherwise, dot, variables, &text, &context) }
        for member in members {
          var inner = variables
          if let key { inner[key] = member.key }
          if let name { inner[name] = member.value }
          try write(body, member.value, inner, &text, &context)
        }
      }
    }
  }

  private func members(_ value: Value?) -> [(key: Value, value: Value)] {
    switch value {
    case .array(let elements): elements.enumerated().map { (.integer($0), $1) }
    case .set(let set): set.members.enumerated().map { (.integer($0), $1) }
    case .object(let object): object.members.map { ($0.key, $0.value) }
    default: []
    }
  }
}
