/// Reads ECMA-262 §22.2.1 with the `u` flag. Looser where people are: braces and brackets that open nothing stand for themselves, and a
/// backslash may stand before any ASCII sign that is no letter and no digit.
struct ECMAPatternParser {
  let source: [Unicode.Scalar]
  var position = 0
  private var depth = 0
  private var names: Set<String> = []

  init(_ text: String) { source = Array(text.unicodeScalars) }

  mutating func parse() throws(PatternFault) -> PatternTree {
    guard source.count <= ECMAPattern.bytesMax else {
      throw PatternFault("the pattern is longer than \(ECMAPattern.bytesMax) characters")
    }
    let tree = try choice()
    guard position == source.count else { throw fault("a ')' closes nothing") }
    return tree
  }

  func fault(_ reason: String) -> PatternFault {
    PatternFault("\(reason), at character \(position + 1)")
  }

  var peek: Unicode.Scalar? { position < source.count ? source[position] : nil }

  mutating func skip(_ text: StaticString) -> Bool {
    let end = position + text.utf8CodeUnitCount
    guard end <= source.count,
      source[position..<end].elementsEqual(text.description.unicodeScalars)
    else { return false }
    position = end
    return true
  }

  private mutating func choice() throws(PatternFault) -> PatternTree {
    guard depth < ECMAPattern.depthMax else { throw fault("groups nest too deeply") }
    depth += 1
    defer { depth -= 1 }
    var branches = [try sequence()]
    while skip("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(PatternFault) -> PatternTree {
    var items: [PatternTree] = []
    while let scalar = peek, scalar != "|", scalar != ")" {
      let atom = try atom()
      items.append(try quantified(atom))
    }
    return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
  }

  private mutating func quantified(_ atom: PatternTree) throws(PatternFault) -> PatternTree {
    guard let (low, high) = try quantifier() else { return atom }
    if case .assert = atom { throw fault("there is nothing to repeat") }
    // Which of several matches is found first makes no difference to whether there is one.
    _ = skip("?")
    let end = position
    if try quantifier() != nil {
      position = end
      throw fault("a repetition is repeated")
    }
    return .repeated(atom, low, high)
  }

  private mutating func quantifier() throws(PatternFault) -> (Int, Int?)? {
    if skip("*") { return (0, nil) }
    if skip("+") { return (1, nil) }
    if skip("?") { return (0, 1) }
    let start = position
    guard skip("{"), let low = integer() else {
      position = start
      return nil
    }
    var high: Int? = low
    if skip(",") { high = integer() }
    guard skip("}") else {
      position = start
      return nil
    }
    guard max(low, high ?? 0) <= ECMAPattern.repeatMax else {
      throw fault("a repetition counts beyond \(ECMAPattern.repeatMax)")
    }
    guard high ?? low >= low else { throw fault("a repetition ends before it begins") }
    return (low, high)
  }

  mutating func integer() -> Int? {
    let start = position
    var value = 0
    while let scalar = peek, ("0"..."9").contains(scalar) {
      value = min(value * 10 + Int(scalar.value - 48), 1_000_000)
      position += 1
    }
    return position > start ? value : nil
  }

  private mutating func atom() throws(PatternFault) -> PatternTree {
    guard let scalar = peek else { return .empty }
    switch scalar {
    case "(": return try group()
    case "[": return .scalar(try bracket())
    case "*", "+", "?": throw fault("there is nothing to repeat")
    case "\\": return try escape()
    default: break
    }
    position += 1
    return switch scalar {
    case ".": .scalar(.dot)
    case "^": .assert(.start)
    case "$": .assert(.end)
    default: .scalar(ScalarSet([scalar.value...scalar.value]))
    }
  }

  private mutating func group() throws(PatternFault) -> PatternTree {
    position += 1
    var beyond: String?
    if skip("?=") || skip("?!") {
      beyond = "looking ahead"
    } else if skip("?<=") || skip("?<!") {
      beyond = "looking back"
    } else if skip("?<") {
      guard let name = name(), names.insert(name).inserted else {
        throw fault("a group has no name of its own")
      }
    } else if !skip("?:"), peek == "?" {
      throw fault("a group begins with what ECMA-262 does not know")
    }
    let tree = try choice()
    guard skip(")") else { throw fault("a group is not closed") }
    return beyond.map(PatternTree.beyond) ?? tree
  }

  /// A name up to its closing bracket.
  mutating func name() -> String? {
    var name = ""
    while let scalar = peek, scalar != ">" {
      let isFirst = name.isEmpty
      guard
        scalar == "$" || scalar == "_" || scalar.properties.isIDStart
          || (!isFirst && scalar.properties.isIDContinue)
      else { return nil }
      name.unicodeScalars.append(scalar)
      position += 1
    }
    return skip(">") && !name.isEmpty ? name : nil
  }
}
