import PolicyEngine

/// What is done to a base document (OPA Data API; RFC 6902 §4 as far as OPA takes it).
enum DocumentEdit: Sendable {
  case add(Value)
  case replace(Value)
  case remove
}

extension PolicyStore {
  /// Nil where there is no base document.
  func document(at path: [String]) -> Value? {
    var value = data
    for name in path {
      guard let next = value.child(name) else { return nil }
      value = next
    }
    return value
  }

  /// Creates or overwrites a document, and what is missing above it.
  /// - Returns: false where it is there and `onlyNew` was asked for.
  mutating func putDocument(_ path: [String], _ value: Value, onlyNew: Bool) throws(PolicyRefusal)
    -> Bool
  {
    try checkOwner(of: path)
    if document(at: path) != nil {
      if onlyNew { return false }
      try edit([(path, .replace(value))])
      return true
    }
    var above = data
    var made = ArraySlice(path)
    while let name = made.first, let next = above.child(name) {
      above = next
      made = made.dropFirst()
    }
    guard case .object = above else { throw .conflict(path.dropLast(max(made.count - 1, 1))) }
    let new = made.dropFirst().reversed().reduce(value) { .record([($1, $0)]) }
    try edit([(Array(path.prefix(path.count - made.count + 1)), .add(new))])
    return true
  }

  mutating func deleteDocument(_ path: [String]) throws(PolicyRefusal) {
    try checkOwner(of: path)
    guard document(at: path) != nil else { throw .missing(Self.absent(path)) }
    try edit([(path, .remove)])
  }

  /// - Parameter operations: the body of `PATCH`, a JSON Patch.
  mutating func patchDocument(_ path: [String], _ operations: Value) throws(PolicyRefusal) {
    guard case .array(let operations) = operations else {
      throw .invalid("a JSON Patch is an array of operations")
    }
    var edits: [([String], DocumentEdit)] = []
    for operation in operations {
      guard case .object(let members) = operation, case .string(let name)? = members["op"],
        case .string(let pointer)? = members["path"]
      else { throw .invalid("an operation of a JSON Patch has members 'op' and 'path'") }
      let place = path + (try Self.names(pointer))
      try checkOwner(of: place)
      switch (name, members["value"]) {
      case ("remove", _): edits.append((place, .remove))
      case ("add", let value?): edits.append((place, .add(value)))
      case ("replace", let value?): edits.append((place, .replace(value)))
      case ("add", nil), ("replace", nil): throw .invalid("operation \(name) has no value")
      default: throw .invalid("bad patch operation: \(name)")
      }
    }
    try edit(edits)
  }

  /// The names of a JSON Pointer (RFC 6901 §4); the slash in front may be missing, as in OPA.
  static func names(_ pointer: String) throws(PolicyRefusal) -> [String] {
    var names: [String] = []
    for part in pointer.split(separator: "/") {
      let isEscaped = part.contains("~")
      if isEscaped {
        let rest = part.replacing("~0", with: "").replacing("~1", with: "")
        guard !rest.contains("~") else { throw .invalid("bad patch path: \(pointer)") }
      }
      names.append(
        isEscaped
          ? String(part).replacing("~1", with: "/").replacing("~0", with: "~") : String(part))
    }
    return names
  }

  private static func absent(_ path: some Sequence<String>) -> String {
    "/\(path.joined(separator: "/")): document does not exist"
  }

  /// All of the edits or none.
  private mutating func edit(_ edits: [([String], DocumentEdit)]) throws(PolicyRefusal) {
    var changed = self
    for (path, edit) in edits {
      if path.isEmpty, case .remove = edit {
        throw .invalid("storage_invalid_patch_error: root cannot be removed")
      }
      guard let data = changed.data.edited(path[...], edit) else {
        throw .missing(Self.absent(path))
      }
      guard case .object = data else {
        throw .invalid("storage_invalid_patch_error: root must be object")
      }
      changed.data = data
    }
    try changed.checkDocuments()
    self = changed
  }
}

extension Value {
  func child(_ name: String) -> Value? {
    switch self {
    case .object(let object): object[name]
    case .array(let elements):
      Int(name).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
    case .null, .bool, .number, .string, .set: nil
    }
  }

  /// Nil where the place does not exist.
  fileprivate func edited(_ path: ArraySlice<String>, _ edit: DocumentEdit) -> Value? {
    guard let name = path.first else {
      switch edit {
      case .add(let value), .replace(let value): return value
      case .remove: return nil
      }
    }
    let rest = path.dropFirst()
    switch self {
    case .object(var object):
      if !rest.isEmpty {
        guard let inner = object[name]?.edited(rest, edit) else { return nil }
        object[.string(name)] = inner
        return .object(object)
      }
      switch edit {
      case .add(let value): object[.string(name)] = value
      case .replace(let value):
        guard object[name] != nil else { return nil }
        object[.string(name)] = value
      case .remove:
        guard object[name] != nil else { return nil }
        object[.string(name)] = nil
      }
      return .object(object)
    case .array(var elements):
      if rest.isEmpty, case .add(let value) = edit {
        guard let place = name == "-" ? elements.count : Int(name),
          (0...elements.count).contains(place)
        else { return nil }
        elements.insert(value, at: place)
        return .array(elements)
      }
      guard let place = Int(name), elements.indices.contains(place) else { return nil }
      if !rest.isEmpty {
        guard let inner = elements[place].edited(rest, edit) else { return nil }
        elements[place] = inner
        return .array(elements)
      }
      switch edit {
      case .add, .remove: elements.remove(at: place)
      case .replace(let value): elements[place] = value
      }
      return .array(elements)
    case .null, .bool, .number, .string, .set: return nil
    }
  }
}
