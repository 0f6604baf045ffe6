package import IdentityAPI
package import Vocabulary

/// A client as registered: parsed once, so whoever holds one need not check it again.
package struct RegisteredClient: Sendable, Hashable {
  package static let nameCharactersMax = 60
  package static let redirectURIsMax = 10
  package static let keysMax = 5
  package static let keyIDBytesMax = 64
  package static let scopesMax = 64

  package let id: ClientID
  package let name: String
  package let kind: NewClient.Kind
  package let grants: Set<NewClient.Grant>
  package let redirectURIs: [RedirectURI]
  package let postLogoutRedirectURIs: [RedirectURI]
  package let scopes: Set<Scope>
  package let keys: [PublishedKey]
  /// Whether its ID tokens are signed with RS256, for libraries that know nothing else.
  package let wantsRS256: Bool
  /// Where its pages run that may read our answers (Fetch, "CORS protocol").
  package let webOrigins: [WebOrigin]

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
    // Whether somebody knows them is asked when it is registered (`ScopeCatalogue`): a service that is not there today
    // must not make its clients unreadable.
    guard (1...Self.scopesMax).contains(scopes.count), scopes.count == new.scopes.count else {
      throw .badScopes
    }
    guard !scopes.contains(Scopes.offlineAccess) || grants.contains(.refreshToken) else {
      throw .badScopes
    }

    let keys = new.keys ?? []
    guard keys.count <= Self.keysMax, keys.isEmpty == (new.kind == .public),
      Set(keys.map(\.kid)).count == keys.count, keys.allSatisfy(Self.isSound)
    else { throw .badKeys }

    guard [nil, "RS256"].contains(new.idTokenAlgorithm) else { throw .badAlgorithm }
    wantsRS256 = new.idTokenAlgorithm != nil
    let origins = (new.webOrigins ?? []).compactMap { WebOrigin($0) }
    guard origins.count == (new.webOrigins ?? []).count, origins.count <= WebOrigin.perClientMax,
      Set(origins).count == origins.count
    else { throw .badOrigins }
    webOrigins = origins

    id = new.id
    name = new.name
    kind = new.kind
    self.grants = grants
    self.scopes = scopes
    self.keys = keys
  }

  private static func parse(_ texts: [String]) throws(ClientRefusal) -> [RedirectURI] {
    let uris = texts.compactMap { RedirectURI($0) }
    guard !texts.contains(where: RedirectURI.isLocalhost) else { throw .localhostRedirectURI }
    guard uris.count == texts.count, uris.count <= redirectURIsMax, Set(uris).count == uris.count
    else { throw .badRedirectURI }
    return uris
  }

  private static func isSound(_ key: PublishedKey) -> Bool {
    guard (1...keyIDBytesMax).contains(key.kid.utf8.count),
      key.kid.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), key.use ?? "sig" == "sig"
    else { return false }
    // Whether the numbers are a key, `ClientAssertion.canUse` says.
    switch (key.alg, key.kty, key.crv) {
    case ("ES256", "EC", "P-256"):
      return key.x?.utf8.count == 43 && key.y?.utf8.count == 43 && key.n == nil && key.e == nil
    case ("EdDSA", "OKP", "Ed25519"):
      return key.x?.utf8.count == 43 && key.y == nil && key.n == nil && key.e == nil
    case ("RS256", "RSA", nil):
      return key.n != nil && key.e != nil && key.x == nil && key.y == nil
    default: return false
    }
  }
}
