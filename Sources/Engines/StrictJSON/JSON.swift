/// A JSON value of any shape. For known shapes decode a type instead; this is for tokens, pointers
/// and documents whose members are not known beforehand.
package enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  /// Spelled without fraction and exponent, and within 64 bits: exact.
  case integer(Int64)
  /// Any other number, as the nearest double; always finite.
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// Parses one JSON text (RFC 8259), strictly: UTF-8 without byte order mark, no duplicate names,
  /// no lone surrogates, nothing after the value, numbers within a double.
  /// - Throws: `JSONError` with the byte position, also beyond a limit.
  package static func parse(
    _ bytes: some Collection<UInt8>, limits: JSONLimits = .standard
  ) throws(JSONError) -> JSON {
    try Parser.parse(bytes, limits: limits).tree(0)
  }

  /// A member of an object; nil for another kind of value or a missing name.
  package subscript(_ key: String) -> JSON? { object?[key] }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  /// Any number, rounded to a double where it is an integer beyond 2^53.
  package var number: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    case .null, .bool, .string, .array, .object: nil
    }
  }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  package var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { self == .null }

  /// The one spelling of this value (RFC 8785): no space, names sorted by UTF-16 units, ECMAScript
  /// numbers.
  ///
  /// Integers beyond ±2^53 are written with all their digits; the RFC leaves them to strings,
  /// rounding them would lose money.
  package var canonicalBytes: [UInt8] {
    var writer = CanonicalWriter()
    writer.write(self)
    return writer.bytes
  }

  /// The value that an RFC 6901 pointer names; nil when there is none or the pointer is malformed.
  package func value(at pointer: String) -> JSON? {
    guard !pointer.isEmpty else { return self }
    let tokens = pointer.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard tokens.first?.isEmpty == true else { return nil }
    var value = self
    for token in tokens.dropFirst() {
      guard let name = unescapedToken(token), let child = value.child(name) else { return nil }
      value = child
    }
    return value
  }

  private func child(_ name: String) -> JSON? {
    switch self {
    case .object(let members): return members[name]
    case .array(let elements):
      // RFC 6901 §4: no leading zeros, no sign.
      guard let index = Int(name), String(index) == name, elements.indices.contains(index) else {
        return nil
      }
      return elements[index]
    case .null, .bool, .integer, .number, .string: return nil
    }
  }
}

/// `~1` is a slash and `~0` a tilde; any other use of `~` is malformed (RFC 6901 §3).
func unescapedToken(_ token: some Collection<UInt8>) -> String? {
  var bytes: [UInt8] = []
  var isEscaped = false
  for byte in token {
    switch (isEscaped, byte) {
    case (true, UInt8(ascii: "0")): bytes.append(UInt8(ascii: "~"))
    case (true, UInt8(ascii: "1")): bytes.append(UInt8(ascii: "/"))
    case (true, _): return nil
    case (false, UInt8(ascii: "~")):
      isEscaped = true
      continue
    case (false, _): bytes.append(byte)
    }
    isEscaped = false
  }
  return isEscaped ? nil : String(decoding: bytes, as: UTF8.self)
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// A name written twice keeps its last value.
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
  }
}

extension JSON: Codable {
  package init(from decoder: any Decoder) throws {
    guard let decoder = decoder as? NodeDecoder else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "JSON decodes from JSON only"))
    }
    self = decoder.tree()
  }

  package func encode(to encoder: any Encoder) throws {
    guard let encoder = encoder as? TreeEncoder else {
      throw EncodingError.invalidValue(
        self, .init(codingPath: encoder.codingPath, debugDescription: "JSON encodes to JSON only"))
    }
    try encoder.put(.tree(self))
  }
}
