/// `regex.globs_match`: whether some text, not the empty one, matches both of two patterns that know `.`, `[a-z]`, `*`
/// and `+` only.
struct GlobIntersection {
  /// Most tokens of a pattern.
  static let tokensMax = 1_000

  private struct Token {
    let ranges: [ClosedRange<UInt32>]
    /// Any number of times, none included; `a+` is `aa*`.
    var isRepeated = false

    func meets(_ other: Token) -> Bool {
      ranges.contains { range in other.ranges.contains { $0.overlaps(range) } }
    }
  }

  /// - Throws: `BuiltinFailure` for a pattern of another sort, or a budget error.
  static func isPossible(_ left: String, _ right: String, _ context: inout BuiltinContext) throws
    -> Bool
  {
    let (first, second) = (try tokens(left), try tokens(right))
    let width = second.count + 1
    let places = (first.count + 1) * width
    try context.charge(2 * places)
    try context.allocate(2 * places)
    // Places in both patterns that one text leads to: first with nothing read yet, then with something.
    var isReached = [Bool](repeating: false, count: 2 * places)
    var open = [(row: 0, column: 0, hasRead: false)]
    while let (row, column, hasRead) = open.popLast() {
      let place = (hasRead ? places : 0) + row * width + column
      guard !isReached[place] else { continue }
      isReached[place] = true
      let one = row < first.count ? first[row] : nil
      let other = column < second.count ? second[column] : nil
      if let one, one.isRepeated { open.append((row + 1, column, hasRead)) }
      if let other, other.isRepeated { open.append((row, column + 1, hasRead)) }
      if let one, let other, one.meets(other) {
        open.append((one.isRepeated ? row : row + 1, other.isRepeated ? column : column + 1, true))
      }
    }
    return isReached[isReached.count - 1]
  }

  private static func tokens(_ pattern: String) throws -> [Token] {
    func failure(_ reason: String) -> BuiltinFailure { .value("input: \(pattern), \(reason)") }
    var tokens: [Token] = []
    var rest = pattern.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "*", "+":
        guard let last = tokens.last, !last.isRepeated else {
          throw failure("a flag must follow a character, '.' or a set")
        }
        if scalar == "*" { tokens.removeLast() }
        tokens.append(Token(ranges: last.ranges, isRepeated: true))
      case ".": tokens.append(Token(ranges: [0...0x10ffff]))
      case "[": tokens.append(Token(ranges: try set(&rest, failure)))
      case "\\":
        guard let escaped = rest.popFirst() else { throw failure("ends with an escape") }
        tokens.append(Token(ranges: [escaped.value...escaped.value]))
      default: tokens.append(Token(ranges: [scalar.value...scalar.value]))
      }
      guard tokens.count <= tokensMax else { throw failure("pattern is too long") }
    }
    return tokens
  }

  private static func set(
    _ rest: inout Substring.UnicodeScalarView, _ failure: (String) -> BuiltinFailure
  ) throws -> [ClosedRange<UInt32>] {
    var ranges: [ClosedRange<UInt32>] = []
    while let scalar = rest.popFirst() {
      if scalar == "]", !ranges.isEmpty { return ranges }
      var low = scalar
      if scalar == "\\" {
        guard let escaped = rest.popFirst() else { break }
        low = escaped
      }
      guard rest.first == "-" else {
        ranges.append(low.value...low.value)
        continue
      }
      rest.removeFirst()
      guard let high = rest.popFirst(), high != "]", low <= high else {
        throw failure("a range in a set is malformed")
      }
      ranges.append(low.value...high.value)
    }
    throw failure("a set is empty or not closed")
  }
}
