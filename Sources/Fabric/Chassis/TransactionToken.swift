package import Vocabulary

/// A seconds-long signed statement about one outside request: who, on whose behalf, why, amount, payee, correlation id
/// (draft-ietf-oauth-transaction-tokens). Only the door issues them, with the key of its own X.509-SVID; the chain
/// travels in `x5c`, so every service can check the signature with the trust bundle it has anyway.
package struct TransactionToken: Sendable, Hashable {
  package static let type = "txntoken+jwt"
  package static let lifetime: Duration = .seconds(30)

  package let id: TransactionID
  /// The person's reference, or the client's own id where it acts for itself.
  package let subject: String
  package let clientID: String
  package let scopes: Set<Scope>
  package let purpose: String
  package let correlation: CorrelationID
  package let method: String
  package let target: String
  /// SHA-256 of the outside request's body.
  package let bodyDigest: [UInt8]
  /// What the charter's pointers found in the body: `amount`, `currency`, `debtor`, `creditor`. Numbers in decimal.
  package let context: [String: String]
  /// The services that may present this token: the gateway, the target, and those the target forwards to it.
  package let presenters: Set<ServiceName>
  /// The outside token that it was exchanged for.
  package let origin: TokenOrigin
  package let issuedAt: Instant
  package let expiresAt: Instant
  /// The compact form as it travels.
  package var encoded: String = ""

  /// The person on whose behalf this happens; nil for a client that acts for itself, whatever its id looks like: an
  /// outside provider may hand out client ids that read as a person's reference.
  package var person: PersonID? { subject == clientID ? nil : PersonID(subject) }
  /// Whose accounts and payments this opens: the person's, or the client's own where it acts for itself (`ClientOwner`).
  package var holder: PersonID? {
    subject == clientID ? ClientOwner.reference(of: clientID) : PersonID(subject)
  }

  package init(
    id: TransactionID, subject: String, clientID: String, scopes: Set<Scope>, purpose: String,
    correlation: CorrelationID, method: String, target: String, bodyDigest: [UInt8],
    context: [String: String], presenters: Set<ServiceName>,
    origin: TokenOrigin = TokenOrigin(), issuedAt: Instant
  ) {
    self.id = id
    self.subject = subject
    self.clientID = clientID
    self.scopes = scopes
    self.purpose = purpose
    self.correlation = correlation
    self.method = method
    self.target = target
    self.bodyDigest = bodyDigest
    self.context = context
    self.presenters = presenters
    self.origin = origin
    self.issuedAt = Instant(seconds: issuedAt.seconds)
    expiresAt = Instant(seconds: issuedAt.seconds) + Self.lifetime
  }

  /// - Throws: `.otherRequest` unless method, target and body are those the token was issued for.
  package func requireRequest(
    method: String, target: String, bodyDigest: [UInt8]
  ) throws(TransactionTokenRefusal) {
    guard method == self.method, target == self.target,
      constantTimeEqual(bodyDigest, self.bodyDigest)
    else { throw .otherRequest }
  }
}

/// Why a transaction token is refused, in the order of checking.
package enum TransactionTokenRefusal: String, Refusal, CaseIterable {
  case missing, malformed, untrustedIssuer, badSignature, wrongAudience, expired, notYetValid
  case wrongPresenter, wrongPurpose, missingScope, otherRequest
  /// The outside token, its grant, session, client or person was revoked meanwhile.
  case revoked

  /// Inside the mesh the reason is told: only our own services get this far.
  package var problem: Problem {
    let slug =
      switch self {
      case .missing: "transaction-token-missing"
      case .malformed: "transaction-token-malformed"
      case .untrustedIssuer: "transaction-token-untrusted"
      case .badSignature: "transaction-token-signature"
      case .wrongAudience: "transaction-token-audience"
      case .expired: "transaction-token-expired"
      case .notYetValid: "transaction-token-not-yet-valid"
      case .wrongPresenter: "transaction-token-presenter"
      case .wrongPurpose: "transaction-token-purpose"
      case .missingScope: "insufficient-scope"
      case .otherRequest: "transaction-token-other-request"
      case .revoked: "transaction-token-revoked"
      }
    return Problem(slug, self == .missing ? 401 : 403, "The transaction token does not allow this")
  }
}
