/// `application/x-www-form-urlencoded`, read strictly: OAuth forbids a parameter twice (RFC 6749 §3.1), and what cannot
/// be decoded exactly is refused instead of repaired.
package struct Form: Hashable, Sendable {
  package static let bytesMax = 16_384
  package static let parametersMax = 40
  package static let nameBytesMax = 64
  package static let valueBytesMax = 8_192

  private let values: [String: String]
  /// In the order of appearance.
  package let names: [String]

  package subscript(_ name: String) -> String? { values[name] }

  /// - Throws: `FormError` that names what is wrong, never the value.
  package init(_ bytes: some Collection<UInt8>) throws(FormError) {
    guard bytes.count <= Self.bytesMax else { throw .tooLong }
    var values: [String: String] = [:]
    var names: [String] = []
    for pair in bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
      guard names.count < Self.parametersMax else { throw .tooManyParameters }
      let split = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      let name = try Self.decode(pair[..<split], bytesMax: Self.nameBytesMax)
      let value =
        split == pair.endIndex
        ? "" : try Self.decode(pair[pair.index(after: split)...], bytesMax: Self.valueBytesMax)
      guard !name.isEmpty else { throw .malformed }
      guard values.updateValue(value, forKey: name) == nil else { throw .duplicate }
      names.append(name)
    }
    self.values = values
    self.names = names
  }

  /// A form from pairs that were decoded elsewhere (the query string of a request).
  package init(_ pairs: [String: String]) {
    values = pairs
    names = pairs.keys.sorted()
  }

  package static func encode(_ parameters: [(name: String, value: String)]) -> String {
    parameters.map { "\(escape($0.name))=\(escape($0.value))" }.joined(separator: "&")
  }

  private static func decode(
    _ bytes: some Collection<UInt8>, bytesMax: Int
  ) throws(FormError) -> String {
    var decoded: [UInt8] = []
    var iterator = bytes.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "+"): decoded.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(hexDigit),
          let low = iterator.next().flatMap(hexDigit)
        else { throw .malformed }
        decoded.append(high << 4 | low)
      case 0x21...0x7e: decoded.append(byte)
      default: throw .malformed
      }
      guard decoded.count <= bytesMax else { throw .tooLong }
    }
    // No control character has a meaning in any parameter of ours; NUL and line breaks have one for attackers.
    guard decoded.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
      let text = String(validating: decoded, as: UTF8.self)
    else { throw .malformed }
    return text
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  private static func escape(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var escaped: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, 45, 46, 95, 126: escaped.append(byte)
      default: escaped += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: escaped, as: UTF8.self)
  }
}

package enum FormError: Error, Equatable {
  case tooLong, tooManyParameters, duplicate, malformed

  /// For the person who wrote the client.
  package var text: String {
    switch self {
    case .tooLong: "a parameter or the whole form is too long"
    case .tooManyParameters: "too many parameters"
    case .duplicate: "a parameter is present twice"
    case .malformed: "the form is not well formed"
    }
  }
}
