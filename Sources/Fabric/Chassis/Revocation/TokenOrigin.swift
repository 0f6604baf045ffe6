import AuthorityAPI
import StrictJSON
import Tokens
package import Vocabulary

/// What a transaction token says of the outside token that it was exchanged for: enough to see that it was revoked.
package struct TokenOrigin: Sendable, Hashable {
  /// Its `jti`.
  package let token: String?
  /// Its grant.
  package let family: String?
  /// Its browser session.
  package let session: String?
  /// Its `iat`.
  package let issuedAt: Instant?

  package init(
    token: String? = nil, family: String? = nil, session: String? = nil, issuedAt: Instant? = nil
  ) {
    self.token = token
    self.family = family
    self.session = session
    self.issuedAt = issuedAt
  }

  var claim: JSON {
    var members: [String: JSON] = [:]
    if let token { members["jti"] = .string(token) }
    if let family { members["family"] = .string(family) }
    if let session { members["sid"] = .string(session) }
    if let issuedAt { members["iat"] = .integer(issuedAt.seconds) }
    return .object(members)
  }

  /// Nil for anything but an object, or a member of another type.
  init?(_ claim: JSON?) {
    guard let members = claim?.object,
      members.allSatisfy({ $0.key == "iat" ? $0.value.integer != nil : $0.value.string != nil })
    else { return nil }
    self.init(
      token: members["jti"]?.string, family: members["family"]?.string,
      session: members["sid"]?.string,
      issuedAt: members["iat"]?.integer.map { Instant(seconds: $0) })
  }
}

extension TokenOrigin {
  /// What a token can be revoked by.
  package func handles(client: String, subject: String) -> [RevocationHandle] {
    let named: [(RevocationKind, String?)] = [
      (.client, client), (.person, subject), (.token, token), (.family, family),
      (.session, session),
    ]
    return named.compactMap { kind, id in id.map { RevocationHandle(kind, $0) } }
  }
}

extension TransactionToken {
  /// What it can be revoked by.
  package var handles: [RevocationHandle] { origin.handles(client: clientID, subject: subject) }
}
