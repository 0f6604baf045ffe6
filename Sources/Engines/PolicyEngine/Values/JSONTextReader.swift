/// RFC 8259 with numbers kept exact. `StrictJSON` rounds fractions to doubles, which is right for
/// our interfaces and wrong for a policy language whose numbers are decimal.
struct JSONTextReader {
  let bytes: [UInt8]
  private(set) var position = 0
  private var depth = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONTextError) -> Value {
    guard bytes.count <= Value.jsonBytesMax else { throw failure("longer than the limit") }
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw failure("text after the value") }
    return value
  }

  private func failure(_ reason: String) -> JSONTextError {
    JSONTextError(reason: reason, offset: position)
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[position]) {
      position += 1
    }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(JSONTextError) -> Value {
    skipSpace()
    guard position < bytes.count else { throw failure("unexpected end of JSON input") }
    switch bytes[position] {
    case UInt8(ascii: "{"):
      return try nested { reader throws(JSONTextError) in try reader.object() }
    case UInt8(ascii: "["): return try nested { reader throws(JSONTextError) in try reader.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func nested(
    _ read: (inout JSONTextReader) throws(JSONTextError) -> Value
  ) throws(JSONTextError) -> Value {
    guard depth < Value.jsonDepthMax else { throw failure("nested deeper than the limit") }
    depth += 1
    defer { depth -= 1 }
    position += 1
    return try read(&self)
  }

  private mutating func word(_ word: String, _ value: Value) throws(JSONTextError) -> Value {
    guard bytes[position...].starts(with: word.utf8) else { throw failure("not a JSON value") }
    position += word.utf8.count
    return value
  }

  private mutating func object() throws(JSONTextError) -> Value {
    var pairs: [(Value, Value)] = []
    if skip(UInt8(ascii: "}")) { return .object(.empty) }
    repeat {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw failure("a member's name is expected")
      }
      let key = try string()
      guard skip(UInt8(ascii: ":")) else { throw failure("a colon is expected") }
      pairs.append((.string(key), try value()))
    } while skip(UInt8(ascii: ","))
    guard skip(UInt8(ascii: "}")) else { throw failure("a comma or } is expected") }
    return .object(ObjectValue(pairs))
  }

  private mutating func array() throws(JSONTextError) -> Value {
    var elements: [Value] = []
    if skip(UInt8(ascii: "]")) { return .array([]) }
    repeat { elements.append(try value()) } while skip(UInt8(ascii: ","))
    guard skip(UInt8(ascii: "]")) else { throw failure("a comma or ] is expected") }
    return .array(elements)
  }

  private mutating func number() throws(JSONTextError) -> Value {
    let start = position
    while position < bytes.count, isNumberByte(bytes[position]) { position += 1 }
    let text = bytes[start..<position]
    let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
    let hasLeadingZero =
      digits.first == 48 && (digits.dropFirst().first.map { (48...57).contains($0) } ?? false)
    guard !hasLeadingZero, let number = Number(spelled: text) else {
      position = start
      throw failure("not a JSON value")
    }
    return .number(number)
  }

  private func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
      UInt8(ascii: "E"):
      true
    default: false
    }
  }

  private mutating func string() throws(JSONTextError) -> String {
    let start = position + 1
    position = start
    var hasEscapes = false
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      guard bytes[position] >= 0x20 else { throw failure("a control character in a string") }
      if bytes[position] == UInt8(ascii: "\\") {
        hasEscapes = true
        position += 1
      }
      position += 1
    }
    guard position < bytes.count else { throw failure("unexpected end of JSON input") }
    let raw = bytes[start..<position]
    position += 1
    if !hasEscapes { return String(decoding: raw, as: UTF8.self) }
    guard let text = unescaped(raw) else { throw failure("a malformed escape in a string") }
    return text
  }
}

/// Resolves the escapes of JSON (RFC 8259 §7); a lone surrogate becomes U+FFFD, as in Go. Nil for
/// an escape that JSON does not have.
func unescaped(_ raw: ArraySlice<UInt8>) -> String? {
  var text: [UInt8] = []
  var position = raw.startIndex

  func quad(_ start: Int) -> UInt32? {
    guard start + 4 <= raw.endIndex else { return nil }
    var value: UInt32 = 0
    for byte in raw[start..<start + 4] {
      guard let digit = hexDigit(byte) else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  while position < raw.endIndex {
    guard raw[position] == UInt8(ascii: "\\") else {
      text.append(raw[position])
      position += 1
      continue
    }
    guard position + 1 < raw.endIndex else { return nil }
    let escape = raw[position + 1]
    position += 2
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      guard var scalar = quad(position) else { return nil }
      position += 4
      if (0xd800..<0xdc00).contains(scalar), position + 1 < raw.endIndex,
        raw[position] == UInt8(ascii: "\\"), raw[position + 1] == UInt8(ascii: "u"),
        let low = quad(position + 2), (0xdc00..<0xe000).contains(low)
      {
        scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
        position += 6
      }
      text += String(Unicode.Scalar(scalar) ?? "\u{fffd}").utf8
    default: return nil
    }
  }
  return String(decoding: text, as: UTF8.self)
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
  default: nil
  }
}
