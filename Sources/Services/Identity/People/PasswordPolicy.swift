import Foundation
package import Vocabulary

/// Which passwords are accepted: long enough, and not one that is tried first (NIST SP 800-63B §5.1.1.2; OWASP ASVS 5.0
/// §6.2), in whatever disguise. No rule about digits or signs: they make passwords worse.
package enum PasswordPolicy {
  /// In characters as people count them.
  package static let charactersMin = 12
  package static let charactersMax = 128
  /// Of UTF-8; a bound on the work, since one character may have many bytes.
  package static let bytesMax = 1_024

  /// The form that is hashed: canonical composition, so that the same word typed on two keyboards is the same password
  /// (RFC 8265 §4.2.2). Case and spaces stay.
  package static func normalized(_ password: String) -> String {
    password.precomposedStringWithCanonicalMapping
  }

  /// Nil when `password` may be used by the person who signs in as `login`.
  package static func objection(to password: String, login: String) -> PasswordObjection? {
    guard password.utf8.count <= bytesMax, password.count <= charactersMax else { return .tooLong }
    guard password.count >= charactersMin else { return .tooShort }
    let folded = password.lowercased()
    if isRepetition(folded) || isRun(folded) { return .tooSimple }
    if PasswordGuesses(folded).tenths < PasswordGuesses.fewest { return .tooCommon }
    // Who guesses at one person begins with what he knows of that person.
    let handle = LoginHandle.normalized(login)
    let name = handle.prefix { $0 != "@" }
    if name.count >= 4, folded.contains(name), folded.count - name.count < 8 { return .holdsLogin }
    let parts = handle.split { !$0.isLetter && !$0.isNumber }.map(String.init)
    let own = PasswordGuesses(folded, own: parts + [handle, String(name)])
    return own.tenths < PasswordGuesses.fewest ? .holdsLogin : nil
  }

  /// `abcabcabcabc`: a short piece again and again.
  private static func isRepetition(_ text: String) -> Bool {
    let characters = Array(text)
    return (1...4).contains { width in
      characters.indices.allSatisfy { characters[$0] == characters[$0 % width] }
    }
  }

  /// `123456789012`, `abcdefghijkl`, and the same backwards.
  private static func isRun(_ text: String) -> Bool {
    let values = text.unicodeScalars.map { Int($0.value) }
    let steps = zip(values, values.dropFirst()).map { $1 - $0 }
    let rising = steps.filter { $0 == 1 || $0 == -9 }.count
    let falling = steps.filter { $0 == -1 || $0 == 9 }.count
    return max(rising, falling) == steps.count
  }
}

package enum PasswordObjection: Refusal, Equatable, CaseIterable {
  case tooShort, tooLong, tooSimple, tooCommon, holdsLogin

  package var problem: Problem {
    Problem("weak-password", 422, "The password cannot be used", detail: text)
  }

  private var text: String {
    switch self {
    case .tooShort: "it needs at least \(PasswordPolicy.charactersMin) characters"
    case .tooLong: "it has more than \(PasswordPolicy.charactersMax) characters"
    case .tooSimple: "it is one short piece repeated, or a run of neighbours"
    case .tooCommon: "it is among the passwords that are tried first"
    case .holdsLogin: "it is the login name with little added"
    }
  }
}
