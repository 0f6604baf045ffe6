/// Appends JSON text to a byte buffer, in the order given. The log and the span exporter write
/// millions of small flat objects; a tree of values for each would be thrown away at once.
struct JSONBytes {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }
  mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }
  mutating func key(_ name: StaticString) {
    separate()
    name.withUTF8Buffer { escape($0) }
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }
  mutating func key(_ name: String) {
    separate()
    escape(name.utf8)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }
  mutating func string(_ text: String) {
    separate()
    escape(text.utf8)
    needsComma = true
  }
  mutating func string(_ text: StaticString) {
    separate()
    text.withUTF8Buffer { escape($0) }
    needsComma = true
  }
  mutating func integer(_ value: Int64) {
    separate()
    bytes.append(contentsOf: String(value).utf8)
    needsComma = true
  }
  mutating func bool(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
    needsComma = true
  }
  mutating func newline() {
    bytes.append(UInt8(ascii: "\n"))
    needsComma = false
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  /// RFC 8259 §7: quote, backslash and control characters must be escaped; a line break therefore
  /// never splits a line.
  private mutating func escape(_ text: some Sequence<UInt8>) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    guard text.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5c || $0 == 0x7f }) else {
      return bytes.append(contentsOf: text)
    }
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20, 0x7f:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(Self.hexDigits[Int(byte >> 4)])
        bytes.append(Self.hexDigits[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
  }
  private static let hexDigits = Array("0123456789abcdef".utf8)
}

extension JSONBytes {
  mutating func field(_ name: StaticString, _ text: String) {
    key(name)
    string(text)
  }
  mutating func openObject() { open(UInt8(ascii: "{")) }
  mutating func closeObject() { close(UInt8(ascii: "}")) }
  mutating func openArray() { open(UInt8(ascii: "[")) }
  mutating func closeArray() { close(UInt8(ascii: "]")) }
}
