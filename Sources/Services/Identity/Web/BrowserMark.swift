package import Crypto
import Tokens
package import Vocabulary

/// What a browser is given after a sign-in, so that it is known the next time: a salt and the moment, signed together with
/// the login. It says nobody's name, lets nobody in, and is good for that one login only: it gives its browser a throttle
/// of its own. As text it has the form of every cookie of ours (`Cookie.valueCharacters`).
package enum BrowserMark {
  /// After this without a sign-in the browser is a stranger again.
  package static let lifetime: Duration = .seconds(180 * 86_400)
  package static let saltBytes = 12
  private static let momentBytes = 4
  private static let codeBytes = 16

  /// - Parameters:
  ///   - salt: `saltBytes` random ones; two browsers of one person have two throttles.
  ///   - key: of the tokens in forms.
  package static func make(
    for login: [UInt8], at now: Instant, salt: [UInt8], key: SymmetricKey
  ) -> String {
    let seconds = UInt32(clamping: now.seconds)
    let head = salt + withUnsafeBytes(of: seconds.bigEndian) { Array($0) }
    return Base64URL.encode(head + code(head, login, key))
  }

  /// Under which the browser's attempts are counted. Nil when the mark is not ours, is for another login, comes from the
  /// future or is too old.
  package static func subject(
    of mark: String?, login: [UInt8], at now: Instant, key: SymmetricKey
  ) -> [UInt8]? {
    guard let mark, let bytes = Base64URL.decode(mark),
      bytes.count == saltBytes + momentBytes + codeBytes
    else { return nil }
    let head = Array(bytes.prefix(saltBytes + momentBytes))
    guard constantTimeEqual(Array(bytes.suffix(codeBytes)), code(head, login, key)) else {
      return nil
    }
    let seconds = head.suffix(momentBytes).reduce(Int64(0)) { $0 << 8 | Int64($1) }
    let made = Instant(seconds: seconds)
    guard made <= now, now < made + lifetime else { return nil }
    return Array(
      HMAC<SHA256>.authenticationCode(for: Array("browser\u{0}".utf8) + head + login, using: key))
  }

  private static func code(_ head: [UInt8], _ login: [UInt8], _ key: SymmetricKey) -> [UInt8] {
    let text = Array("browser-mark\u{0}".utf8) + head + login
    return Array(HMAC<SHA256>.authenticationCode(for: text, using: key).prefix(codeBytes))
  }
}
