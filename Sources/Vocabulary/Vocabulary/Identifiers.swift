/// A 128-bit identifier that knows what it identifies. Written as a lower-case UUID (RFC 9562).
package struct ID<Kind>: Hashable, Comparable, Sendable {
  package let bits: UInt128

  package init(bits: UInt128) { self.bits = bits }

  /// The 36-character form, lower case only: one identifier has one spelling.
  package init?(_ text: String) {
    guard text.utf8.count == 36 else { return nil }
    // In halves: shifting 128 bits takes several instructions, and these are read for every request.
    var (high, low): (UInt64, UInt64) = (0, 0)
    var position = 0
    for byte in text.utf8 {
      switch position {
      case 8, 13, 18, 23: guard byte == UInt8(ascii: "-") else { return nil }
      default:
        guard let nibble = hexValue(byte) else { return nil }
        if position < 18 { high = high << 4 | nibble } else { low = low << 4 | nibble }
      }
      position += 1
    }
    bits = UInt128(high) << 64 | UInt128(low)
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
    withUnsafeBytes(of: bits.bigEndian) { Array($0) }
  }
}

extension ID: CustomStringConvertible {
  package var description: String {
    let (high, low) = halves(of: bits)
    return String(unsafeUninitializedCapacity: 36) { text in
      var place = 0
      for digit in 0..<32 {
        if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
          text[place] = UInt8(ascii: "-")
          place += 1
        }
        text[place] = hexDigit(digit < 16 ? high : low, at: digit & 15)
        place += 1
      }
      return place
    }
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
    var (high, low): (UInt64, UInt64) = (0, 0)
    var place = 0
    for byte in text.utf8 {
      guard let nibble = hexValue(byte) else { return nil }
      if place < 16 { high = high << 4 | nibble } else { low = low << 4 | nibble }
      place += 1
    }
    self.init(bits: UInt128(high) << 64 | UInt128(low))
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
