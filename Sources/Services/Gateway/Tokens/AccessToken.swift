import AuthorityAPI
package import Chassis
import StrictJSON
package import Tokens
package import Vocabulary

/// What a verified outside token says. Only `TokenGate` makes one, so whoever holds it may rely on
/// it.
package struct AccessToken: Sendable, Hashable {
  /// A person's reference, or the client's own id where it acts for itself.
  package let subject: String
  /// The OAuth client it was issued to.
  package let clientID: String
  /// All that it allows.
  package let scopes: Set<Scope>
  /// Its `exp`; from then on it is refused.
  package let expiresAt: Instant
  /// What the transaction tokens for it say of it.
  package let origin: TokenOrigin
  /// Its `iat`, where it has one.
  package var issuedAt: Instant? { origin.issuedAt }
  /// What it can be revoked by: itself, its grant, its browser session, its client, its subject.
  package let handles: [RevocationHandle]

  /// Nil where a client acts for itself.
  package var userOrNil: String? { subject == clientID ? nil : subject }
}

/// Why an outside token does not let its bearer in. The outside learns only that it is not valid, and of an authentic one
/// that it has expired, so that a client knows to refresh it; the audit record has the word.
package enum EntryRefusal: Error, Sendable, Hashable {
  /// The engine's verdict: form, header, algorithm, key, signature, type, issuer, audience, times.
  case token(TokenRefusal)
  /// A claim that an access token needs (RFC 9068 §2.2) is missing or not of its type.
  case claim(String)
  case revoked
  case missingScope
  /// We have not heard of revocations for too long, so we cannot know.
  case revocationsUnknown

  /// What the outside learns.
  package var problem: Problem {
    switch self {
    case .missingScope:
      Problem("insufficient-scope", 403, "The token does not allow this operation")
    case .revocationsUnknown: .unavailable(retryAfterSeconds: 2)
    case .token(.expired): Self.expired
    case .token, .claim, .revoked: Self.invalid
    }
  }

  private static let invalid = Problem("invalid-token", 401, "The token is not valid")
  /// Told only after the signature, issuer and audience were found right.
  private static let expired = Problem(
    "invalid-token", 401, "The token is not valid", detail: "The access token expired")

  /// `WWW-Authenticate` where no token was sent: no error code (RFC 6750 §3.1).
  static let challengeWithoutToken = "Bearer realm=\"strongroom\""

  /// `WWW-Authenticate` (RFC 6750 §3); nil where another token would not help.
  /// - Parameter scopes: what the operation needs.
  func challenge(scopes: Set<Scope>) -> String? {
    switch self {
    case .missingScope:
      let names = scopes.map(\.description).sorted().joined(separator: " ")
      return "Bearer error=\"insufficient_scope\", scope=\"\(names)\""
    case .token, .claim, .revoked:
      let why = problem.detail.map { ", error_description=\"\($0)\"" } ?? ""
      return "Bearer realm=\"strongroom\", error=\"invalid_token\"" + why
    case .revocationsUnknown: return nil
    }
  }

  /// For the audit record: `token-expired`.
  package var reason: String {
    switch self {
    case .token(let refusal): refusal.name
    case .claim(let name): "token-claim-\(name)"
    case .revoked: "token-revoked"
    case .missingScope: "insufficient-scope"
    case .revocationsUnknown: "revocations-unknown"
    }
  }
}

extension AccessToken {
  /// - Throws: `.claim` naming the first claim that is missing or of another type.
  init(_ claims: TokenClaims) throws(EntryRefusal) {
    func text(_ name: String, isNeeded: Bool) throws(EntryRefusal) -> String? {
      guard let value = claims[name] else {
        guard !isNeeded else { throw .claim(name) }
        return nil
      }
      guard let text = value.string, (1...128).contains(text.utf8.count) else { throw .claim(name) }
      return text
    }
    guard let subject = try text("sub", isNeeded: true) else { throw .claim("sub") }
    guard let clientID = try text("client_id", isNeeded: true) else { throw .claim("client_id") }
    guard let id = try text("jti", isNeeded: true) else { throw .claim("jti") }
    guard let scope = claims["scope"]?.string, let scopes = Scope.set(scope) else {
      throw .claim("scope")
    }
    self.subject = subject
    self.clientID = clientID
    self.scopes = scopes
    expiresAt = claims.expiresAt
    origin = TokenOrigin(
      token: id, family: try text("family", isNeeded: false),
      session: try text("sid", isNeeded: false), issuedAt: claims.issuedAt)
    handles = origin.handles(client: clientID, subject: subject)
  }
}
