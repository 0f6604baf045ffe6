extension Builtins {
  /// Most patterns that one query keeps compiled.
  private static let patternsMax = 256

  private static func pattern(_ source: String, _ context: inout BuiltinContext) throws -> Pattern {
    if let known = context.patterns[source] { return known }
    try context.charge(source.utf8.count)
    do {
      let pattern = try Pattern(source)
      try context.allocate(pattern.program.count * 32)
      if context.patterns.count < patternsMax { context.patterns[source] = pattern }
      return pattern
    } catch let failure as PatternFailure {
      throw BuiltinFailure.bare(failure.message)
    }
  }

  private static func scalars(_ text: String, _ context: inout BuiltinContext) throws
    -> [Unicode.Scalar]
  {
    try context.allocate(text.utf8.count * 4)
    return Array(text.unicodeScalars)
  }

  static let patterns: [Builtin] = [
    Builtin("regex.match", 2) { context, values in
      let pattern = try pattern(try Arguments(values).string(0), &context)
      let text = try scalars(try Arguments(values).string(1), &context)
      return .bool(try pattern.firstMatch(in: text, &context) != nil)
    },
    Builtin("regex.globs_match", 2) { context, values in
      let arguments = Arguments(values)
      return .bool(
        try GlobIntersection.isPossible(
          try arguments.string(0), try arguments.string(1), &context))
    },
    Builtin("regex.is_valid", 1) { context, values in
      guard case .string(let source) = values[0] else { return .bool(false) }
      try context.charge(source.utf8.count)
      return .bool((try? Pattern(source)) != nil)
    },
    Builtin("regex.split", 2) { context, values in
      let pattern = try pattern(try Arguments(values).string(0), &context)
      let text = try scalars(try Arguments(values).string(1), &context)
      var parts: [Value] = []
      var start = 0
      for match in try pattern.matches(in: text, limit: .max, &context) {
        guard let whole = match[0], whole.upperBound > 0 else { continue }
        if whole.isEmpty, whole.lowerBound == text.count { break }
        parts.append(.string(Builtins.text(text[start..<whole.lowerBound])))
        start = whole.upperBound
      }
      return .array(parts + [.string(Builtins.text(text[start...]))])
    },
    Builtin("regex.find_n", 3) { context, values in
      let pattern = try pattern(try Arguments(values).string(0), &context)
      let text = try scalars(try Arguments(values).string(1), &context)
      let limit = try Arguments(values).int(2)
      let matches = try pattern.matches(in: text, limit: limit < 0 ? .max : limit, &context)
      return .array(
        matches.map { match in .string(match[0].map { Builtins.text(text[$0]) } ?? "") })
    },
    Builtin("regex.find_all_string_submatch_n", 3) { context, values in
      let pattern = try pattern(try Arguments(values).string(0), &context)
      let text = try scalars(try Arguments(values).string(1), &context)
      let limit = try Arguments(values).int(2)
      let matches = try pattern.matches(in: text, limit: limit < 0 ? .max : limit, &context)
      return .array(
        matches.map { match in
          .array(match.map { group in .string(group.map { Builtins.text(text[$0]) } ?? "") })
        })
    },
    Builtin("regex.replace", 3) { context, values in
      let text = try scalars(try Arguments(values).string(0), &context)
      let pattern = try pattern(try Arguments(values).string(1), &context)
      let template = Array(try Arguments(values).string(2).unicodeScalars)
      var result: [Unicode.Scalar] = []
      var start = 0
      for match in try pattern.matches(in: text, limit: .max, &context) {
        guard let whole = match[0] else { continue }
        result += text[start..<whole.lowerBound]
        result += expanded(template, match, text, pattern)
        try context.allocate(template.count * 4 + whole.count * 4)
        start = whole.upperBound
      }
      return .string(Builtins.text(result + text[start...]))
    },
    Builtin("regex.template_match", 4) { context, values in
      let arguments = Arguments(values)
      let (template, text) = (try arguments.string(0), try arguments.string(1))
      let (open, close) = (try arguments.string(2), try arguments.string(3))
      for (name, delimiter) in [("start", open), ("end", close)]
      where delimiter.unicodeScalars.count != 1 {
        throw BuiltinFailure.bare(
          "\(name) delimiter has to be exactly one character long but is "
            + "\(delimiter.utf8.count) long")
      }
      let source = try templateSource(template, open, close)
      let pattern = try pattern(source, &context)
      return .bool(try pattern.firstMatch(in: try scalars(text, &context), &context) != nil)
    },
    Builtin("glob.match", 3) { context, values in
      let arguments = Arguments(values)
      let glob = try arguments.string(0)
      var delimiters: [Unicode.Scalar] = []
      switch values[1] {
      case .null: break
      case .array(let elements) where elements.isEmpty: delimiters = ["."]
      case .array:
        for text in try arguments.strings(1) {
          guard text.unicodeScalars.count == 1 else {
            throw BuiltinFailure.bare("delimiters must be single characters")
          }
          delimiters += text.unicodeScalars
        }
      default: throw BuiltinFailure.operand(2, "one of {array, null}", values[1])
      }
      let source = try GlobTranslation(glob: glob, delimiters: delimiters).pattern()
      let pattern = try pattern(source, &context)
      let text = try scalars(try arguments.string(2), &context)
      return .bool(try pattern.firstMatch(in: text, &context) != nil)
    },
    Builtin("glob.quote_meta", 1) { _, values in
      let special = Set("*?\\[]{}".unicodeScalars)
      return .string(
        text(
          try Arguments(values).string(0).unicodeScalars.flatMap {
            special.contains($0) ? ["\\", $0] : [$0]
          }))
    },
  ]

  /// `$1`, `${1}` and `$name`, as Go's `Regexp.Expand` reads them: a name is as long as can be.
  private static func expanded(
    _ template: [Unicode.Scalar], _ match: Pattern.Match, _ text: [Unicode.Scalar],
    _ pattern: Pattern
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    var position = 0
    while position < template.count {
      guard template[position] == "$", position + 1 < template.count else {
        result.append(template[position])
        position += 1
        continue
      }
      if template[position + 1] == "$" {
        result.append("$")
        position += 2
        continue
      }
      let isBraced = template[position + 1] == "{"
      let start = position + (isBraced ? 2 : 1)
      var end = start
      while end < template.count, CharacterSet.word.contains(template[end]) { end += 1 }
      let name = self.text(template[start..<end])
      guard !name.isEmpty, !isBraced || (end < template.count && template[end] == "}") else {
        result.append("$")
        position += 1
        continue
      }
      let group = Int(name) ?? pattern.groupNames[name]
      if let group, group < match.count, let range = match[group] { result += text[range] }
      position = isBraced ? end + 1 : end
    }
    return result
  }

  private static func templateSource(_ template: String, _ open: String, _ close: String) throws
    -> String
  {
    var source = "^"
    var rest = Substring(template)
    // Braces inside the pattern come in pairs.
    while let start = rest.firstIndex(where: { String($0) == open }) {
      source += quoted(rest[..<start])
      rest = rest[rest.index(after: start)...]
      var depth = 1
      let end = rest.firstIndex { character in
        if String(character) == open { depth += 1 }
        if String(character) == close { depth -= 1 }
        return depth == 0
      }
      guard let end else { throw BuiltinFailure.bare("unbalanced braces in \"\(template)\"") }
      source += "(" + rest[..<end] + ")"
      rest = rest[rest.index(after: end)...]
    }
    guard !rest.contains(where: { String($0) == close }) else {
      throw BuiltinFailure.bare("unbalanced braces in \"\(template)\"")
    }
    return source + quoted(rest) + "$"
  }

  static func quoted(_ text: some StringProtocol) -> String {
    self.text(
      text.unicodeScalars.flatMap {
        $0.value < 128 && !CharacterSet.word.contains($0) ? ["\\", $0] : [$0]
      })
  }
}

/// A glob in the syntax of OPA's `glob.match`, as a pattern: `*` within delimiters, `**` across
/// them, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, `\` for the next character.
struct GlobTranslation {
  let glob: String
  let delimiters: [Unicode.Scalar]

  func pattern() throws -> String {
    let scalars = Array(glob.unicodeScalars)
    let outside =
      delimiters.isEmpty
      ? "(?s:.)" : "[^" + delimiters.map { Builtins.quoted(String($0)) }.joined() + "]"
    var source = "^"
    var position = 0
    var open = 0
    while position < scalars.count {
      let scalar = scalars[position]
      position += 1
      switch scalar {
      case "*":
        if position < scalars.count, scalars[position] == "*" {
          position += 1
          source += "(?s:.)*"
        } else {
          source += outside + "*"
        }
      case "?": source += outside
      case "{":
        open += 1
        source += "(?:"
      case "}" where open > 0:
        open -= 1
        source += ")"
      case "," where open > 0: source += "|"
      case "[":
        guard let end = scalars[position...].firstIndex(of: "]") else {
          throw BuiltinFailure.bare("unexpected end of input")
        }
        source += characterClass(scalars[position..<end])
        position = end + 1
      case "\\" where position < scalars.count:
        source += Builtins.quoted(String(scalars[position]))
        position += 1
      default: source += Builtins.quoted(String(scalar))
      }
    }
    guard open == 0 else { throw BuiltinFailure.bare("unexpected end of input") }
    return source + "$"
  }

  private func characterClass(_ content: ArraySlice<Unicode.Scalar>) -> String {
    var rest = content
    let isNegated = rest.first == "!"
    if isNegated { rest = rest.dropFirst() }
    let body = rest.map { $0 == "-" ? "-" : Builtins.quoted(String($0)) }.joined()
    return "[" + (isNegated ? "^" : "") + body + "]"
  }
}
