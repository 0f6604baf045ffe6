import Yams

extension Value {
  /// Reads one YAML document, as the `yaml.unmarshal` of policies does.
  /// - Throws: `PolicyError`, also beyond a limit.
  package static func parse(yaml text: String) throws(PolicyError) -> Value {
    var context = BuiltinContext(nanoseconds: 0, seed: 0, budget: .standard)
    do {
      return try YAMLText.parse(text, &context)
    } catch let error as BuiltinFailure {
      throw PolicyError(code: "eval_builtin_error", message: error.message, location: nil)
    } catch {
      throw PolicyError(code: "eval_budget_error", message: "document is too large", location: nil)
    }
  }
}

/// YAML as OPA reads it: JSON's kinds only, numbers kept exact.
enum YAMLText {
  /// Longest text, in bytes, and most nodes, those that aliases repeat counted each time: without
  /// it ten lines make a billion laughs.
  static let bytesMax = 1 << 20
  static let nodesMax = 100_000

  static func parse(_ text: String, _ context: inout BuiltinContext) throws -> Value {
    guard text.utf8.count <= bytesMax else { throw BuiltinFailure.bare("yaml: text is too long") }
    try context.charge(text.utf8.count)
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw BuiltinFailure.bare("yaml: \(message(error))")
    }
    guard let node else { return .null }
    var left = nodesMax
    return try value(node, &left, 0)
  }

  private static func message(_ error: YamlError) -> String {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _):
      "line \((context?.mark ?? mark).line): \(problem)"
    default: "malformed"
    }
  }

  private static func value(_ node: Node, _ left: inout Int, _ depth: Int) throws -> Value {
    left -= 1
    guard left > 0, depth < Value.jsonDepthMax else {
      throw BuiltinFailure.bare("yaml: document is too large")
    }
    switch node {
    case .sequence(let sequence):
      return .array(try sequence.map { try value($0, &left, depth + 1) })
    case .mapping(let mapping): return try object(mapping, &left, depth)
    case .scalar(let scalar): return value(scalar)
    case .alias: throw BuiltinFailure.bare("yaml: unknown anchor")
    }
  }

  /// Keys become strings; `<<` takes over the members of other mappings that are not given here.
  private static func object(_ mapping: Node.Mapping, _ left: inout Int, _ depth: Int) throws
    -> Value
  {
    var object = ObjectValue.empty
    var members: [(Value, Value)] = []
    for (key, member) in mapping {
      guard case .scalar(let scalar) = key else {
        throw BuiltinFailure.bare("yaml: keys must be scalars")
      }
      let value = try value(member, &left, depth + 1)
      if scalar.string == "<<", scalar.style == .plain {
        let sources = if case .array(let elements) = value { elements } else { [value] }
        for case .object(let source) in sources {
          for inherited in source.members where object[inherited.key] == nil {
            object[inherited.key] = inherited.value
          }
        }
        continue
      }
      let name: Value = .string(self.value(scalar).keyText)
      members.append((name, value))
    }
    guard object.count > 0 else { return .object(ObjectValue(members)) }
    for (key, value) in members { object[key] = value }
    return .object(object)
  }

  private static func value(_ scalar: Node.Scalar) -> Value {
    guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
    switch scalar.string {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
      return .bool(true)
    case "false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF":
      return .bool(false)
    default: return number(scalar.string).map(Value.number) ?? .string(scalar.string)
    }
  }

  /// A number of YAML 1.1, which OPA's reader goes by: JSON's, `+1`, `.5`, `1_000`, and integers
  /// in hexadecimal, octal and binary.
  private static func number(_ text: String) -> Number? {
    guard let first = text.utf8.first, (43...57).contains(first) else { return nil }
    var digits = text.replacing("_", with: "")
    let isNegative = digits.hasPrefix("-")
    if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
    guard digits.utf8.first.map({ (46...57).contains($0) && $0 != 47 }) ?? false else { return nil }
    var number: Number?
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] where digits.hasPrefix(prefix) {
      number = Int64(digits.dropFirst(2), radix: radix).map { Number($0) }
    }
    if number == nil, digits.hasPrefix("0"), digits.utf8.allSatisfy({ (48...55).contains($0) }) {
      number = Int64(digits, radix: 8).map { Number($0) }
    }
    if digits.hasPrefix(".") { digits = "0" + digits }
    if digits.hasSuffix(".") { digits.removeLast() }
    number = number ?? Number(spelled: digits.utf8)
    return isNegative ? number?.negated : number
  }

  static func text(_ value: Value, _ context: inout BuiltinContext) throws -> String {
    var text = ""
    try write(value.jsonValue, indent: 0, &text, &context)
    return text
  }

  private static func write(
    _ value: Value, indent: Int, _ text: inout String, _ context: inout BuiltinContext
  ) throws {
    let margin = String(repeating: "  ", count: indent)
    try context.allocate(margin.utf8.count + 8)
    switch value {
    case .object(let object) where object.count > 0:
      for member in object.members {
        text += margin + scalar(member.key) + ":"
        try writeMember(member.value, indent: indent + 1, &text, &context)
      }
    case .array(let elements) where !elements.isEmpty:
      for element in elements {
        text += margin + "-"
        try writeMember(element, indent: indent + 1, &text, &context)
      }
    default: text += margin + scalar(value) + "\n"
    }
  }

  private static func writeMember(
    _ value: Value, indent: Int, _ text: inout String, _ context: inout BuiltinContext
  ) throws {
    if (value.count ?? 0) > 0 {
      text += "\n"
      try write(value, indent: indent, &text, &context)
    } else {
      text += " " + scalar(value) + "\n"
    }
  }

  /// Plain where nothing else could be read into it, else quoted as JSON, which YAML includes.
  private static func scalar(_ value: Value) -> String {
    guard case .string(let string) = value else { return value.jsonText }
    let isPlain =
      string.utf8.allSatisfy { byte in
        switch byte {
        case 48...57, 65...90, 97...122, 95, UInt8(ascii: "/"), UInt8(ascii: "."): true
        default: false
        }
      } && self.value(Node.Scalar(string, .implicit, .plain)) == value
    return isPlain ? string : value.jsonText
  }
}
