extension Builtins {
  static let comparison: [Builtin] = [
    Builtin("equal", 2) { _, values in .bool(values[0] == values[1]) },
    Builtin("neq", 2) { _, values in .bool(values[0] != values[1]) },
    Builtin("lt", 2) { _, values in .bool(values[0] < values[1]) },
    Builtin("lte", 2) { _, values in .bool(values[0].compared(to: values[1]) <= 0) },
    Builtin("gt", 2) { _, values in .bool(values[1] < values[0]) },
    Builtin("gte", 2) { _, values in .bool(values[0].compared(to: values[1]) >= 0) },
    Builtin("internal.member_2", 2) { context, values in
      switch values[1] {
      case .set(let set): return .bool(set.contains(values[0]))
      case .array(let elements):
        try context.charge(elements.count / 8)
        return .bool(elements.contains(values[0]))
      case .object(let object):
        try context.charge(object.count / 8)
        return .bool(object.members.contains { $0.value == values[0] })
      default: return .bool(false)
      }
    },
    Builtin("internal.member_3", 3) { _, values in
      .bool(values[2].count != nil && values[2].member(values[0]) == values[1])
    },
  ]

  private static func result(_ number: Number?) throws -> Value {
    guard let number else { throw BuiltinFailure.value("number is beyond the limit") }
    return .number(number)
  }

  static let numbers: [Builtin] = [
    Builtin("plus", 2) { _, values in
      let arguments = Arguments(values)
      return try result(try arguments.number(0).adding(try arguments.number(1)))
    },
    Builtin("minus", 2) { context, values in
      let arguments = Arguments(values)
      switch values[0] {
      case .set(let left):
        let right = try arguments.set(1)
        try context.charge(left.count)
        return .set(SetValue(sorted: left.members.filter { !right.contains($0) }))
      case .number(let left): return try result(left.subtracting(try arguments.number(1)))
      default: throw BuiltinFailure.operand(1, "one of {number, set}", values[0])
      }
    },
    Builtin("mul", 2) { _, values in
      let arguments = Arguments(values)
      return try result(try arguments.number(0).multiplied(by: try arguments.number(1)))
    },
    Builtin("div", 2) { _, values in
      let (left, right) = (try Arguments(values).number(0), try Arguments(values).number(1))
      guard right.int64 != 0 else { throw BuiltinFailure.bare("divide by zero") }
      return try result(left.divided(by: right))
    },
    Builtin("rem", 2) { _, values in
      let (left, right) = (try Arguments(values).number(0), try Arguments(values).number(1))
      guard let dividend = left.integer, let divisor = right.integer else {
        throw BuiltinFailure.bare("modulo on floating-point number")
      }
      guard !divisor.isZero else { throw BuiltinFailure.bare("modulo by zero") }
      return .number(Number(dividend.dividedTruncating(by: divisor).remainder))
    },
    Builtin("abs", 1) { _, values in
      let number = try Arguments(values).number(0)
      return .number(number.isNegative ? number.negated : number)
    },
    Builtin("round", 1) { _, values in
      .number(try Arguments(values).number(0).rounded(.halfAwayFromZero))
    },
    Builtin("ceil", 1) { _, values in .number(try Arguments(values).number(0).rounded(.up)) },
    Builtin("floor", 1) { _, values in .number(try Arguments(values).number(0).rounded(.down)) },
    Builtin("numbers.range", 2) { context, values in
      try range(Arguments(values), step: Number(Int64(1)), &context)
    },
    Builtin("numbers.range_step", 3) { context, values in
      let step = try Arguments(values).integer(2)
      guard Number(Int64(0)) < step else {
        throw BuiltinFailure.value("step must be a positive integer")
      }
      return try range(Arguments(values), step: step, &context)
    },
    bits("bits.and") { $0 & $1 }, bits("bits.or") { $0 | $1 }, bits("bits.xor") { $0 ^ $1 },
    Builtin("bits.negate", 1) { _, values in
      let value = try Arguments(values).integer(0).integer ?? .zero
      return .number(Number(-value - BigInteger(1)))
    },
    Builtin("bits.lsh", 2) { _, values in
      let (value, count) = try shift(Arguments(values))
      guard count <= Number.limbsMax * 32 else {
        throw BuiltinFailure.value("number is beyond the limit")
      }
      let shifted = value.shiftedLeft(count)
      guard shifted.limbs.count <= Number.limbsMax else {
        throw BuiltinFailure.value("number is beyond the limit")
      }
      return .number(Number(shifted))
    },
    Builtin("bits.rsh", 2) { _, values in
      let (value, count) = try shift(Arguments(values))
      return .number(Number(value.shiftedRight(count)))
    },
  ]

  private static func bits(
    _ name: String, _ operation: @escaping @Sendable (UInt32, UInt32) -> UInt32
  ) -> Builtin {
    Builtin(name, 2) { _, values in
      let (left, right) = (try Arguments(values).integer(0), try Arguments(values).integer(1))
      guard let first = left.integer, let second = right.integer else { return nil }
      return .number(Number(BigInteger.bitwise(first, second, operation)))
    }
  }

  private static func shift(_ arguments: Arguments) throws -> (BigInteger, Int) {
    let (value, count) = (try arguments.integer(0), try arguments.integer(1))
    guard !count.isNegative else {
      throw BuiltinFailure.type(
        "operand 2 must be an unsigned integer number but got a negative integer")
    }
    return (value.integer ?? .zero, count.int ?? .max)
  }

  private static func range(
    _ arguments: Arguments, step: Number, _ context: inout BuiltinContext
  ) throws -> Value {
    let (first, last) = (try arguments.integer(0), try arguments.integer(1))
    let isDown = last < first
    let delta = isDown ? step.negated : step
    var elements: [Value] = []
    var current = first
    while isDown ? last <= current : current <= last {
      try context.charge(1)
      try context.allocate(32)
      elements.append(.number(current))
      guard let next = current.adding(delta) else { break }
      current = next
    }
    return .array(elements)
  }

  static let aggregates: [Builtin] = [
    Builtin("count", 1) { _, values in
      if case .string(let text) = values[0] { return .integer(text.unicodeScalars.count) }
      guard let count = values[0].count else {
        throw BuiltinFailure.operand(1, "one of {array, object, set, string}", values[0])
      }
      return .integer(count)
    },
    Builtin("sum", 1) { context, values in
      try fold(Arguments(values), Number(Int64(0)), &context) { $0.adding($1) }
    },
    Builtin("product", 1) { context, values in
      try fold(Arguments(values), Number(Int64(1)), &context) { $0.multiplied(by: $1) }
    },
    Builtin("max", 1) { _, values in try Arguments(values).elements(0).max() },
    Builtin("min", 1) { _, values in try Arguments(values).elements(0).min() },
    Builtin("sort", 1) { context, values in
      let elements = try Arguments(values).elements(0)
      try context.charge(elements.count)
      return .array(elements.sorted())
    },
    Builtin("all", 1) { _, values in
      .bool(try Arguments(values).elements(0).allSatisfy { $0 == .bool(true) })
    },
    Builtin("any", 1) { _, values in
      .bool(try Arguments(values).elements(0).contains(.bool(true)))
    },
  ]

  private static func fold(
    _ arguments: Arguments, _ start: Number, _ context: inout BuiltinContext,
    _ combine: (Number, Number) -> Number?
  ) throws -> Value {
    var total = start
    for element in try arguments.elements(0) {
      guard case .number(let number) = element else {
        let container = arguments[0].typeName
        throw BuiltinFailure.type(
          "operand 1 must be \(container) of numbers but got \(container) containing "
            + element.typeName)
      }
      try context.charge(1)
      guard let next = combine(total, number) else {
        throw BuiltinFailure.value("number is beyond the limit")
      }
      total = next
    }
    return .number(total)
  }
}
