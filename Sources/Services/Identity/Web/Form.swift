import Vocabulary

/// `application/x-www-form-urlencoded`, read strictly: OAuth forbids a parameter twice (RFC 6749 §3.1), and what cannot
/// be decoded exactly is refused instead of repaired. A parameter without a value is as if it had not been sent (§3.1).
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
    self.values = values.filter { !$0.value.isEmpty }
    self.names = names.filter { values[$0]?.isEmpty == false }
  }

  /// A form from pairs that were decoded elsewhere (the query string of a request).
  package init(_ pairs: [String: String]) {
    values = pairs.filter { !$0.value.isEmpty }
    names = values.keys.sorted()
  }

  package static func encode(_ parameters: [(name: String, value: String)]) -> String {
    PercentEncoding.encode(parameters)
  }

  private static func decode(
    _ bytes: some Collection<UInt8>, bytesMax: Int
  ) throws(FormError) -> String {
    guard let text = PercentEncoding.decode(bytes) else { throw .malformed }
    guard text.utf8.count <= bytesMax else { throw .tooLong }
    return text
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
