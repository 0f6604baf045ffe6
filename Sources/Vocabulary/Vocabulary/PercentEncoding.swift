/// Percent-encoding of names and values in paths, queries and forms (RFC 3986 §2.1, URL Standard §5.1), the only one in
/// the platform: two readers that differ in what they let through are how a filter is walked around.
package enum PercentEncoding {
  /// Everything but the unreserved characters of RFC 3986 §2.3 as %XX.
  package static func encode(_ text: String) -> String {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, 45, 46, 95, 126: encoded.append(byte)
      default: encoded += [UInt8(ascii: "%"), upperHexDigit(byte >> 4), upperHexDigit(byte & 15)]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  /// `name=value&…` in the given order.
  package static func encode(_ items: some Sequence<(name: String, value: String)>) -> String {
    items.map { "\(encode($0.name))=\(encode($0.value))" }.joined(separator: "&")
  }

  /// The text of one name or value of a query or form; `+` is a space.
  ///
  /// Nil for a broken triplet, a character outside the visible ASCII range, invalid UTF-8, and a control character: none
  /// has a meaning in any parameter of ours, and NUL and line breaks have one for attackers.
  package static func decode(_ bytes: some Collection<UInt8>) -> String? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "+"): decoded.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(hexValue),
          let low = iterator.next().flatMap(hexValue)
        else { return nil }
        decoded.append(high << 4 | low)
      case 0x21...0x7e: decoded.append(byte)
      default: return nil
      }
    }
    guard decoded.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
    return String(validating: decoded, as: UTF8.self)
  }

  private static func upperHexDigit(_ value: UInt8) -> UInt8 { value + (value < 10 ? 48 : 55) }

  private static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
}
