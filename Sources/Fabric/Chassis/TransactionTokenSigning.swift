import Crypto
import StrictJSON
import Synchronization
import Tokens
package import Transport
package import Vocabulary
import WorkloadIdentity

/// Signs transaction tokens with the key of this workload's own X.509-SVID. Anybody can make one of these; only what the
/// gateway signs is believed. A class: the header, which carries the chain, is spelled once for each certificate.
package final class TransactionTokenIssuer: Sendable {
  private struct Hand: Sendable {
    let chain: [[UInt8]]
    let key: SigningKey
    let header: [UInt8]
  }
  private let credentials: MeshCredentials
  private let hand = Mutex<Hand?>(nil)
  package init(credentials: MeshCredentials) { self.credentials = credentials }

  /// - Throws: where the token would be longer than a token may be (16 KiB).
  package func sign(_ token: TransactionToken) throws -> String {
    let svid = credentials.current.svid
    let hand = hand.withLock { known -> Hand in
      if let known, known.chain == svid.chain { return known }
      let key = SigningKey(svid.privateKey)
      let new = Hand(
        chain: svid.chain, key: key,
        header: key.spelledHeader(type: TransactionToken.type, certificates: svid.chain))
      known = new
      return new
    }
    return try hand.key.token(
      headed: hand.header,
      payload: token.claims(issuer: svid.id, audience: svid.id.trustDomain).canonicalBytes)
  }
}

/// Believes a transaction token only when the door of our trust domain signed it, it is in its time, and the service
/// that presents it is one it was made for.
package final class TransactionTokenVerifier: Sendable {
  private let credentials: MeshCredentials
  /// Nil where nobody issues tokens.
  private let door: ServiceName?
  private let issuers: SignerKeys?
  private let headers = KnownHeaders()

  #if DEBUG
    private let believesAll: Bool
  #endif

  /// - Parameters:
  ///   - door: who issues the tokens; nil believes none.
  ///   - believesAll: leaves every check out; only in a test build, see `Weakness`.
  package init(credentials: MeshCredentials, door: ServiceName?, believesAll: Bool = false) {
    self.credentials = credentials
    self.door = door
    issuers = door.map { SignerKeys(of: $0, credentials: credentials) }
    #if DEBUG
      self.believesAll = believesAll
    #endif
  }

  /// - Throws: `TransactionTokenRefusal`, by the precedence of its cases.
  package func verify(
    _ encoded: String, presentedBy presenter: ServiceName, purpose: String?, scopes: Set<Scope>,
    at now: Instant
  ) throws(TransactionTokenRefusal) -> TransactionToken {
    guard let unverified = try? UnverifiedToken(encoded, known: headers) else { throw .malformed }
    #if DEBUG
      if believesAll { return try believed(unverified, encoded) }
    #endif
    guard !unverified.header.certificates.isEmpty else { throw .malformed }
    guard let door, let key = issuers?.key(unverified.header.certificates, at: now) else {
      throw .untrustedIssuer
    }
    guard let verified = try? unverified.verified(by: key, algorithms: [.es256]) else {
      throw .badSignature
    }
    if !unverified.isHeaderKnown { headers.remember(unverified.header, of: encoded) }
    let bundle = credentials.current.bundle
    let policy = TokenPolicy(
      issuer: "spiffe://\(bundle.trustDomain)/\(door)",
      audiences: [bundle.trustDomain], types: [TransactionToken.type], clockSkew: .seconds(2),
      lifetimeMax: TransactionToken.lifetime)
    let claims: TokenClaims
    do {
      claims = try policy.claims(of: verified, at: now)
    } catch {
      throw TransactionTokenRefusal(error)
    }
    guard var token = TransactionToken(claims) else { throw .malformed }
    token.encoded = encoded
    guard token.presenters.contains(presenter) else { throw .wrongPresenter }
    guard purpose == nil || purpose == token.purpose else { throw .wrongPurpose }
    guard scopes.isSubset(of: token.scopes) else { throw .missingScope }
    return token
  }

  #if DEBUG
    /// For the test of drills that must notice when nothing is checked; not in a release.
    private func believed(
      _ unverified: UnverifiedToken, _ encoded: String
    ) throws(TransactionTokenRefusal) -> TransactionToken {
      let anybody = VerificationKey(P256.Signing.PrivateKey().publicKey)
      guard let claims = try? TokenClaims.believed(unverified.believed(with: anybody)),
        var token = TransactionToken(claims)
      else { throw .malformed }
      token.encoded = encoded
      return token
    }
  #endif
}

extension TransactionTokenRefusal {
  fileprivate init(_ refusal: TokenRefusal) {
    switch refusal {
    case .expired: self = .expired
    case .notYetValid, .issuedInFuture: self = .notYetValid
    case .wrongAudience: self = .wrongAudience
    case .wrongIssuer: self = .untrustedIssuer
    default: self = .malformed
    }
  }
}

extension TransactionToken {
  func claims(issuer: SpiffeID, audience: String) -> JSON {
    .object([
      "iss": .string("\(issuer)"), "aud": .string(audience), "txn": .string("\(id)"),
      "sub": .string(subject), "client_id": .string(clientID),
      "scope": .string(scopes.sorted().map(\.description).joined(separator: " ")),
      "purp": .string(purpose), "correlation_id": .string("\(correlation)"),
      "req": .object([
        "method": .string(method), "target": .string(target),
        "digest": .string(Base64URL.encode(bodyDigest)),
      ]),
      "tctx": .object(context.mapValues(JSON.string)), "origin": origin.claim,
      "presenters": .array(presenters.sorted().map { .string("\($0)") }),
      "iat": .integer(issuedAt.seconds), "exp": .integer(expiresAt.seconds),
    ])
  }

  /// Nil when a claim is missing or of another form.
  init?(_ claims: TokenClaims) {
    guard let id = claims["txn"]?.string.flatMap({ TransactionID($0) }),
      let subject = claims.subject,
      let client = claims["client_id"]?.string, let purpose = claims["purp"]?.string,
      let scopes = claims["scope"]?.string.flatMap(Scope.set),
      let correlation = claims["correlation_id"]?.string.flatMap({ CorrelationID($0) }),
      let request = claims["req"], let method = request["method"]?.string,
      let target = request["target"]?.string,
      let digest = request["digest"]?.string.flatMap({ Base64URL.decode($0) }),
      let members = claims["tctx"]?.object, let names = claims["presenters"]?.array,
      let issuedAt = claims.issuedAt, let origin = TokenOrigin(claims["origin"])
    else { return nil }
    let context = members.compactMapValues(\.string)
    let presenters = names.compactMap { $0.string.flatMap { ServiceName($0) } }
    guard context.count == members.count, presenters.count == names.count else { return nil }
    self.init(
      id: id, subject: subject, clientID: client, scopes: scopes, purpose: purpose,
      correlation: correlation, method: method, target: target, bodyDigest: digest,
      context: context, presenters: Set(presenters), origin: origin, issuedAt: issuedAt)
  }
}
