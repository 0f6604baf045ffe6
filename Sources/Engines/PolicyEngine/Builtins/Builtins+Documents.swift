extension Builtins {
  static let documents: [Builtin] = [
    Builtin("json.filter", 2) { context, values in
      let object = try Arguments(values).object(0)
      // The whole document is no path of a filter.
      let paths = try paths(Arguments(values)).filter { !$0.isEmpty }
      let tree = PathTree(paths, &context)
      return filtered(.object(object), tree)
    },
    Builtin("json.remove", 2) { context, values in
      let object = try Arguments(values).object(0)
      let tree = PathTree(try paths(Arguments(values)), &context)
      return removed(.object(object), tree)
    },
    Builtin("json.patch", 2) { context, values in
      var document = values[0]
      for operation in try Arguments(values).array(1) {
        guard case .object(let members) = operation else {
          throw BuiltinFailure.type(
            "operand 2 must be array of objects but got array containing \(operation.typeName)")
        }
        try context.charge(8)
        document = try JSONPatch(members).apply(to: document)
        try context.allocate(document.shallowBytes)
      }
      return document
    },
    Builtin("json.match_schema", 2) { context, values in
      let schema = try JSONSchema(values[1])
      let errors = JSONSchema.Findings()
      try schema.validate(try JSONSchema.document(values[0]), errors, &context)
      return .array([.bool(errors.values.isEmpty), .array(errors.values)])
    },
    Builtin("json.verify_schema", 1) { _, values in
      do {
        _ = try JSONSchema(values[0])
        return .array([.bool(true), .null])
      } catch let error as BuiltinFailure where !error.endsEvaluation {
        return .array([.bool(false), .string("jsonschema: \(error.message)")])
      }
    },
    Builtin("rego.parse_module", 2) { context, values in
      let arguments = Arguments(values)
      let (file, source) = (try arguments.string(0), try arguments.string(1))
      try context.charge(source.utf8.count)
      // Each word becomes a few small objects.
      try context.allocate(source.utf8.count * 64)
      do {
        return ModuleDocument.value(of: try Parser.module(source, file: file))
      } catch let error as PolicyError {
        throw BuiltinFailure.value("1 error occurred: \(error)")
      }
    },
  ]

  /// `a/b/0` with the escapes of RFC 6901, or an array of segments.
  private static func paths(_ arguments: Arguments) throws -> [[Value]] {
    try arguments.elements(1).map { path in
      switch path {
      case .string(let text): return pointer(text)
      case .array(let segments): return segments
      default:
        throw BuiltinFailure.type(
          "operand 2 must be one of {set, array} containing string paths or array of path "
            + "segments but got \(path.typeName)")
      }
    }
  }

  static func pointer(_ text: String) -> [Value] {
    guard !text.isEmpty else { return [] }
    // "/" is the member whose name is empty (RFC 6901 §5).
    let rest = text.drop { $0 == "/" }
    return rest.split(separator: "/", omittingEmptySubsequences: false).map { segment in
      .string(
        segment.split(separator: "~1", omittingEmptySubsequences: false)
          .joined(separator: "/").split(separator: "~0", omittingEmptySubsequences: false)
          .joined(separator: "~"))
    }
  }

  /// Paths with their common beginnings shared.
  private final class PathTree {
    var children: [Value: PathTree] = [:]
    var isEnd = false

    init(_ paths: [[Value]], _ context: inout BuiltinContext) {
      for path in paths {
        var node = self
        for key in path {
          let next = node.children[key] ?? PathTree([], &context)
          node.children[key] = next
          node = next
        }
        node.isEnd = true
      }
    }

    /// The branch for a key; an index may be written as a text.
    func child(_ key: Value) -> PathTree? {
      if let child = children[key] { return child }
      guard case .number(let number) = key else { return nil }
      return children[.string(number.description)]
    }
  }

  private static func filtered(_ value: Value, _ tree: PathTree) -> Value {
    if tree.isEnd { return value }
    switch value {
    case .object(let object):
      return .object(
        ObjectValue(
          object.members.compactMap { member in
            tree.child(member.key).map { (member.key, filtered(member.value, $0)) }
          }))
    case .array(let elements):
      return .array(
        elements.enumerated().compactMap { index, element in
          tree.child(.integer(index)).map { filtered(element, $0) }
        })
    case .set(let set):
      return .set(
        SetValue(
          set.members.compactMap { member in tree.child(member).map { filtered(member, $0) } }))
    default: return value
    }
  }

  private static func removed(_ value: Value, _ tree: PathTree) -> Value {
    func kept(_ key: Value, _ member: Value) -> Value? {
      guard let branch = tree.child(key) else { return member }
      return branch.isEnd ? nil : removed(member, branch)
    }
    switch value {
    case .object(let object):
      return .object(
        ObjectValue(
          object.members.compactMap { member in
            kept(member.key, member.value).map { (member.key, $0) }
          }))
    case .array(let elements):
      return .array(
        elements.enumerated().compactMap { index, element in kept(.integer(index), element) })
    case .set(let set): return .set(SetValue(set.members.compactMap { kept($0, $0) }))
    default: return value
    }
  }
}

/// One operation of RFC 6902, extended to sets as OPA does.
struct JSONPatch {
  private let operation: String
  private let path: [Value]
  private let from: [Value]?
  private let value: Value?

  init(_ members: ObjectValue) throws {
    guard case .string(let operation)? = members["op"] else {
      throw BuiltinFailure.value("missing 'op' attribute")
    }
    guard let path = members["path"] else {
      throw BuiltinFailure.value("missing 'path' attribute")
    }
    self.operation = operation
    self.path = try Self.segments(path)
    from = try members["from"].map(Self.segments)
    value = members["value"]
  }

  private static func segments(_ path: Value) throws -> [Value] {
    switch path {
    case .string(let text): return Builtins.pointer(text)
    case .array(let segments): return segments
    default: throw BuiltinFailure.type("path must be a string or an array")
    }
  }

  private static let noPath = BuiltinFailure.value("patch path does not exist")

  func apply(to document: Value) throws -> Value {
    switch operation {
    case "add": return try add(try required(value), path, document)
    case "remove": return try remove(path[...], document).rest
    case "replace":
      let (rest, _) = try remove(path[...], document)
      return path.isEmpty ? try required(value) : try add(try required(value), path, rest)
    case "move":
      let (rest, moved) = try remove(try required(from)[...], document)
      return try add(moved, path, rest)
    case "copy":
      return try add(try find(try required(from)[...], document), path, document)
    case "test":
      guard try find(path[...], document) == (try required(value)) else { throw Self.noPath }
      return document
    default: throw BuiltinFailure.value("unrecognized op '\(operation)'")
    }
  }

  private func required<Member>(_ member: Member?) throws -> Member {
    guard let member else { throw BuiltinFailure.value("missing attribute of '\(operation)'") }
    return member
  }

  private func index(_ key: Value, upTo end: Int, allowsEnd: Bool) throws -> Int {
    var number = key
    if case .string(let text) = key {
      if text == "-", allowsEnd { return end }
      guard let index = Int(text), String(index) == text else { throw Self.noPath }
      number = .integer(index)
    }
    guard case .number(let position) = number, let index = position.int,
      index >= 0, index < end || (allowsEnd && index == end)
    else { throw Self.noPath }
    return index
  }

  /// The key as the container has it: an index for an array, a member for a set.
  private func child(_ key: Value, of container: Value) throws -> Value {
    switch container {
    case .array(let elements):
      return elements[try index(key, upTo: elements.count, allowsEnd: false)]
    case .object, .set:
      guard let child = container.member(key) else { throw Self.noPath }
      return child
    default: throw Self.noPath
    }
  }

  private func find(_ path: ArraySlice<Value>, _ value: Value) throws -> Value {
    guard let key = path.first else { return value }
    return try find(path.dropFirst(), try child(key, of: value))
  }

  private func replacing(_ key: Value, of container: Value, with value: Value) throws -> Value {
    switch container {
    case .array(var elements):
      elements[try index(key, upTo: elements.count, allowsEnd: false)] = value
      return .array(elements)
    case .object(var object):
      object[key] = value
      return .object(object)
    case .set(let set): return .set(SetValue(set.members.filter { $0 != key } + [value]))
    default: throw Self.noPath
    }
  }

  private func add(_ value: Value, _ path: [Value], _ document: Value) throws -> Value {
    try add(value, path[...], document)
  }

  private func add(_ value: Value, _ path: ArraySlice<Value>, _ container: Value) throws -> Value {
    guard let key = path.first else { return value }
    if path.count > 1 {
      let changed = try add(value, path.dropFirst(), try child(key, of: container))
      return try replacing(key, of: container, with: changed)
    }
    switch container {
    case .array(var elements):
      elements.insert(value, at: try index(key, upTo: elements.count, allowsEnd: true))
      return .array(elements)
    case .object(var object):
      object[key] = value
      return .object(object)
    case .set(let set):
      // The path must name the member that is added.
      guard key == value else { throw Self.noPath }
      return .set(SetValue(set.members + [value]))
    default: throw Self.noPath
    }
  }

  private func remove(_ path: ArraySlice<Value>, _ container: Value) throws
    -> (rest: Value, removed: Value)
  {
    guard let key = path.first else { return (.null, container) }
    let inner = try child(key, of: container)
    if path.count > 1 {
      let (rest, removed) = try remove(path.dropFirst(), inner)
      return (try replacing(key, of: container, with: rest), removed)
    }
    switch container {
    case .array(var elements):
      elements.remove(at: try index(key, upTo: elements.count, allowsEnd: false))
      return (.array(elements), inner)
    case .object(var object):
      object[key] = nil
      return (.object(object), inner)
    case .set(let set): return (.set(SetValue(set.members.filter { $0 != key })), inner)
    default: throw Self.noPath
    }
  }
}
