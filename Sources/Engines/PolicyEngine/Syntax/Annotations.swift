/// What a `# METADATA` block says about the rule or package that it stands before (OPA policy
/// language, "Metadata").
struct Annotations: Sendable {
  enum Scope: String, Sendable { case rule, document, package, subpackages }

  let location: Location
  private(set) var scope: Scope
  /// As `rego.metadata.rule` and `rego.metadata.chain` give it.
  let value: Value

  /// Most blocks of one file.
  static let blocksMax = 10_000

  /// A block of comments, as written.
  struct Block {
    let location: Location
    let yaml: String

    /// Blocks begin with `METADATA` and go on as long as each line is a comment from column 1 on.
    static func all(in comments: [Comment], _ bytes: [UInt8]) throws(PolicyError) -> [Block] {
      func text(_ comment: Comment) -> Substring {
        String(decoding: bytes[comment.range], as: UTF8.self).dropFirst()
      }
      var blocks: [Block] = []
      var index = 0
      while index < comments.count {
        let first = comments[index]
        index += 1
        guard text(first).drop(while: \.isWhitespace).hasPrefix("METADATA") else { continue }
        guard blocks.count < blocksMax else {
          throw PolicyError(
            code: "rego_parse_error", message: "more than \(blocksMax) metadata blocks",
            location: first.location)
        }
        var lines: [String] = []
        while index < comments.count, comments[index].location.column == 1,
          comments[index].location.line == comments[index - 1].location.line + 1
        {
          lines.append(String(text(comments[index])))
          index += 1
        }
        blocks.append(Block(location: first.location, yaml: lines.joined(separator: "\n")))
      }
      return blocks
    }
  }

  /// - Parameter isRule: what the block stands before: a rule, or a package.
  init(_ block: Block, isRule: Bool) throws(PolicyError) {
    location = block.location
    let document: Value
    do {
      document = try Value.parse(yaml: block.yaml)
    } catch {
      throw Self.failure(error.message, block.location)
    }
    guard case .object(let members) = document else {
      throw Self.failure("expected YAML mapping in metadata", block.location)
    }
    let reader = AnnotationReader(members: members, location: block.location)
    let isEntrypoint = try reader.flag("entrypoint")
    scope = isRule ? (isEntrypoint ? .document : .rule) : .package
    if let name = try reader.text("scope") {
      guard let named = Scope(rawValue: name) else {
        throw Self.failure(
          "invalid annotation scope '\(name)'. Use one of 'rule', 'document', 'package', or "
            + "'subpackages'", block.location)
      }
      scope = named
    }
    let wantsRule = scope == .rule || scope == .document
    guard wantsRule == isRule else {
      throw Self.failure(
        "annotation scope '\(scope.rawValue)' must be applied to "
          + (wantsRule ? "rule" : "package"), block.location)
    }
    if isEntrypoint, scope != .document, scope != .package {
      throw Self.failure(
        "annotation entrypoint applied to non-document or package scope '\(scope.rawValue)'",
        block.location)
    }
    value = try reader.value(scope: scope.rawValue, isEntrypoint: isEntrypoint)
  }

  fileprivate static func failure(_ message: String, _ location: Location) -> PolicyError {
    PolicyError(code: "rego_parse_error", message: message, location: location)
  }
}

/// Reads the members of a metadata block; those that nobody knows are left out.
private struct AnnotationReader {
  let members: ObjectValue
  let location: Location

  private func failure(_ message: String) -> PolicyError {
    Annotations.failure(message, location)
  }

  func text(_ name: String) throws(PolicyError) -> String? {
    switch members[name] {
    case nil, .null?: return nil
    case .string(let text)?: return text.isEmpty ? nil : text
    case .number(let number)?: return number.description
    case .bool(let flag)?: return "\(flag)"
    case _?: throw failure("\(name) must be a string")
    }
  }

  func flag(_ name: String) throws(PolicyError) -> Bool {
    switch members[name] {
    case nil, .null?: return false
    case .bool(let flag)?: return flag
    case _?: throw failure("\(name) must be a boolean")
    }
  }

  private func list(_ name: String) throws(PolicyError) -> [Value] {
    switch members[name] {
    case nil, .null?: return []
    case .array(let elements)?: return elements
    case _?: throw failure("\(name) must be a list")
    }
  }

  func value(scope: String, isEntrypoint: Bool) throws(PolicyError) -> Value {
    var result: [(Value, Value)] = [(.string("scope"), .string(scope))]
    if isEntrypoint { result.append((.string("entrypoint"), .bool(true))) }
    for name in ["title", "description"] {
      if let text = try text(name) { result.append((.string(name), .string(text))) }
    }
    for name in ["organizations", "related_resources", "authors", "schemas"] {
      var elements: [Value] = []
      for element in try list(name) {
        switch name {
        case "related_resources": elements.append(try resource(element))
        case "authors": elements.append(try author(element))
        case "schemas": elements.append(try schema(element))
        default:
          guard case .string = element else { throw failure("\(name) must be a list of strings") }
          elements.append(element)
        }
      }
      if !elements.isEmpty { result.append((.string(name), .array(elements))) }
    }
    switch members["custom"] {
    case nil, .null?: break
    case .object(let custom)?:
      if custom.count > 0 { result.append((.string("custom"), .object(custom))) }
    case _?: throw failure("custom must be a mapping")
    }
    return .object(ObjectValue(result))
  }

  /// Names and texts that are not empty.
  private func texts(_ object: ObjectValue, _ names: [String]) -> [(Value, Value)] {
    names.compactMap { name in
      guard case .string(let text)? = object[name], !text.isEmpty else { return nil }
      return (.string(name), .string(text))
    }
  }

  private func resource(_ value: Value) throws(PolicyError) -> Value {
    switch value {
    case .string(let address) where !address.isEmpty:
      return .object(ObjectValue([(.string("ref"), value)]))
    case .object(let object):
      let members = ObjectValue(texts(object, ["ref", "description"]))
      guard members["ref"] != nil else { throw failure("'ref' value required in object") }
      return .object(members)
    case .string: throw failure("ref URL may not be empty string")
    default: throw failure("invalid value type, must be string or map")
    }
  }

  /// `Name Name <address>`, or a mapping.
  private func author(_ value: Value) throws(PolicyError) -> Value {
    switch value {
    case .string(let text):
      var words = text.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let last = words.last else { throw failure("author is an empty string") }
      var members: [(Value, Value)] = []
      if last.hasPrefix("<"), last.hasSuffix(">"), last.count > 1 {
        words.removeLast()
        members.append((.string("email"), .string(String(last.dropFirst().dropLast()))))
      }
      if !words.isEmpty {
        members.append((.string("name"), .string(words.joined(separator: " "))))
      }
      return .object(ObjectValue(members))
    case .object(let object):
      let members = texts(object, ["name", "email"])
      guard !members.isEmpty else {
        throw failure("'name' and/or 'email' values required in object")
      }
      return .object(ObjectValue(members))
    default: throw failure("invalid value type, must be string or map")
    }
  }

  /// `input.a: schema.b`, or a schema itself in place of its name.
  private func schema(_ value: Value) throws(PolicyError) -> Value {
    guard case .object(let object) = value, object.count == 1,
      case .string(let path) = object.members[0].key
    else { throw failure("invalid schema definition") }
    var members: [(Value, Value)] = [(.string("path"), try reference(path))]
    switch object.members[0].value {
    case .string(let name): members.append((.string("schema"), try reference(name)))
    case let definition: members.append((.string("definition"), definition))
    }
    return .object(ObjectValue(members))
  }

  private func reference(_ text: String) throws(PolicyError) -> Value {
    guard let body = try? Parser.query(text), body.count == 1, case .term(let term) = body[0].kind,
      let (name, keys) = term.constantPath
    else { throw failure("invalid reference '\(text)'") }
    return .array([.string(name)] + keys)
  }
}
