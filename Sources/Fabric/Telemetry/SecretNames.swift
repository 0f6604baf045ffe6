/// Which names are those of secrets: `password`, `newPassword`, `auth_token`, `X-Api-Key`. A name is looked
/// at by its segments, as snake, kebab and camel case have them.
package enum SecretNames {
  /// Longest name that is looked at, in bytes; a longer one is none.
  static let bytesMax = 128

  /// A secret wherever they stand in a name.
  private static let words: Set<String> = [
    "apikey", "authorization", "cookie", "credential", "credentials", "jwt", "passcode",
    "passphrase", "passwd", "password", "passwords", "pwd", "secret", "secrets",
  ]
  /// A secret where they stand last.
  private static let lastWords: Set<String> = ["assertion", "otp", "pin", "token"]
  /// `key` is a secret behind these only; `public_key` is none.
  private static let keyWords: Set<String> = [
    "access", "api", "encryption", "master", "private", "secret", "session", "signing",
  ]
  /// Names that end so speak of a secret and hold none.
  private static let aboutWords: Set<String> = [
    "age", "algorithm", "at", "changed", "count", "endpoint", "expires", "expiry", "length", "max",
    "min", "policy", "required", "type", "uri", "url",
  ]
  /// Several words written as one.
  private static let endings = [
    "apikey", "authorization", "cookie", "passphrase", "passwd", "password", "privatekey", "secret",
    "token",
  ]

  /// Whether what has the name is a secret.
  package static func isSecret(_ name: some StringProtocol) -> Bool {
    guard !name.isEmpty, name.utf8.count <= bytesMax else { return false }
    let segments = segments(name)
    guard let last = segments.last else { return false }
    if aboutWords.contains(last) { return false }
    if segments.contains(where: words.contains) || lastWords.contains(last) { return true }
    if last == "tokens", segments.count > 1 { return true }
    if last == "key", segments.dropLast().contains(where: keyWords.contains) { return true }
    return endings.contains { last.hasSuffix($0) }
  }

  /// Whether a header by that name carries a credential (RFC 9110 §11, RFC 6265).
  package static func isHeader(_ name: some StringProtocol) -> Bool {
    let plain = name.lowercased()
    return plain.contains("-")
      ? isSecret(plain) : ["authorization", "cookie"].contains(plain)
  }

  /// In lower case: `X-Api-Key` and `xAPIKey` are `x`, `api`, `key`.
  private static func segments(_ name: some StringProtocol) -> [String] {
    var segments: [String] = []
    var current = ""
    var wasLower = false
    let scalars = Array(name.unicodeScalars)
    for (place, scalar) in scalars.enumerated() {
      let isUpper = ("A"..."Z").contains(scalar)
      let isWord = isUpper || ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      let next = place + 1 < scalars.count ? scalars[place + 1] : " "
      // In `APIKey` the last capital begins the next word.
      let begins = isUpper && (wasLower || ("a"..."z").contains(next))
      if !current.isEmpty, !isWord || begins {
        segments.append(current)
        current = ""
      }
      if isWord { current.unicodeScalars.append(isUpper ? lowered(scalar) : scalar) }
      wasLower = isWord && !isUpper
    }
    if !current.isEmpty { segments.append(current) }
    return segments
  }

  private static func lowered(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    Unicode.Scalar(UInt8(truncatingIfNeeded: scalar.value) | 0x20)
  }
}
