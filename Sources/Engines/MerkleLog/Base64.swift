/// Standard base64 with padding (RFC 4648 §4). Decoding is strict: one value has one text, or a
/// proof could be altered without breaking it.
package enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  /// The padded text of any bytes.
  package static func encode(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var word: UInt32 = 0
    var pending = 0
    for byte in bytes {
      word = word << 8 | UInt32(byte)
      pending += 1
      guard pending == 3 else { continue }
      for shift in [18, 12, 6, 0] { text.append(alphabet[Int(word >> UInt32(shift) & 63)]) }
      word = 0
      pending = 0
    }
    if pending > 0 {
      word <<= UInt32(8 * (3 - pending))
      for position in 0..<4 {
        let sextet = alphabet[Int(word >> UInt32(18 - 6 * position) & 63)]
        text.append(position <= pending ? sextet : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for another character, white space, missing padding, or bits that say nothing.
  package static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let symbols = Array(text.utf8)
    guard symbols.count % 4 == 0 else { return nil }
    let padded = symbols.suffix(2).reversed().prefix { $0 == padding }.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(symbols.count / 4 * 3)
    var word: UInt32 = 0
    for (position, symbol) in symbols.dropLast(padded).enumerated() {
      guard let sextet = value(of: symbol) else { return nil }
      word = word << 6 | sextet
      guard position % 4 == 3 else { continue }
      for shift in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift))) }
      word = 0
    }
    switch padded {
    case 1:
      guard word & 3 == 0 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: word >> 10))
      bytes.append(UInt8(truncatingIfNeeded: word >> 2))
    case 2:
      guard word & 15 == 0 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: word >> 4))
    default: break
    }
    return bytes
  }

  private static func value(of symbol: UInt8) -> UInt32? {
    switch symbol {
    case 65...90: UInt32(symbol - 65)
    case 97...122: UInt32(symbol - 71)
    case 48...57: UInt32(symbol + 4)
    case 43: 62
    case 47: 63
    default: nil
    }
  }
}
