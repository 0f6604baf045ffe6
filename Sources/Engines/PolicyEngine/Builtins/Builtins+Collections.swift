extension Builtins {
  static let collections: [Builtin] = arrays + sets + objects

  private static let arrays: [Builtin] = [
    Builtin("array.concat", 2) { _, values in
      .array(try Arguments(values).array(0) + (try Arguments(values).array(1)))
    },
    Builtin("array.slice", 3) { _, values in
      let arguments = Arguments(values)
      let elements = try arguments.array(0)
      let start = min(max(try arguments.int(1), 0), elements.count)
      let stop = min(max(try arguments.int(2), 0), elements.count)
      return .array(start < stop ? Array(elements[start..<stop]) : [])
    },
    Builtin("array.reverse", 1) { _, values in .array(try Arguments(values).array(0).reversed()) },
    Builtin("array.flatten", 1) { _, values in
      .array(
        try Arguments(values).array(0).flatMap { element in
          if case .array(let inner) = element { inner } else { [element] }
        })
    },
  ]

  private static let sets: [Builtin] = [
    Builtin("and", 2) { context, values in
      let (left, right) = (try Arguments(values).set(0), try Arguments(values).set(1))
      try context.charge(left.count)
      return .set(SetValue(sorted: left.members.filter(right.contains)))
    },
    Builtin("or", 2) { context, values in
      let (left, right) = (try Arguments(values).set(0), try Arguments(values).set(1))
      try context.charge(left.count + right.count)
      return .set(SetValue(left.members + right.members))
    },
    Builtin("union", 1) { context, values in
      var all: [Value] = []
      for set in try innerSets(Arguments(values)) {
        try context.charge(set.count + 1)
        all += set.members
      }
      return .set(SetValue(all))
    },
    Builtin("intersection", 1) { context, values in
      let sets = try innerSets(Arguments(values))
      guard var members = sets.first?.members else { return .set(.empty) }
      for set in sets.dropFirst() {
        try context.charge(members.count + 1)
        members = members.filter(set.contains)
      }
      return .set(SetValue(sorted: members))
    },
  ]

  private static func innerSets(_ arguments: Arguments) throws -> [SetValue] {
    try arguments.set(0).members.map { member in
      guard case .set(let set) = member else {
        throw BuiltinFailure.type(
          "operand 1 must be set of sets but got set containing \(member.typeName)")
      }
      return set
    }
  }

  private static let objects: [Builtin] = [
    Builtin("object.get", 3) { _, values in
      let object = try Arguments(values).object(0)
      if let value = object[values[1]] { return value }
      guard case .array(let path) = values[1] else { return values[2] }
      var current = values[0]
      for key in path {
        guard let next = current.member(key) else { return values[2] }
        current = next
      }
      return current
    },
    Builtin("object.keys", 1) { _, values in
      .set(SetValue(sorted: try Arguments(values).object(0).members.map(\.key)))
    },
    Builtin("object.filter", 2) { context, values in
      let object = try Arguments(values).object(0)
      let keys = SetValue(try Builtins.keys(Arguments(values)))
      try context.charge(object.count)
      return .object(object.filter { keys.contains($0.key) })
    },
    Builtin("object.remove", 2) { context, values in
      let object = try Arguments(values).object(0)
      let keys = SetValue(try Builtins.keys(Arguments(values)))
      try context.charge(object.count)
      return .object(object.filter { !keys.contains($0.key) })
    },
    Builtin("object.union", 2) { context, values in
      let (left, right) = (try Arguments(values).object(0), try Arguments(values).object(1))
      return .object(try union(left, right, &context))
    },
    Builtin("object.union_n", 1) { context, values in
      var result = ObjectValue.empty
      for element in try Arguments(values).array(0) {
        guard case .object(let object) = element else {
          throw BuiltinFailure.type(
            "operand 1 must be array of objects but got array containing \(element.typeName)")
        }
        result = try union(result, object, &context)
      }
      return .object(result)
    },
    Builtin("object.subset", 2) { context, values in
      switch (values[0], values[1]) {
      case (.object, .object), (.set, .set), (.array, .array):
        return .bool(try isSubset(values[1], of: values[0], &context))
      case (.array(let elements), .set(let set)):
        let all = SetValue(elements)
        return .bool(set.members.allSatisfy(all.contains))
      default:
        throw BuiltinFailure.type(
          "both arguments object.subset must be of the same type or array and set")
      }
    },
  ]

  private static func keys(_ arguments: Arguments) throws -> [Value] {
    if case .object(let object) = arguments[1] { return object.members.map(\.key) }
    return try arguments.elements(1, wanted: "one of {object, set, array}")
  }

  private static func union(
    _ left: ObjectValue, _ right: ObjectValue, _ context: inout BuiltinContext
  ) throws -> ObjectValue {
    try context.charge(left.count + right.count)
    try context.allocate(64 * (left.count + right.count))
    var pairs = left.members.map { ($0.key, $0.value) }
    for member in right.members {
      if case .object(let inner) = member.value, case .object(let outer)? = left[member.key] {
        pairs.append((member.key, .object(try union(outer, inner, &context))))
      } else {
        pairs.append((member.key, member.value))
      }
    }
    return ObjectValue(pairs)
  }

  /// Objects member by member, sets by membership, arrays as a run of neighbours.
  private static func isSubset(
    _ small: Value, of large: Value, _ context: inout BuiltinContext
  ) throws -> Bool {
    switch (small, large) {
    case (.object(let inner), .object(let outer)):
      try context.charge(inner.count)
      for member in inner.members {
        guard let other = outer[member.key] else { return false }
        if member.value.count != nil {
          guard try isSubset(member.value, of: other, &context) else { return false }
        } else if member.value != other {
          return false
        }
      }
      return true
    case (.set(let inner), .set(let outer)):
      try context.charge(inner.count)
      return inner.members.allSatisfy(outer.contains)
    case (.array(let inner), .array(let outer)):
      guard inner.count <= outer.count else { return false }
      try context.charge(outer.count * (inner.count / 8 + 1))
      return (0...outer.count - inner.count).contains {
        outer[$0..<$0 + inner.count].elementsEqual(inner)
      }
    default: return small == large
    }
  }

  static let types: [Builtin] = [
    Builtin("type_name", 1) { _, values in .string(values[0].typeName) },
    isType("is_null", "null"), isType("is_boolean", "boolean"), isType("is_number", "number"),
    isType("is_string", "string"), isType("is_array", "array"), isType("is_object", "object"),
    isType("is_set", "set"),
    Builtin("to_number", 1) { _, values in
      switch values[0] {
      case .null: return .integer(0)
      case .bool(let flag): return .integer(flag ? 1 : 0)
      case .number: return values[0]
      case .string(let text):
        guard let number = parsedNumber(text) else {
          throw BuiltinFailure.type("operand 1 must be a number or a string that is one")
        }
        return .number(number)
      default: throw BuiltinFailure.operand(1, "one of {null, boolean, number, string}", values[0])
      }
    },
    cast("cast_array") { value in
      switch value {
      case .array: value
      case .set(let set): .array(set.members)
      default: nil
      }
    },
    cast("cast_set") { value in
      switch value {
      case .set: value
      case .array(let elements): .set(SetValue(elements))
      default: nil
      }
    },
    cast("cast_string") { if case .string = $0 { $0 } else { nil } },
    cast("cast_boolean") { if case .bool = $0 { $0 } else { nil } },
    cast("cast_null") { if case .null = $0 { $0 } else { nil } },
    cast("cast_object") { if case .object = $0 { $0 } else { nil } },
  ]

  /// `+5`, `.5` and `5.` are numbers too, as in Go.
  private static func parsedNumber(_ text: String) -> Number? {
    var rest = Substring(text)
    let isNegative = rest.hasPrefix("-")
    if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
    if rest.hasPrefix(".") { rest = "0" + rest }
    if rest.hasSuffix(".") { rest = rest.dropLast() }
    return Number(spelled: ((isNegative ? "-" : "") + rest).utf8)
  }

  private static func isType(_ name: String, _ type: String) -> Builtin {
    Builtin(name, 1) { _, values in .bool(values[0].typeName == type) }
  }

  private static func cast(
    _ name: String, _ cast: @escaping @Sendable (Value) -> Value?
  ) -> Builtin {
    Builtin(name, 1) { _, values in
      guard let value = cast(values[0]) else {
        throw BuiltinFailure.operand(1, String(name.dropFirst(5)), values[0])
      }
      return value
    }
  }
}
