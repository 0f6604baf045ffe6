/// The name of a service or other workload: `[a-z][a-z0-9-]{0,30}`, as in its SPIFFE ID and its charter.
package struct ServiceName: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let description: String

  package init?(_ text: String) {
    guard (1...31).contains(text.utf8.count), let first = text.utf8.first,
      (97...122).contains(first),
      text.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
    else { return nil }
    description = text
  }
  package static func < (left: ServiceName, right: ServiceName) -> Bool {
    left.description < right.description
  }
}

extension ServiceName: ExpressibleByStringLiteral {
  /// For names written in the source; a malformed one is a defect of the source, so it traps.
  package init(stringLiteral value: String) {
    guard let name = ServiceName(value) else { preconditionFailure("not a service name: \(value)") }
    self = name
  }
}

extension ServiceName: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let name = ServiceName(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a service name")
    }
    self = name
  }
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A SPIFFE ID (SPIFFE-ID §2): `spiffe://<trust domain>/<path>`. Strict: no port, user, query, fragment, percent
/// encoding, empty or dot segment; trust domain of lower-case letters, digits, dot, dash, underscore; 2,048 bytes at most.
package struct SpiffeID: Hashable, Sendable, CustomStringConvertible {
  package let trustDomain: String
  /// With its leading slash; empty for the trust domain's own id.
  package let path: String

  package static let bytesMax = 2_048

  package init?(_ text: String) {
    let scheme = "spiffe://"
    guard text.utf8.count <= Self.bytesMax, text.hasPrefix(scheme) else { return nil }
    let rest = text.dropFirst(scheme.count)
    let domain = rest.prefix { $0 != "/" }
    let path = rest.dropFirst(domain.count)
    guard (1...255).contains(domain.utf8.count), domain.utf8.allSatisfy(Self.isDomainByte) else {
      return nil
    }
    if !path.isEmpty {
      let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
      guard
        segments.allSatisfy({
          !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.allSatisfy(Self.isPathByte)
        })
      else { return nil }
    }
    trustDomain = String(domain)
    self.path = String(path)
  }

  /// The id of a service: its name is the whole path.
  package init?(trustDomain: String, service: ServiceName) {
    self.init("spiffe://\(trustDomain)/\(service)")
  }

  /// The service that this id names, where the path is exactly one service name.
  package var service: ServiceName? { path.isEmpty ? nil : ServiceName(String(path.dropFirst())) }

  package var description: String { "spiffe://\(trustDomain)\(path)" }

  private static func isDomainByte(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte) || [45, 46, 95].contains(byte)
  }
  private static func isPathByte(_ byte: UInt8) -> Bool {
    isDomainByte(byte) || (65...90).contains(byte)
  }
}

/// What a token allows, in the fine form `resource:action` or `resource:part:action` (RFC 6749 §3.3 characters).
package struct Scope: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let description: String

  package init?(_ text: String) {
    guard (1...64).contains(text.utf8.count),
      text.utf8.allSatisfy({
        $0 == 0x21 || (0x23...0x5b).contains($0) || (0x5d...0x7e).contains($0)
      })
    else { return nil }
    description = text
  }
  package static func < (left: Scope, right: Scope) -> Bool { left.description < right.description }

  /// A space-separated list, as in the `scope` claim; nil when one of them is malformed.
  package static func set(_ text: String) -> Set<Scope>? {
    var scopes: Set<Scope> = []
    for part in text.split(separator: " ") {
      guard let scope = Scope(String(part)) else { return nil }
      scopes.insert(scope)
    }
    return scopes
  }
}

/// The client's own name for one intent (draft-ietf-httpapi-idempotency-key-header): 1–255 visible ASCII characters.
/// The quoted form of a structured field string is accepted and means the same key.
package struct IdempotencyKey: Hashable, Sendable, CustomStringConvertible {
  package let description: String
  package static let charactersMax = 255

  package init?(_ text: String) {
    var bytes = Array(text.utf8)
    if bytes.count >= 2, bytes.first == 0x22, bytes.last == 0x22 {
      bytes = Array(bytes.dropFirst().dropLast())
    }
    guard (1...Self.charactersMax).contains(bytes.count),
      bytes.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 })
    else { return nil }
    description = String(decoding: bytes, as: UTF8.self)
  }
}
