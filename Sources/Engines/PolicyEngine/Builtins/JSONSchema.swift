/// A subset of JSON Schema (draft 7) for `json.match_schema`: `type`, `properties`, `required`,
/// `additionalProperties`, `items`, `enum`, `const`, bounds, lengths and `pattern`. A schema with
/// another keyword that could refuse is an error, so that nothing passes unchecked and no rule is
/// undefined for it.
struct JSONSchema {
  /// What is wrong with a document, shared by all who look.
  final class Findings {
    var values: [Value] = []
  }

  private let schema: Value

  private static let types = ["array", "boolean", "integer", "number", "null", "object", "string"]
  /// Keywords of any draft that may refuse a document; words that are none refuse nothing.
  private static let unsupported: Set<String> = [
    "$ref", "$dynamicRef", "$recursiveRef", "additionalItems", "allOf", "anyOf", "contains",
    "dependencies", "dependentRequired", "dependentSchemas", "else", "exclusiveMaximum",
    "exclusiveMinimum", "format", "if", "maxContains", "maxProperties", "minContains",
    "minProperties", "multipleOf", "not", "oneOf", "patternProperties", "prefixItems",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties", "uniqueItems",
  ]

  /// The first keyword of a schema that is not supported; nil: none, or no schema at all.
  static func unsupportedKeyword(_ schema: Value) -> String? {
    do {
      _ = try JSONSchema(schema)
    } catch let error as BuiltinFailure where error.endsEvaluation {
      return error.message
    } catch {
      return nil
    }
    return nil
  }

  init(_ value: Value) throws {
    schema = try Self.document(value)
    try Self.check(schema)
  }

  /// Objects as they are, texts as JSON.
  static func document(_ value: Value) throws -> Value {
    switch value {
    case .string(let text):
      do {
        return try Value.parse(json: text.utf8)
      } catch {
        throw BuiltinFailure.value("invalid JSON string: \(error.reason)")
      }
    case .object: return value.jsonValue
    default: throw BuiltinFailure.type("wrong type, expected string or object")
    }
  }

  private static func check(_ schema: Value) throws {
    guard case .object(let members) = schema else {
      if case .bool = schema { return }
      throw BuiltinFailure.value("schema is invalid")
    }
    for member in members.members {
      guard case .string(let keyword) = member.key else { continue }
      switch (keyword, member.value) {
      case ("type", .string(let name)): try checkType(name)
      case ("type", .array(let names)):
        for case .string(let name) in names { try checkType(name) }
      case ("properties", .object(let properties)):
        for property in properties.members { try check(property.value) }
      case ("items", .array):
        throw BuiltinFailure.unsupported("a list as items of JSON Schema is not supported")
      case ("items", _), ("additionalProperties", _): try check(member.value)
      case ("pattern", .string(let source)):
        guard (try? Pattern(source)) != nil else {
          throw BuiltinFailure.value("pattern must be a valid regex")
        }
      case ("required", .array): break
      case ("type", _), ("properties", _), ("required", _), ("pattern", _):
        throw BuiltinFailure.value("\(keyword) is of an invalid type")
      default:
        guard !unsupported.contains(keyword) else {
          throw BuiltinFailure.unsupported("keyword \(keyword) of JSON Schema is not supported")
        }
      }
    }
  }

  private static func checkType(_ name: String) throws {
    guard types.contains(name) else {
      throw BuiltinFailure.value(
        "has a primitive type that is NOT VALID -- given: /\(name)/ Expected valid values "
          + "are:[\(types.joined(separator: " "))]")
    }
  }

  /// Adds what is wrong with a document.
  func validate(_ document: Value, _ errors: Findings, _ context: inout BuiltinContext) throws {
    try validate(document, schema, "(root)", errors, &context)
  }

  private func validate(
    _ value: Value, _ schema: Value, _ field: String, _ errors: Findings,
    _ context: inout BuiltinContext
  ) throws {
    try context.charge(4)
    func fail(_ type: String, _ description: String) {
      errors.values.append(
        .object(
          ObjectValue([
            (.string("desc"), .string(description)),
            (.string("error"), .string("\(field): \(description)")),
            (.string("field"), .string(field)), (.string("type"), .string(type)),
          ])))
    }
    guard case .object(let rules) = schema else {
      if schema == .bool(false) { fail("false", "No value is allowed") }
      return
    }
    let allowed: [String] =
      switch rules["type"] {
      case .string(let name)?: [name]
      case .array(let names)?:
        names.compactMap { if case .string(let name) = $0 { name } else { nil } }
      default: []
      }
    if !allowed.isEmpty, !allowed.contains(where: { isType($0, value) }) {
      fail(
        "invalid_type",
        "Invalid type. Expected: \(allowed.joined(separator: ",")), given: \(typeName(value))")
      return
    }
    if case .array(let choices)? = rules["enum"], !choices.contains(value) {
      let list = choices.map(\.jsonText).joined(separator: ", ")
      fail("enum", "\(field) must be one of the following: \(list)")
    }
    if let constant = rules["const"], constant != value {
      fail("const", "\(field) does not match: \(constant.jsonText)")
    }
    switch value {
    case .object(let object): try validate(object, rules, field, fail, errors, &context)
    case .array(let elements):
      bounds(elements.count, rules, "minItems", "maxItems", fail)
      guard let items = rules["items"] else { return }
      for (index, element) in elements.enumerated() {
        try validate(element, items, Self.inner(field, "\(index)"), errors, &context)
      }
    case .string(let text):
      bounds(text.unicodeScalars.count, rules, "minLength", "maxLength", fail)
      if case .string(let source)? = rules["pattern"], let pattern = try? Pattern(source),
        try pattern.firstMatch(in: Array(text.unicodeScalars), &context) == nil
      {
        fail("pattern", "Does not match pattern '\(source)'")
      }
    case .number(let number):
      if case .number(let least)? = rules["minimum"], number < least {
        fail("number_gte", "Must be greater than or equal to \(least)")
      }
      if case .number(let most)? = rules["maximum"], most < number {
        fail("number_lte", "Must be less than or equal to \(most)")
      }
    case .null, .bool, .set: break
    }
  }

  private func validate(
    _ object: ObjectValue, _ rules: ObjectValue, _ field: String, _ fail: (String, String) -> Void,
    _ errors: Findings, _ context: inout BuiltinContext
  ) throws {
    if case .array(let names)? = rules["required"] {
      for case .string(let name) in names where object[name] == nil {
        fail("required", "\(name) is required")
      }
    }
    var properties = ObjectValue.empty
    if case .object(let present)? = rules["properties"] { properties = present }
    for member in object.members {
      guard case .string(let name) = member.key else { continue }
      if let schema = properties[name] {
        try validate(member.value, schema, Self.inner(field, name), errors, &context)
      } else if rules["additionalProperties"] == .bool(false) {
        fail("additional_property_not_allowed", "Additional property \(name) is not allowed")
      } else if let schema = rules["additionalProperties"] {
        try validate(member.value, schema, Self.inner(field, name), errors, &context)
      }
    }
  }

  private static func inner(_ field: String, _ name: String) -> String {
    field == "(root)" ? name : "\(field).\(name)"
  }

  private func bounds(
    _ count: Int, _ rules: ObjectValue, _ least: String, _ most: String,
    _ fail: (String, String) -> Void
  ) {
    if case .number(let bound)? = rules[least], Number(count) < bound {
      fail(least, "Must be at least \(bound) long")
    }
    if case .number(let bound)? = rules[most], bound < Number(count) {
      fail(most, "Must be at most \(bound) long")
    }
  }

  private func typeName(_ value: Value) -> String {
    if case .number(let number) = value { return number.isInteger ? "integer" : "number" }
    return value.typeName
  }

  private func isType(_ name: String, _ value: Value) -> Bool {
    name == typeName(value) || (name == "number" && value.rank == 2)
  }
}
