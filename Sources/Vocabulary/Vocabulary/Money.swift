/// An amount of one currency in its minor unit (cents for EUR, yen for JPY, fils for KWD). Signed, checked, within the
/// range that every JSON reader keeps exact (RFC 7493 §2.2): ±(2^53 − 1).
package struct Money: Hashable, Sendable {
  package static let minorUnitsMax: Int64 = 9_007_199_254_740_991

  package let minorUnits: Int64
  package let currency: Currency

  /// - Throws: `MoneyError.overflow` outside ±(2^53 − 1).
  package init(minorUnits: Int64, currency: Currency) throws(MoneyError) {
    guard (-Self.minorUnitsMax...Self.minorUnitsMax).contains(minorUnits) else { throw .overflow }
    self.minorUnits = minorUnits
    self.currency = currency
  }

  package static func zero(_ currency: Currency) -> Money { Money(unchecked: 0, currency) }

  private init(unchecked minorUnits: Int64, _ currency: Currency) {
    self.minorUnits = minorUnits
    self.currency = currency
  }

  /// - Throws: `.overflow`, or `.mixedCurrencies`: adding euros to yen has no answer.
  package func adding(_ other: Money) throws(MoneyError) -> Money {
    guard currency == other.currency else { throw .mixedCurrencies(currency, other.currency) }
    return try Money(minorUnits: minorUnits + other.minorUnits, currency: currency)
  }
  package func subtracting(_ other: Money) throws(MoneyError) -> Money {
    guard currency == other.currency else { throw .mixedCurrencies(currency, other.currency) }
    return try Money(minorUnits: minorUnits - other.minorUnits, currency: currency)
  }
}

extension Money: CustomStringConvertible {
  /// For people: `12.50 EUR`, `-1250 JPY`.
  package var description: String {
    let digits = currency.minorUnitDigits
    let magnitude = String(minorUnits.magnitude)
    let sign = minorUnits < 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(magnitude) \(currency)" }
    let padded = String(repeating: "0", count: max(0, digits + 1 - magnitude.count)) + magnitude
    return "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits)) \(currency)"
  }
}

extension Money: Codable {
  private enum Field: String, CodingKey { case minorUnits = "minor_units", currency }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Field.self)
    let currency = try fields.decode(Currency.self, forKey: .currency)
    do {
      try self.init(minorUnits: fields.decode(Int64.self, forKey: .minorUnits), currency: currency)
    } catch let error as MoneyError {
      throw DecodingError.dataCorruptedError(
        forKey: .minorUnits, in: fields, debugDescription: "\(error)")
    }
  }
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Field.self)
    try fields.encode(minorUnits, forKey: .minorUnits)
    try fields.encode(currency, forKey: .currency)
  }
}

package enum MoneyError: Error, Equatable {
  case overflow
  case mixedCurrencies(Currency, Currency)
}
