/// The low `digits` hex digits of a number, 1–32, lower case, zero padded.
package func hexText(_ value: UInt128, digits: Int) -> String {
  let (high, low) = halves(of: value)
  return String(unsafeUninitializedCapacity: digits) { text in
    for place in 0..<digits {
      let digit = 32 - digits + place
      text[place] = hexDigit(digit < 16 ? high : low, at: digit & 15)
    }
    return digits
  }
}

/// Bytes as lower-case hex.
package func hexText(_ bytes: some Sequence<UInt8>) -> String {
  var text: [UInt8] = []
  text.reserveCapacity(2 * bytes.underestimatedCount)
  for byte in bytes {
    text.append(hexDigit(UInt64(byte), at: 14))
    text.append(hexDigit(UInt64(byte), at: 15))
  }
  return String(decoding: text, as: UTF8.self)
}

/// The bytes of a lower-case hex text; nil for an odd length or another character.
package func bytes(hex: String) -> [UInt8]? {
  let digits = Array(hex.utf8)
  guard digits.count % 2 == 0 else { return nil }
  var bytes: [UInt8] = []
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else {
      return nil
    }
    bytes.append(UInt8(high << 4 | low))
  }
  return bytes
}

/// Identifiers are written and read several times for each request, and shifting 128 bits takes several instructions.
func halves(of bits: UInt128) -> (high: UInt64, low: UInt64) {
  (UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits))
}

/// The digit at a place of a word, 0–15 from the most significant.
func hexDigit(_ word: UInt64, at place: Int) -> UInt8 {
  let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * place)) & 15
  return value < 10 ? value + UInt8(ascii: "0") : value - 10 + UInt8(ascii: "a")
}

func hexValue(_ byte: UInt8) -> UInt64? {
  switch byte {
  case 48...57: UInt64(byte - 48)
  case 97...102: UInt64(byte - 87)
  default: nil
  }
}
