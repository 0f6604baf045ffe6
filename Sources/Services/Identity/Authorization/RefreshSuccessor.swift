import Crypto
import Tokens

/// The refresh token that follows another: made of it and of a random salt, so that it can be made again while the salt is
/// kept. Neither the store alone, which has the salt, nor a token alone leads to it.
package enum RefreshSuccessor {
  package static let saltBytes = 32

  /// 256 bits as text.
  package static func make(of token: String, salt: [UInt8]) -> String {
    Base64URL.encode(
      HMAC<SHA256>.authenticationCode(
        for: Array("refresh\u{0}".utf8) + Array(token.utf8), using: SymmetricKey(data: salt)))
  }
}
