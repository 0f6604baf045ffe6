import PolicyEngine

/// Finds credentials in what is about to be logged. OPA logs what it was asked with, and the tokens
/// in it; a log is read by more people than may use them.
enum CredentialScan {
  /// Members whose values are left out, by their names in lower case, without `-` and `_`.
  private static let names: Set<String> = [
    "accesstoken", "apikey", "assertion", "authorization", "clientassertion", "clientsecret",
    "cookie", "credentials", "idtoken", "jwt", "passphrase", "passwd", "password", "pin",
    "privatekey", "proxyauthorization", "refreshtoken", "secret", "sessiontoken", "setcookie",
    "token", "xapikey", "xauthtoken",
  ]

  /// The value without what is, or may be, a credential; adds where that stood.
  static func without(_ value: Value, at pointer: String, _ erased: inout [String]) -> Value? {
    switch value {
    case .string(let text):
      guard isCredential(text) else { return value }
      erased.append(pointer)
      return nil
    case .array(let elements):
      return .array(
        elements.enumerated().map { index, element in
          without(element, at: "\(pointer)/\(index)", &erased) ?? .null
        })
    case .object(let object):
      var kept: [(Value, Value)] = []
      for member in object.members {
        guard case .string(let name) = member.key else { continue }
        // A token as a member's name: neither the name nor the place may be told.
        guard !isCredential(name) else {
          erased.append("\(pointer)/-")
          continue
        }
        let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
        let place = "\(pointer)/\(escaped)"
        let plain = name.lowercased().filter { $0 != "-" && $0 != "_" }
        if names.contains(plain), holdsText(member.value) {
          erased.append(place)
        } else if let inner = without(member.value, at: place, &erased) {
          kept.append((member.key, inner))
        }
      }
      return .object(ObjectValue(kept))
    case .null, .bool, .number, .set: return value
    }
  }

  /// `{"token": true}` tells nothing that may not be read.
  private static func holdsText(_ value: Value) -> Bool {
    switch value {
    case .string, .number: true
    case .array(let elements): elements.contains(where: holdsText)
    case .set(let set): set.members.contains(where: holdsText)
    case .object(let object): object.members.contains { holdsText($0.value) }
    case .null, .bool: false
    }
  }

  /// An `Authorization` field's value (RFC 9110 §11.6.2), or anything with a token in it that begins
  /// as every JSON Web Token does.
  static func isCredential(_ text: String) -> Bool {
    let words = text.lowercased().split { $0.isWhitespace || $0 == ":" || $0 == "," || $0 == "=" }
    if words.count > 1,
      words.dropLast().contains(where: { ["bearer", "basic", "dpop"].contains($0) })
    {
      return true
    }
    guard let token = text.firstRange(of: "eyJ") else { return false }
    return text[token.lowerBound...].prefix(4_096).contains(".")
  }
}
