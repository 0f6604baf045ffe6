package import Crypto
import Foundation
import Vocabulary

/// What a person types to sign in. It may be an e-mail address, so it is personal data: the store keeps only a keyed
/// blind index of it, from which nothing can be read and which nobody without the key can compute.
package enum LoginHandle {
  package static let charactersMax = 254

  /// Case and outer spaces do not matter; compatibility forms (full-width letters) are the same.
  package static func normalized(_ login: String) -> String {
    login.precomposedStringWithCompatibilityMapping.lowercased()
      .trimmingCharacters(in: .whitespaces)
  }

  /// Nil for an empty one, one over 254 characters, or one that is not `isDisplayText`.
  package static func index(of login: String, key: SymmetricKey) -> [UInt8]? {
    let text = normalized(login)
    guard (1...charactersMax).contains(text.count), text.utf8.count <= charactersMax * 4,
      text.isDisplayText
    else { return nil }
    return Array(
      HMAC<SHA256>.authenticationCode(for: Array("login\u{0}\(text)".utf8), using: key))
  }

  /// An address for the throttle, so that the store holds none in the clear.
  package static func index(ofAddress address: String, key: SymmetricKey) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array("address\u{0}\(address)".utf8), using: key))
  }
}
