/// Escapes, properties and classes (ECMA-262 §22.2.1).
extension ECMAPatternParser {
  mutating func escape() throws(PatternFault) -> PatternTree {
    if skip("\\b") { return .assert(.boundary) }
    if skip("\\B") { return .assert(.noBoundary) }
    if skip("\\k<") {
      guard name() != nil else { throw fault("a reference names no group") }
      return .beyond("a reference to a group")
    }
    if position + 1 < source.count, ("1"..."9").contains(source[position + 1]) {
      position += 1
      _ = integer()
      return .beyond("a reference to a group")
    }
    return .scalar(try escapedSet())
  }

  private mutating func escapedSet() throws(PatternFault) -> ScalarSet {
    position += 1
    guard let scalar = peek else { throw fault("it ends with a backslash") }
    position += 1
    func one(_ value: UInt32) -> ScalarSet { ScalarSet([value...value]) }
    switch scalar {
    case "d": return .digits
    case "D": return ScalarSet.digits.negated
    case "w": return .word
    case "W": return ScalarSet.word.negated
    case "s": return .space
    case "S": return ScalarSet.space.negated
    case "p", "P": return try property(isNegated: scalar == "P")
    case "f": return one(12)
    case "n": return one(10)
    case "r": return one(13)
    case "t": return one(9)
    case "v": return one(11)
    case "0":
      if let next = peek, ("0"..."9").contains(next) { throw fault("an octal escape") }
      return one(0)
    case "c":
      guard let letter = peek, letter.isASCII, letter.properties.isAlphabetic else {
        throw fault("a control escape without its letter")
      }
      position += 1
      return one(letter.value % 32)
    case "x": return one(try hex(2))
    case "u": return one(try unicode())
    default:
      guard scalar.isASCII, !ScalarSet.word.contains(scalar.value) || scalar == "_" else {
        throw fault("an escape that ECMA-262 does not know")
      }
      return one(scalar.value)
    }
  }

  private mutating func hex(_ digits: Int) throws(PatternFault) -> UInt32 {
    guard position + digits <= source.count else { throw fault("too few hex digits") }
    var text = ""
    text.unicodeScalars.append(contentsOf: source[position..<position + digits])
    guard text.utf8.allSatisfy({ isHex($0) }), let value = UInt32(text, radix: 16) else {
      throw fault("too few hex digits")
    }
    position += digits
    return value
  }

  private func isHex(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (97...102).contains(byte | 0x20)
  }

  /// `\u{1F600}`, `\u0041`, or two units of UTF-16.
  private mutating func unicode() throws(PatternFault) -> UInt32 {
    if skip("{") {
      var value: UInt32 = 0
      let start = position
      while let scalar = peek, scalar != "}" {
        guard scalar.isASCII, isHex(UInt8(scalar.value)), value <= 0x10ffff,
          let digit = UInt32(String(scalar), radix: 16)
        else { throw fault("no code point") }
        value = value * 16 + digit
        position += 1
      }
      guard position > start, value <= 0x10ffff, skip("}") else { throw fault("no code point") }
      return value
    }
    let unit = try hex(4)
    guard (0xd800...0xdbff).contains(unit), skip("\\u") else { return unit }
    let low = try hex(4)
    guard (0xdc00...0xdfff).contains(low) else { throw fault("half of a pair of surrogates") }
    return 0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)
  }

  private mutating func property(isNegated: Bool) throws(PatternFault) -> ScalarSet {
    guard skip("{") else { throw fault("a property without its name") }
    var name = ""
    while let scalar = peek, scalar != "}" {
      name.unicodeScalars.append(scalar)
      position += 1
    }
    guard skip("}"), let property = ScalarProperty(name: name) else {
      throw fault("a property that is not known here")
    }
    return ScalarSet(property, isNegated: isNegated)
  }

  mutating func bracket() throws(PatternFault) -> ScalarSet {
    position += 1
    var set = ScalarSet()
    let isNegated = skip("^")
    while let scalar = peek, scalar != "]" {
      let low = try classAtom(scalar)
      guard peek == "-", position + 1 < source.count, source[position + 1] != "]" else {
        set.insert(low)
        continue
      }
      position += 1
      let high = try classAtom(source[position])
      guard let first = low.single, let last = high.single, first <= last else {
        throw fault("a range in a class has no order")
      }
      set.insert(first...last)
    }
    guard skip("]") else { throw fault("a class is not closed") }
    return isNegated ? set.negated : set
  }

  private mutating func classAtom(_ scalar: Unicode.Scalar) throws(PatternFault) -> ScalarSet {
    guard scalar == "\\" else {
      position += 1
      return ScalarSet([scalar.value...scalar.value])
    }
    if skip("\\b") { return ScalarSet([8...8]) }
    if skip("\\-") { return ScalarSet([45...45]) }
    return try escapedSet()
  }
}
