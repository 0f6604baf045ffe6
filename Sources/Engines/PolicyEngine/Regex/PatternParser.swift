/// A pattern as written.
indirect enum PatternTree {
  case empty
  case characters(CharacterSet)
  case any, anyButNewline
  case assert(Pattern.Assertion)
  case sequence([PatternTree])
  case choice([PatternTree])
  case group(PatternTree, Int)
  /// Nil for no upper bound.
  case repeated(PatternTree, Int, Int?, isLazy: Bool)
}

/// Reads RE2's syntax.
struct PatternParser {
  private let source: [Unicode.Scalar]
  private var position = 0
  private var depth = 0
  private var flags = Flags()
  /// Groups so far, with the whole match as the first.
  private(set) var groups = 1
  private(set) var names: [String: Int] = [:]

  private struct Flags {
    var ignoresCase = false, isMultiline = false, dotTakesNewline = false, isUngreedy = false
  }

  init(_ text: String) { source = Array(text.unicodeScalars) }

  mutating func parse() throws(PatternFailure) -> PatternTree {
    guard source.count <= Pattern.bytesMax else { throw failure("expression too large") }
    let tree = try choice()
    guard position == source.count else { throw failure("unexpected )") }
    return tree
  }

  private func failure(_ reason: String) -> PatternFailure {
    var text = ""
    text.unicodeScalars.append(contentsOf: source.prefix(200))
    return PatternFailure(message: "error parsing regexp: \(reason): `\(text)`")
  }

  private var peek: Unicode.Scalar? { position < source.count ? source[position] : nil }

  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    position += 1
    return true
  }

  private mutating func skip(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    guard source[position...].starts(with: scalars) else { return false }
    position += scalars.count
    return true
  }

  private mutating func choice() throws(PatternFailure) -> PatternTree {
    guard depth < Pattern.depthMax else { throw failure("expression nests too deeply") }
    depth += 1
    defer { depth -= 1 }
    var branches = [try sequence()]
    while skip("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(PatternFailure) -> PatternTree {
    var items: [PatternTree] = []
    while let scalar = peek, scalar != "|", scalar != ")" {
      if skip("\\Q") {
        while position < source.count, !skip("\\E") {
          items.append(literal(source[position]))
          position += 1
        }
        continue
      }
      guard let atom = try atom() else { continue }
      items.append(try quantified(atom))
    }
    return items.isEmpty ? .empty : .sequence(items)
  }

  private mutating func quantified(_ atom: PatternTree) throws(PatternFailure) -> PatternTree {
    var tree = atom
    var count = 0
    while let bounds = try quantifier() {
      count += 1
      guard count == 1 else { throw failure("invalid nested repetition operator") }
      let isLazy = skip("?") != flags.isUngreedy
      tree = .repeated(tree, bounds.0, bounds.1, isLazy: isLazy)
    }
    return tree
  }

  private mutating func quantifier() throws(PatternFailure) -> (Int, Int?)? {
    if skip("*") { return (0, nil) }
    if skip("+") { return (1, nil) }
    if skip("?") { return (0, 1) }
    let start = position
    guard skip("{") else { return nil }
    // Braces that are no repetition stand for themselves.
    guard let low = integer() else {
      position = start
      return nil
    }
    var high: Int? = low
    if skip(",") { high = integer() }
    guard skip("}") else {
      position = start
      return nil
    }
    guard low <= Pattern.repeatMax, high ?? low <= Pattern.repeatMax, high ?? low >= low else {
      throw failure("invalid repeat count")
    }
    return (low, high)
  }

  private mutating func integer() -> Int? {
    let start = position
    var value = 0
    while let scalar = peek, ("0"..."9").contains(scalar) {
      value = min(value * 10 + Int(scalar.value - 48), 1_000_000)
      position += 1
    }
    return position > start ? value : nil
  }

  private func literal(_ scalar: Unicode.Scalar) -> PatternTree {
    characters(CharacterSet(ranges: [scalar.value...scalar.value]))
  }

  private func characters(_ set: CharacterSet) -> PatternTree {
    var set = set
    if flags.ignoresCase { set.foldCase() }
    return .characters(set)
  }

  /// Nil for what only changes flags.
  private mutating func atom() throws(PatternFailure) -> PatternTree? {
    guard let scalar = peek else { return nil }
    switch scalar {
    case "(": return try group()
    case "[": return characters(try bracket())
    case ".":
      position += 1
      return flags.dotTakesNewline ? .any : .anyButNewline
    case "^":
      position += 1
      return .assert(flags.isMultiline ? .lineStart : .textStart)
    case "$":
      position += 1
      return .assert(flags.isMultiline ? .lineEnd : .textEnd)
    case "*", "+", "?": throw failure("missing argument to repetition operator")
    case "\\": return try escape()
    case "{":
      if try quantifier() != nil { throw failure("missing argument to repetition operator") }
      position += 1
      return literal(scalar)
    default:
      position += 1
      return literal(scalar)
    }
  }

  private mutating func group() throws(PatternFailure) -> PatternTree? {
    position += 1
    let outer = flags
    if skip("?") {
      if skip("P<") || skip("<") {
        var name = ""
        while let scalar = peek, scalar != ">" {
          name.unicodeScalars.append(scalar)
          position += 1
        }
        guard skip(">"), !name.isEmpty, names[name] == nil else {
          throw failure("invalid named capture")
        }
        names[name] = groups
      } else {
        guard try changeFlags() else { return nil }
        let tree = try choice()
        guard skip(")") else { throw failure("missing closing )") }
        flags = outer
        return tree
      }
    }
    let number = groups
    groups += 1
    let tree = try choice()
    guard skip(")") else { throw failure("missing closing )") }
    flags = outer
    return .group(tree, number)
  }

  /// `i`, `-s` … up to `:`, or to `)` for the rest of the group around it; then false.
  private mutating func changeFlags() throws(PatternFailure) -> Bool {
    var isOn = true
    while let scalar = peek {
      position += 1
      switch scalar {
      case "i": flags.ignoresCase = isOn
      case "m": flags.isMultiline = isOn
      case "s": flags.dotTakesNewline = isOn
      case "U": flags.isUngreedy = isOn
      case "-": isOn = false
      case ":": return true
      case ")": return false
      default: throw failure("invalid or unsupported Perl syntax")
      }
    }
    throw failure("missing closing )")
  }

  private mutating func escape() throws(PatternFailure) -> PatternTree {
    for (text, assertion) in [
      ("\\A", Pattern.Assertion.textStart), ("\\z", .textEnd), ("\\b", .wordBoundary),
      ("\\B", .noWordBoundary),
    ] where skip(text) {
      return .assert(assertion)
    }
    return characters(try escapedSet())
  }

  /// `\d`, `\pL`, `\n`, `\.` and the like.
  private mutating func escapedSet() throws(PatternFailure) -> CharacterSet {
    position += 1
    guard let scalar = peek else { throw failure("trailing backslash at end of expression") }
    position += 1
    func negated(_ set: CharacterSet) -> CharacterSet {
      var result = set
      result.isNegated = true
      return result
    }
    func single(_ value: UInt32) -> CharacterSet { CharacterSet(ranges: [value...value]) }
    switch scalar {
    case "d": return .digits
    case "D": return negated(.digits)
    case "w": return .word
    case "W": return negated(.word)
    case "s": return .space
    case "S": return negated(.space)
    case "p", "P": return try property(isNegated: scalar == "P")
    case "a": return single(7)
    case "f": return single(12)
    case "n": return single(10)
    case "r": return single(13)
    case "t": return single(9)
    case "v": return single(11)
    case "x": return single(try hex())
    case "0"..."7":
      var value = scalar.value - 48
      while value < 64, let next = peek, ("0"..."7").contains(next) {
        value = value * 8 + next.value - 48
        position += 1
      }
      return single(value)
    default:
      guard scalar.value < 128, !CharacterSet.word.contains(scalar) || scalar == "_" else {
        throw failure("invalid escape sequence")
      }
      return single(scalar.value)
    }
  }

  private mutating func property(isNegated: Bool) throws(PatternFailure) -> CharacterSet {
    var name = ""
    if skip("{") {
      while let scalar = peek, scalar != "}" {
        name.unicodeScalars.append(scalar)
        position += 1
      }
      guard skip("}") else { throw failure("invalid character class range") }
    } else if let scalar = peek {
      name.unicodeScalars.append(scalar)
      position += 1
    }
    guard let category = CharacterSet.Category(name: name) else {
      throw failure("invalid character class range")
    }
    return CharacterSet(properties: [(category, isNegated)])
  }

  private mutating func hex() throws(PatternFailure) -> UInt32 {
    var digits = ""
    if skip("{") {
      while let scalar = peek, scalar != "}" {
        digits.unicodeScalars.append(scalar)
        position += 1
      }
      guard skip("}") else { throw failure("invalid escape sequence") }
    } else {
      while digits.count < 2, let scalar = peek {
        digits.unicodeScalars.append(scalar)
        position += 1
      }
    }
    guard let value = UInt32(digits, radix: 16), Unicode.Scalar(value) != nil else {
      throw failure("invalid escape sequence")
    }
    return value
  }

  private mutating func bracket() throws(PatternFailure) -> CharacterSet {
    position += 1
    var set = CharacterSet()
    set.isNegated = skip("^")
    var isFirst = true
    while let scalar = peek, scalar != "]" || isFirst {
      isFirst = false
      if skip("[:") {
        try posixClass(&set)
        continue
      }
      var low = scalar
      if scalar == "\\" {
        let escaped = try escapedSet()
        guard !escaped.isNegated, escaped.properties.isEmpty, escaped.ranges.count == 1,
          let range = escaped.ranges.first, range.count == 1,
          let single = Unicode.Scalar(range.lowerBound)
        else {
          set.insert(escaped)
          continue
        }
        low = single
      } else {
        position += 1
      }
      var high = low
      if peek == "-", position + 1 < source.count, source[position + 1] != "]" {
        position += 1
        high = try rangeEnd()
      }
      guard low <= high else { throw failure("invalid character class range") }
      set.ranges.append(low.value...high.value)
    }
    guard skip("]") else { throw failure("missing closing ]") }
    return set
  }

  private mutating func rangeEnd() throws(PatternFailure) -> Unicode.Scalar {
    guard let scalar = peek else { throw failure("missing closing ]") }
    guard scalar == "\\" else {
      position += 1
      return scalar
    }
    let escaped = try escapedSet()
    guard let range = escaped.ranges.first, range.count == 1,
      let single = Unicode.Scalar(range.lowerBound)
    else { throw failure("invalid character class range") }
    return single
  }

  private mutating func posixClass(_ set: inout CharacterSet) throws(PatternFailure) {
    let isNegated = skip("^")
    var name = ""
    while let scalar = peek, scalar != ":" {
      name.unicodeScalars.append(scalar)
      position += 1
    }
    guard skip(":]") else { throw failure("invalid character class range") }
    let classes: [String: [ClosedRange<UInt32>]] = [
      "alnum": [48...57, 65...90, 97...122], "alpha": [65...90, 97...122], "ascii": [0...127],
      "blank": [9...9, 32...32], "cntrl": [0...31, 127...127], "digit": [48...57],
      "graph": [33...126], "lower": [97...122], "print": [32...126],
      "punct": [33...47, 58...64, 91...96, 123...126], "space": [9...13, 32...32],
      "upper": [65...90], "word": [48...57, 65...90, 95...95, 97...122],
      "xdigit": [48...57, 65...70, 97...102],
    ]
    guard let ranges = classes[name] else { throw failure("invalid character class range") }
    set.insert(CharacterSet(ranges: ranges, isNegated: isNegated))
  }
}
