import CArgon2

/// argon2id (RFC 9106) in the PHC string format, with the parameters of OWASP's password storage cheat sheet.
package enum PasswordHash {
  /// In KiB: 19 MiB.
  package static let memoryKiB: UInt32 = 19_456
  package static let passes: UInt32 = 2
  package static let lanes: UInt32 = 1
  package static let saltBytes = 16
  package static let digestBytes = 32
  /// A PHC string with these parameters has 97 characters; anything longer was not written by us.
  package static let textBytesMax = 128

  /// `$argon2id$v=19$m=19456,t=2,p=1$…$…`; nil when the library refuses (out of memory). Takes about 25 ms of a core.
  package static func make(of password: String, salt: [UInt8]) -> String? {
    let secret = Array(password.utf8)
    var text = [CChar](repeating: 0, count: textBytesMax)
    let status = argon2id_hash_encoded(
      passes, memoryKiB, lanes, secret, secret.count, salt, salt.count, digestBytes, &text,
      text.count)
    guard status == ARGON2_OK.rawValue else { return nil }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether `text` is the hash of `password`; the library compares in constant time. False for a malformed hash.
  package static func matches(_ text: String, _ password: String) -> Bool {
    guard text.utf8.count < textBytesMax else { return false }
    let secret = Array(password.utf8)
    return argon2id_verify(text, secret, secret.count) == ARGON2_OK.rawValue
  }
}
