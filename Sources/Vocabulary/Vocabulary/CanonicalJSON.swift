/// The two rules of the JSON Canonicalization Scheme (RFC 8785) that every writer of it needs.
package enum CanonicalJSON {
  /// A text with its quotes; only what must be escaped is, in the form that §3.2.2.2 names.
  package static func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { utf8 in
      var written = 0
      for place in utf8.indices where mustBeEscaped(utf8[place]) {
        bytes.append(contentsOf: utf8[written..<place])
        appendEscaped(utf8[place], to: &bytes)
        written = place + 1
      }
      bytes.append(contentsOf: utf8[written...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// The order of names in an object (§3.2.3), by UTF-16 code units. It is the order of UTF-8 bytes, except that the
  /// planes above the first (lead bytes F0–F4, surrogates in UTF-16) come before U+E000–U+FFFF (lead bytes EE and EF).
  package static func precedes(_ left: String, _ right: String) -> Bool {
    var others = right.utf8.makeIterator()
    for byte in left.utf8 {
      guard let other = others.next() else { return false }
      if byte == other { continue }
      if byte >= 0xee, other >= 0xee, (byte >= 0xf0) != (other >= 0xf0) { return byte >= 0xf0 }
      return byte < other
    }
    return others.next() != nil
  }

  private static func mustBeEscaped(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case 0x08: bytes += "\\b".utf8
    case 0x09: bytes += "\\t".utf8
    case 0x0a: bytes += "\\n".utf8
    case 0x0c: bytes += "\\f".utf8
    case 0x0d: bytes += "\\r".utf8
    case 0x20...: bytes += [UInt8(ascii: "\\"), byte]
    default: bytes += "\\u\(hexText(UInt128(byte), digits: 4))".utf8
    }
  }
}
