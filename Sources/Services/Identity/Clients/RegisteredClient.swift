package import IdentityAPI
package import Vocabulary

/// A client as registered: parsed once, so whoever holds one need not check it again.
package struct RegisteredClient: Sendable, Hashable {
  package static let nameCharactersMax = 60
  package static let redirectURIsMax = 10
  package static let keysMax = 5
  package static let keyIDBytesMax = 64

  package let id: ClientID
  package let name: String
  package let kind: NewClient.Kind
  package let grants: Set<NewClient.Grant>
  package let redirectURIs: [RedirectURI]
  package let postLogoutRedirectURIs: [RedirectURI]
  package let scopes: Set<Scope>
  package let keys: [PublishedKey]

  /// - Throws: `ClientRefusal` with the first rule that is broken.
  package init(_ new: NewClient) throws(ClientRefusal) {
    guard (1...Self.nameCharactersMax).contains(new.name.count), new.name.utf8.count <= 240,
      new.name.isDisplayText
    else { throw .badName }
    let grants = Set(new.grants)
    guard !grants.isEmpty, grants.count == new.grants.count else { throw .badGrants }
    guard !grants.contains(.refreshToken) || grants.contains(.authorizationCode) else {
      throw .badGrants
    }
    // Without a credential there is nothing to grant client credentials on (RFC 6749 §4.4).
    guard new.kind == .confidential || !grants.contains(.clientCredentials) else {
      throw .badGrants
    }

    redirectURIs = try Self.parse(new.redirectURIs)
    postLogoutRedirectURIs = try Self.parse(new.postLogoutRedirectURIs ?? [])
    guard grants.contains(.authorizationCode) == !redirectURIs.isEmpty else {
      throw .badRedirectURI
    }
    // A server has a name and a certificate; only applications on a device use the other two kinds.
    guard new.kind == .public || redirectURIs.allSatisfy({ $0.kind != .privateUse }) else {
      throw .badRedirectURI
    }

    let scopes = Set(new.scopes.compactMap { Scope($0) })
    guard !scopes.isEmpty, scopes.count == new.scopes.count, scopes.isSubset(of: Scopes.known)
    else {
      throw .badScopes
    }
    guard !scopes.contains(Scopes.offlineAccess) || grants.contains(.refreshToken) else {
      throw .badScopes
    }

    let keys = new.keys ?? []
    guard keys.count <= Self.keysMax, keys.isEmpty == (new.kind == .public),
      Set(keys.map(\.kid)).count == keys.count, keys.allSatisfy(Self.isSound)
    else { throw .badKeys }

    id = new.id
    name = new.name
    kind = new.kind
    self.grants = grants
    self.scopes = scopes
    self.keys = keys
  }

  private static func parse(_ texts: [String]) throws(ClientRefusal) -> [RedirectURI] {
    let uris = texts.compactMap { RedirectURI($0) }
    guard uris.count == texts.count, uris.count <= redirectURIsMax, Set(uris).count == uris.count
    else { throw .badRedirectURI }
    return uris
  }

  private static func isSound(_ key: PublishedKey) -> Bool {
    guard (1...keyIDBytesMax).contains(key.kid.utf8.count),
      key.kid.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), key.use ?? "sig" == "sig"
    else { return false }
    switch (key.alg, key.kty, key.crv) {
    case ("ES256", "EC", "P-256"): return key.x.utf8.count == 43 && key.y?.utf8.count == 43
    case ("EdDSA", "OKP", "Ed25519"): return key.x.utf8.count == 43 && key.y == nil
    default: return false
    }
  }
}

/// The scopes this provider knows; a client can be registered for no other.
package enum Scopes {
  package static let openid = scope("openid")
  package static let offlineAccess = scope("offline_access")
  package static let profileRead = scope("profile:read")

  /// With what the consent page says about each, in the order in which it says it.
  package static let described: [(scope: Scope, text: String)] = [
    (openid, "Know that it is you"),
    (profileRead, "See your name, address and contact details"),
    (scope("accounts:read"), "See your accounts and their movements"),
    (scope("accounts:balance:read"), "See the balance of your accounts"),
    (scope("payments:read"), "See your payments"),
    (scope("payments:create"), "Send payments from your accounts"),
    (offlineAccess, "Stay connected when you are not using it, for up to 30 days"),
  ]
  package static let known = Set(described.map(\.scope))

  /// Written in the source, so a malformed one is a defect of the source.
  private static func scope(_ text: String) -> Scope {
    guard let scope = Scope(text) else { preconditionFailure("not a scope: \(text)") }
    return scope
  }

  /// As in the `scope` parameter and claim: sorted, separated by spaces.
  package static func text(_ scopes: Set<Scope>) -> String {
    scopes.sorted().map(\.description).joined(separator: " ")
  }
}

package enum ClientRefusal: Refusal, Equatable, CaseIterable {
  case badName, badGrants, badRedirectURI, badScopes, badKeys, exists, idOfPerson

  package var problem: Problem {
    switch self {
    case .badName: invalid("name", "1 to 60 visible characters on one line")
    case .badGrants:
      invalid(
        "grants", "each once; refresh_token needs authorization_code, client_credentials a key")
    case .badRedirectURI:
      invalid(
        "redirect_uris",
        "https, a loopback address or a private-use scheme, no fragment; only with "
          + "authorization_code, and then at least one")
    case .badScopes:
      invalid("scopes", "known scopes, each once; offline_access needs refresh_token")
    case .badKeys:
      invalid(
        "keys", "1 to 5 public keys (ES256 or EdDSA) for confidential clients, none for public")
    case .exists:
      Problem("client-exists", 409, "This client id is taken by a client with other details")
    case .idOfPerson: Problem("subject-taken", 409, "This id is a person's")
    }
  }

  private func invalid(_ field: String, _ detail: String) -> Problem {
    Problem(
      "invalid-client", 422, "The client cannot be registered", detail: detail,
      fields: ["field": field])
  }
}
