import Tokens
import Vocabulary

/// `Authorization: Basic` at the token endpoint (RFC 6749 §2.3.1). There are no secrets here; but some libraries name a
/// public client this way, with an empty one.
package struct BasicCredentials: Equatable, Sendable {
  package let name: String
  package let hasSecret: Bool

  /// Nil for another scheme, and for what is not well formed.
  package init?(_ field: String) {
    let parts = field.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "basic",
      let bytes = PaddedBase64.decode(String(parts[1])),
      let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
      let name = PercentEncoding.decode(bytes[..<colon])
    else { return nil }
    self.name = name
    hasSecret = colon + 1 < bytes.endIndex
  }
}
