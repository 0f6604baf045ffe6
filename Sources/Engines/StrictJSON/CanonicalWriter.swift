/// Writes values in the one spelling of RFC 8785.
struct CanonicalWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ value: JSON) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let flag): bytes += (flag ? "true" : "false").utf8
    case .integer(let number): write(number)
    case .number(let number): write(number)
    case .string(let text): write(text)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements {
        separate(&isFirst)
        write(element)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, member) in members.sorted(by: { precedesInUTF16($0.key, $1.key) }) {
        separate(&isFirst)
        write(key)
        bytes.append(UInt8(ascii: ":"))
        write(member)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  mutating func write(_ value: Encoded) {
    switch value {
    case .tree(let tree): write(tree)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements.values {
        separate(&isFirst)
        write(element)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, member) in members.entries.sorted(by: { precedesInUTF16($0.key, $1.key) }) {
        separate(&isFirst)
        write(key)
        bytes.append(UInt8(ascii: ":"))
        write(member)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private mutating func separate(_ isFirst: inout Bool) {
    if isFirst { isFirst = false } else { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func write(_ number: Int64) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    let start = bytes.count
    var magnitude = number.magnitude
    repeat {
      bytes.append(UInt8(magnitude % 10) + 48)
      magnitude /= 10
    } while magnitude > 0
    bytes[start...].reverse()
  }

  private mutating func write(_ number: Double) {
    // JSON has no spelling for these (RFC 8259 §6). The encoder refuses them and no parser makes
    // them, so only a tree built by hand can get here; null is what ECMAScript's own JSON writes.
    guard number.isFinite else { return bytes += "null".utf8 }
    appendECMAScript(number, to: &bytes)
  }

  /// Only what must be escaped is, in the form RFC 8785 §3.2.2.2 names.
  private mutating func write(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x20...: bytes.append(byte)
      case 0x08: bytes += "\\b".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0a: bytes += "\\n".utf8
      case 0x0c: bytes += "\\f".utf8
      case 0x0d: bytes += "\\r".utf8
      default:
        bytes += "\\u00".utf8
        bytes.append(byte < 0x10 ? 48 : 49)
        let low = byte & 15
        bytes.append(low < 10 ? 48 + low : 87 + low)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

/// Order of RFC 8785 §3.2.3, by UTF-16 code units. It is the order of UTF-8 bytes, except that the
/// planes above the first (lead bytes F0–F4, surrogates in UTF-16) come before U+E000–U+FFFF (lead
/// bytes EE and EF).
func precedesInUTF16(_ left: String, _ right: String) -> Bool {
  var others = right.utf8.makeIterator()
  for byte in left.utf8 {
    guard let other = others.next() else { return false }
    if byte == other { continue }
    if byte >= 0xee, other >= 0xee, (byte >= 0xf0) != (other >= 0xf0) { return byte >= 0xf0 }
    return byte < other
  }
  return others.next() != nil
}
