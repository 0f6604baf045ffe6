/// A 128-bit identifier that knows what it identifies. Written as a lower-case UUID (RFC 9562).
package struct ID<Kind>: Hashable, Comparable, Sendable {
  package let bits: UInt128

  package init(bits: UInt128) { self.bits = bits }

  /// The 36-character form, lower case only: one identifier has one spelling.
  package init?(_ text: String) {
    var bits: UInt128 = 0
    var position = 0
    for byte in text.utf8 {
      if [8, 13, 18, 23].contains(position) {
        guard byte == UInt8(ascii: "-") else { return nil }
      } else {
        guard let nibble = hexValue(byte) else { return nil }
        bits = bits << 4 | UInt128(nibble)
      }
      position += 1
      guard position <= 36 else { return nil }
    }
    guard position == 36 else { return nil }
    self.bits = bits
  }

  /// A time-ordered identifier, UUID version 7: 48 bits of milliseconds, 74 bits of randomness.
  package init(at instant: Instant, random: UInt128) {
    let millis = UInt128(UInt64(clamping: instant.nanoseconds / 1_000_000) & 0xffff_ffff_ffff)
    let high = random >> 64 & 0xfff
    let low = random & 0x3fff_ffff_ffff_ffff
    bits = millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
  }

  /// A derived identifier, UUID version 8, from the first sixteen bytes of a digest: same input, same id.
  /// Fewer than sixteen bytes are refused with nil.
  package init?(digest: some Sequence<UInt8>) {
    var bits: UInt128 = 0
    var count = 0
    for byte in digest.prefix(16) {
      bits = bits << 8 | UInt128(byte)
      count += 1
    }
    guard count == 16 else { return nil }
    let version: UInt128 = 0xf << 76
    let variant: UInt128 = 0b11 << 62
    self.bits = bits & ~version & ~variant | 0x8 << 76 | 0b10 << 62
  }

  package static func < (left: ID, right: ID) -> Bool { left.bits < right.bits }

  /// Sixteen bytes, most significant first.
  package var bytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: bits >> UInt128(120 - $0 * 8)) }
  }
}

extension ID: CustomStringConvertible {
  package var description: String {
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
      text.append(hexDigits[Int(byte >> 4)])
      text.append(hexDigits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension ID: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = ID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not an identifier: expected a lower-case UUID")
    }
    self = id
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

package enum AccountKind {}
package enum TransferKind {}
package enum PaymentKind {}
package enum PersonKind {}
package enum ClientKind {}
package enum TransactionKind {}

/// A ledger account.
package typealias AccountID = ID<AccountKind>
/// One ledger movement; also its idempotency key, for ever.
package typealias TransferID = ID<TransferKind>
/// A payment intent. The hold and the posting in the ledger are keyed by it.
package typealias PaymentID = ID<PaymentKind>
/// An opaque reference to a person; only the customers service can say who it is.
package typealias PersonID = ID<PersonKind>
/// A registered OAuth client.
package typealias ClientID = ID<ClientKind>
/// One exchanged outside request: the `txn` of its transaction token (draft-ietf-oauth-transaction-tokens).
package typealias TransactionID = ID<TransactionKind>

/// Found on every hop, log line, audit record and answer of one outside request. It is also the W3C trace-id
/// (Trace Context §3.2.2.3): 32 lower-case hex digits, never all zero.
package struct CorrelationID: Hashable, Sendable, CustomStringConvertible, Codable {
  package let bits: UInt128

  /// Nil for zero, which the trace context forbids.
  package init?(bits: UInt128) {
    guard bits != 0 else { return nil }
    self.bits = bits
  }
  package init?(_ text: String) {
    guard text.utf8.count == 32 else { return nil }
    var bits: UInt128 = 0
    for byte in text.utf8 {
      guard let nibble = hexValue(byte) else { return nil }
      bits = bits << 4 | UInt128(nibble)
    }
    self.init(bits: bits)
  }
  package var description: String { hexText(bits, digits: 32) }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = CorrelationID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not a correlation id")
    }
    self = id
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// The low `digits` hex digits of a number, lower case, zero padded.
package func hexText(_ value: UInt128, digits: Int) -> String {
  String(
    decoding: (0..<digits).reversed().map {
      hexDigits[Int(truncatingIfNeeded: value >> UInt128($0 * 4) & 15)]
    }, as: UTF8.self)
}

/// Bytes as lower-case hex.
package func hexText(_ bytes: some Sequence<UInt8>) -> String {
  var text: [UInt8] = []
  for byte in bytes {
    text.append(hexDigits[Int(byte >> 4)])
    text.append(hexDigits[Int(byte & 15)])
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
    bytes.append(high << 4 | low)
  }
  return bytes
}

private let hexDigits = Array("0123456789abcdef".utf8)

private func hexValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 48...57: byte - 48
  case 97...102: byte - 87
  default: nil
  }
}
