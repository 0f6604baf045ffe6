/// Text is cut and counted by Unicode scalars, as Go does by runes.
extension Builtins {
  static let strings: [Builtin] = [
    Builtin("concat", 2) { context, values in
      let (separator, parts) = (
        try Arguments(values).string(0), try Arguments(values).strings(1)
      )
      let bytes = parts.reduce(0) { $0 + $1.utf8.count + separator.utf8.count }
      try context.allocate(bytes)
      return .string(parts.joined(separator: separator))
    },
    Builtin("contains", 2) { context, values in
      let (text, part) = try twoTexts(values, &context)
      return .bool(text.firstIndex(of: part) != nil)
    },
    Builtin("startswith", 2) { _, values in
      let (text, part) = (try Arguments(values).string(0), try Arguments(values).string(1))
      return .bool(text.utf8.starts(with: part.utf8))
    },
    Builtin("endswith", 2) { _, values in
      let (text, part) = (try Arguments(values).string(0), try Arguments(values).string(1))
      return .bool(text.utf8.reversed().starts(with: part.utf8.reversed()))
    },
    Builtin("indexof", 2) { context, values in
      let (text, part) = try twoScalars(values, &context)
      guard !part.isEmpty else { throw BuiltinFailure.bare("empty search character") }
      return .integer(text.firstIndex(of: part) ?? -1)
    },
    Builtin("indexof_n", 2) { context, values in
      let (text, part) = try twoScalars(values, &context)
      guard !part.isEmpty else { throw BuiltinFailure.bare("empty search character") }
      guard text.count >= part.count else { return .array([]) }
      return .array(
        (0...text.count - part.count).filter { text[$0...].starts(with: part) }
          .map(Value.integer))
    },
    Builtin("lower", 1) { _, values in
      .string(try mapped(try Arguments(values).string(0)) { $0.lowercaseMapping })
    },
    Builtin("upper", 1) { _, values in
      .string(try mapped(try Arguments(values).string(0)) { $0.uppercaseMapping })
    },
    Builtin("replace", 3) { context, values in
      let arguments = Arguments(values)
      return .string(
        try replaced(
          try arguments.string(0), [(try arguments.string(1), try arguments.string(2))], &context))
    },
    Builtin("strings.replace_n", 2) { context, values in
      let pairs = try Arguments(values).object(0).members.map { member in
        guard case .string(let old) = member.key else {
          throw BuiltinFailure.type("operand 1 non-string key found in pattern object")
        }
        guard case .string(let new) = member.value else {
          throw BuiltinFailure.type("operand 1 non-string value found in pattern object")
        }
        return (old, new)
      }
      return .string(try replaced(try Arguments(values).string(1), pairs, &context))
    },
    Builtin("split", 2) { context, values in
      let (text, separator) = try twoTexts(values, &context)
      return .array(split(text, separator).map { .string(String(decoding: $0, as: UTF8.self)) })
    },
    Builtin("sprintf", 2) { context, values in
      let format = try Arguments(values).string(0)
      var writer = GoFormat(format: format, arguments: try Arguments(values).array(1))
      return .string(try writer.formatted(&context))
    },
    Builtin("strings.reverse", 1, shownName: "reverse") { _, values in
      .string(text(try Arguments(values).string(0).unicodeScalars.reversed()))
    },
    Builtin("strings.count", 2) { context, values in
      let (text, part) = try twoTexts(values, &context)
      guard !part.isEmpty else {
        return .integer(try Arguments(values).string(0).unicodeScalars.count + 1)
      }
      return .integer(split(text, part).count - 1)
    },
    anyMatch("strings.any_prefix_match") { $0.utf8.starts(with: $1.utf8) },
    anyMatch("strings.any_suffix_match") { $0.utf8.reversed().starts(with: $1.utf8.reversed()) },
    Builtin("substring", 3) { _, values in
      let arguments = Arguments(values)
      let scalars = Array(try arguments.string(0).unicodeScalars)
      let (offset, length) = (try arguments.int(1), try arguments.int(2))
      guard offset >= 0 else { throw BuiltinFailure.bare("negative offset") }
      let rest = scalars.dropFirst(offset)
      return .string(text(length < 0 ? rest : rest.prefix(length)))
    },
    Builtin("trim", 2) { _, values in .string(try trimmed(values, left: true, right: true)) },
    Builtin("trim_left", 2) { _, values in .string(try trimmed(values, left: true, right: false)) },
    Builtin("trim_right", 2) { _, values in .string(try trimmed(values, left: false, right: true))
    },
    Builtin("trim_prefix", 2) { _, values in
      let (text, part) = (try Arguments(values).string(0), try Arguments(values).string(1))
      guard text.utf8.starts(with: part.utf8) else { return .string(text) }
      return .string(String(decoding: Array(text.utf8.dropFirst(part.utf8.count)), as: UTF8.self))
    },
    Builtin("trim_suffix", 2) { _, values in
      let (text, part) = (try Arguments(values).string(0), try Arguments(values).string(1))
      guard text.utf8.reversed().starts(with: part.utf8.reversed()) else { return .string(text) }
      return .string(String(decoding: Array(text.utf8.dropLast(part.utf8.count)), as: UTF8.self))
    },
    Builtin("trim_space", 1) { _, values in
      let scalars = try Arguments(values).string(0).unicodeScalars
      let trimmed = scalars.drop { $0.properties.isWhitespace }.reversed()
        .drop { $0.properties.isWhitespace }.reversed()
      return .string(text(Array(trimmed)))
    },
    Builtin("format_int", 2) { _, values in
      let (number, base) = (try Arguments(values).number(0), try Arguments(values).int(1))
      guard [2, 8, 10, 16].contains(base) else {
        throw BuiltinFailure.type("operand 2 must be one of {2, 8, 10, 16}")
      }
      let whole = number.isNegative ? number.rounded(.up) : number.rounded(.down)
      return .string(text(whole.integer ?? .zero, base: base))
    },
    Builtin("strings.render_template", 2) { context, values in
      var template = TextTemplate(source: try Arguments(values).string(0), root: values[1])
      return .string(try template.rendered(&context))
    },
  ]

  static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }

  /// Scalar by scalar, as Go does: one that would become several stays as it is.
  private static func mapped(
    _ text: String, _ map: (Unicode.Scalar.Properties) -> String
  ) throws -> String {
    self.text(
      text.unicodeScalars.map { scalar in
        let mapping = map(scalar.properties).unicodeScalars
        if mapping.count == 1, let only = mapping.first { return only }
        // The one small letter for a capital of its own that is dotted.
        return scalar == "\u{130}" && mapping.first == "i" ? "i" : scalar
      })
  }

  /// An integer in base 2, 8, 10 or 16.
  static func text(_ integer: BigInteger, base: Int) -> String {
    let sign = integer.isNegative ? "-" : ""
    guard base != 10 else { return sign + String(decoding: integer.digits, as: UTF8.self) }
    var rest = integer.limbs
    var digits = ""
    repeat {
      let digit = BigInteger.divideSmall(&rest, by: UInt32(base))
      digits += String(digit, radix: base)
    } while !rest.isEmpty
    return sign + String(digits.reversed())
  }

  private static func twoTexts(_ values: [Value], _ context: inout BuiltinContext) throws
    -> ([UInt8], [UInt8])
  {
    let (text, part) = (try Arguments(values).string(0), try Arguments(values).string(1))
    // Searching is linear in practice and a product at worst.
    try context.charge(text.utf8.count / 16 * (part.utf8.count / 16 + 1))
    return (Array(text.utf8), Array(part.utf8))
  }

  private static func twoScalars(_ values: [Value], _ context: inout BuiltinContext) throws
    -> ([Unicode.Scalar], [Unicode.Scalar])
  {
    let (text, part) = (try Arguments(values).string(0), try Arguments(values).string(1))
    try context.charge(text.utf8.count / 16 * (part.utf8.count / 16 + 1))
    return (Array(text.unicodeScalars), Array(part.unicodeScalars))
  }

  private static func split(_ text: [UInt8], _ separator: [UInt8]) -> [ArraySlice<UInt8>] {
    guard !separator.isEmpty else {
      return String(decoding: text, as: UTF8.self).unicodeScalars.map {
        ArraySlice(String($0).utf8)
      }
    }
    var parts: [ArraySlice<UInt8>] = []
    var rest = text[...]
    while let index = rest.firstIndex(of: separator) {
      parts.append(rest[..<index])
      rest = rest[(index + separator.count)...]
    }
    return parts + [rest]
  }

  /// At each place the first pair that fits wins; an empty text fits before every scalar.
  private static func replaced(
    _ text: String, _ pairs: [(String, String)], _ context: inout BuiltinContext
  ) throws -> String {
    let source = Array(text.utf8)
    let pairs = pairs.map { (old: Array($0.0.utf8), new: Array($0.1.utf8)) }
    var result: [UInt8] = []
    var position = 0
    var spent = 0
    var followsMatch = false
    while position <= source.count {
      let isBoundary = position == source.count || source[position] & 0xc0 != 0x80
      let match = pairs.first { pair in
        pair.old.isEmpty
          ? isBoundary && !(followsMatch && pairs.count > 1)
          : source[position...].starts(with: pair.old)
      }
      followsMatch = false
      if let match {
        result += match.new
        if !match.old.isEmpty {
          position += match.old.count
          followsMatch = true
          continue
        }
      }
      if position < source.count { result.append(source[position]) }
      position += 1
      if result.count - spent > 4_096 {
        try context.allocate(result.count - spent)
        try context.charge(pairs.count * 64)
        spent = result.count
      }
    }
    try context.allocate(result.count - spent)
    return String(decoding: result, as: UTF8.self)
  }

  private static func trimmed(_ values: [Value], left: Bool, right: Bool) throws -> String {
    let cut = Set(try Arguments(values).string(1).unicodeScalars)
    var scalars = Array(try Arguments(values).string(0).unicodeScalars)[...]
    if left { scalars = scalars.drop(while: cut.contains) }
    if right { while let last = scalars.last, cut.contains(last) { scalars.removeLast() } }
    return text(scalars)
  }

  private static func anyMatch(
    _ name: String, _ matches: @escaping @Sendable (String, String) -> Bool
  ) -> Builtin {
    Builtin(name, 2) { context, values in
      let texts = try oneOrMore(Arguments(values), 0)
      let parts = try oneOrMore(Arguments(values), 1)
      try context.charge(texts.count * parts.count)
      return .bool(texts.contains { text in parts.contains { matches(text, $0) } })
    }
  }

  private static func oneOrMore(_ arguments: Arguments, _ index: Int) throws -> [String] {
    if case .string(let text) = arguments[index] { return [text] }
    _ = try arguments.elements(index, wanted: "one of {string, set, array}")
    return try arguments.strings(index)
  }
}

extension Collection where Element: Equatable, Index == Int {
  /// Where another collection first occurs in this one.
  func firstIndex(of part: some Collection<Element>) -> Int? {
    guard let first = part.first else { return startIndex }
    let last = endIndex - part.count
    guard startIndex <= last else { return nil }
    return (startIndex...last).first { self[$0] == first && self[$0...].starts(with: part) }
  }
}
