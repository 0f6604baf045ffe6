/// The name of a secret, unique within its service: `[a-z][a-z0-9-]{0,30}`, as in a charter.
package struct SecretName: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let description: String

  package init?(_ text: String) {
    guard let name = ServiceName(text) else { return nil }
    description = name.description
  }
  package static func < (left: SecretName, right: SecretName) -> Bool {
    left.description < right.description
  }
}

extension SecretName: ExpressibleByStringLiteral {
  /// For names written in the source; a malformed one is a defect of the source, so it traps.
  package init(stringLiteral value: String) {
    guard let name = SecretName(value) else { preconditionFailure("not a secret's name: \(value)") }
    self = name
  }
}

extension SecretName: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let name = SecretName(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a secret's name")
    }
    self = name
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
