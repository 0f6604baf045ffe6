import Crypto
import Tokens
import Vocabulary

/// Proof Key for Code Exchange (RFC 7636), method S256 only: `plain` would put the secret in the browser's address bar.
package struct CodeChallenge: Hashable, Sendable {
  /// base64url of a SHA-256 digest, without padding.
  package static let characters = 43
  /// RFC 7636 §4.1: the verifier's length.
  package static let verifierCharacters = 43...128

  package let text: String

  /// Nil unless `text` is 43 characters of base64url (RFC 7636 §4.2).
  package init?(_ text: String) {
    guard text.utf8.count == Self.characters, text.utf8.allSatisfy(Self.isBase64URL) else {
      return nil
    }
    self.text = text
  }

  /// Whether `verifier` is the secret behind this challenge (RFC 7636 §4.6). A verifier outside 43–128 unreserved
  /// characters never is.
  package func isAnswered(by verifier: String) -> Bool {
    guard Self.verifierCharacters.contains(verifier.utf8.count),
      verifier.utf8.allSatisfy(Self.isUnreserved)
    else { return false }
    let digest = SHA256.hash(data: Array(verifier.utf8))
    return constantTimeEqual(Array(Base64URL.encode(digest).utf8), Array(text.utf8))
  }

  private static func isBase64URL(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, 45, 95: true
    default: false
    }
  }
  private static func isUnreserved(_ byte: UInt8) -> Bool {
    isBase64URL(byte) || byte == 46 || byte == 126
  }
}
