/// Base64 with one spelling per value: no line breaks, no foreign characters, unused bits zero. Two
/// texts can never mean the same bytes, so a signed or stored text cannot be varied (RFC 4648 §3.5,
/// §12).
package enum Base64URL {
  /// The URL-safe alphabet without padding, as JOSE uses it (RFC 7515 §2).
  package static func encode(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: encodedBytes(bytes), as: UTF8.self)
  }

  /// Nil for padding, a foreign character, an impossible length or unused bits that are not zero.
  package static func decode(_ text: some StringProtocol) -> [UInt8]? {
    decode(bytes: Array(text.utf8)[...])
  }

  /// As `encode`, but the ASCII bytes of the text.
  static func encodedBytes(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.underestimatedCount * 4 + 2) / 3)
    var group: UInt32 = 0
    var count = 0
    for byte in bytes {
      group = group << 8 | UInt32(byte)
      count += 1
      if count == 3 {
        for shift: UInt32 in [18, 12, 6, 0] { text.append(urlAlphabet[Int(group >> shift & 63)]) }
        (group, count) = (0, 0)
      }
    }
    if count == 1 {
      text.append(urlAlphabet[Int(group >> 2)])
      text.append(urlAlphabet[Int(group << 4 & 63)])
    } else if count == 2 {
      text.append(urlAlphabet[Int(group >> 10)])
      text.append(urlAlphabet[Int(group >> 4 & 63)])
      text.append(urlAlphabet[Int(group << 2 & 63)])
    }
    return text
  }

  static func decode(bytes: ArraySlice<UInt8>) -> [UInt8]? { decoded(bytes, urlValues) }
}

/// Plain Base64 with padding (RFC 4648 §4), as `x5c` (RFC 7515 §4.1.6) and the digests of a
/// Content-Security-Policy want it.
package enum PaddedBase64 {
  package static func encode(_ bytes: [UInt8]) -> String {
    let text = Base64URL.encodedBytes(bytes).map { byte in
      byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? 47 : byte
    }
    let padding = repeatElement(UInt8(ascii: "="), count: (4 - text.count % 4) % 4)
    return String(decoding: text + padding, as: UTF8.self)
  }

  /// Nil for anything but the one spelling of some bytes.
  package static func decode(_ text: String) -> [UInt8]? {
    let bytes = Array(text.utf8)
    guard bytes.count % 4 == 0 else { return nil }
    let padding = bytes.suffix(2).count(where: { $0 == UInt8(ascii: "=") })
    return decoded(bytes.dropLast(padding), paddedValues)
  }
}

private let urlAlphabet = Array(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
private let urlValues = values(of: urlAlphabet)
private let paddedValues = values(of: urlAlphabet.dropLast(2) + [43, 47])

/// Six-bit value by byte; 255 for a byte outside the alphabet.
private func values(of alphabet: some Sequence<UInt8>) -> [UInt8] {
  var values = [UInt8](repeating: 255, count: 256)
  for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
  return values
}

private func decoded(_ text: ArraySlice<UInt8>, _ values: [UInt8]) -> [UInt8]? {
  guard text.count % 4 != 1 else { return nil }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.count * 3 / 4)
  var group: UInt32 = 0
  var bits = 0
  for byte in text {
    let value = values[Int(byte)]
    guard value < 64 else { return nil }
    group = group << 6 | UInt32(value)
    bits += 6
    if bits >= 8 {
      bits -= 8
      bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
    }
  }
  guard group & (1 << UInt32(bits) - 1) == 0 else { return nil }
  return bytes
}
