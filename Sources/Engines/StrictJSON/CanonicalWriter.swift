import Vocabulary

/// Writes values in the one spelling of RFC 8785.
struct CanonicalWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ value: JSON) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let flag): bytes += (flag ? "true" : "false").utf8
    case .integer(let number): write(number)
    case .number(let number): write(number)
    case .string(let text): CanonicalJSON.append(text, to: &bytes)
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
      for (key, member) in members.sorted(by: { CanonicalJSON.precedes($0.key, $1.key) }) {
        separate(&isFirst)
        CanonicalJSON.append(key, to: &bytes)
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
      for (key, member) in members.entries.sorted(by: { CanonicalJSON.precedes($0.key, $1.key) }) {
        separate(&isFirst)
        CanonicalJSON.append(key, to: &bytes)
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
}
