/// What policies may use here, in the form of `opa capabilities`: with it, tools made for OPA can tell
/// beforehand what this engine takes (`opa check --capabilities FILE`).
package enum PolicyCapabilities {
  private static let infix = [
    "and": "&", "assign": ":=", "div": "/", "eq": "=", "equal": "==", "gt": ">", "gte": ">=",
    "internal.member_2": "in", "internal.member_3": "in", "lt": "<", "lte": "<=", "minus": "-",
    "mul": "*", "neq": "!=", "or": "|", "plus": "+", "rem": "%",
  ]

  /// All builtins by name with their types, without those that reach outside.
  package static var document: Value {
    let isTrue = FunctionType(arguments: [.anything, .anything], result: .boolean)
    // OPA counts what is grammar here among the builtins.
    let grammar = [("assign", isTrue), ("eq", isTrue)]
    let builtins = Builtins.all.values.map { ($0.name, BuiltinTypes.all[$0.name]) } + grammar
    return .record([
      ("allow_net", .array([])),
      ("builtins", .array(builtins.sorted { $0.0 < $1.0 }.map(declaration))),
      ("features", .array(["keywords_in_refs", "rego_v1", "template_strings"].map(Value.string))),
      ("future_keywords", .array([])),
    ])
  }

  private static func declaration(_ name: String, _ type: FunctionType?) -> Value {
    var members: [(String, Value)] = [("name", .string(name))]
    // What has no type takes anything, as often as one likes: `print`.
    members.append(
      (
        "decl",
        type?.document
          ?? .record([
            ("type", .string("function")), ("variadic", PolicyType.anything.document),
          ])
      ))
    if let sign = infix[name] { members.append(("infix", .string(sign))) }
    if name == "walk" { members.append(("relation", .bool(true))) }
    if ["rand.intn", "time.now_ns", "uuid.rfc4122"].contains(name) {
      members.append(("nondeterministic", .bool(true)))
    }
    return .record(members)
  }
}

extension Value {
  fileprivate static func record(_ members: [(String, Value)]) -> Value {
    .object(ObjectValue(members.map { (.string($0.0), $0.1) }))
  }
}

extension FunctionType {
  fileprivate var document: Value {
    .record([
      ("args", .array(arguments.map(\.document))), ("result", result.document),
      ("type", .string("function")),
    ])
  }
}

extension PolicyType {
  fileprivate var document: Value {
    switch self {
    case .null, .boolean, .number, .string: .record([("type", .string(description))])
    case .array(let first, let rest):
      .record(
        [("type", .string("array"))]
          + (first.isEmpty ? [] : [("static", .array(first.map(\.document)))])
          + (rest.map { [("dynamic", $0.document)] } ?? []))
    case .set(let element): .record([("of", element.document), ("type", .string("set"))])
    case .object(let members, let others):
      .record(
        [("type", .string("object"))]
          + (members.isEmpty ? [] : [("static", Self.document(members))])
          + (others.map { [("dynamic", $0.document)] } ?? []))
    case .any(let types):
      .record(
        [("type", .string("any"))]
          + (types.isEmpty ? [] : [("of", .array(Self.ordered(types).map(\.document)))]))
    }
  }

  private static func document(_ members: [Value: PolicyType]) -> Value {
    .array(
      members.sorted { $0.key < $1.key }.map {
        .record([("key", $0.key), ("value", $0.value.document)])
      })
  }
}

extension PolicyType.Others {
  fileprivate var document: Value { .record([("key", key.document), ("value", value.document)]) }
}
