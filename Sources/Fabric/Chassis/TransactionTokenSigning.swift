import Crypto
import StrictJSON
import Synchronization
import SwiftASN1
import Tokens
package import Transport
package import Vocabulary
import WorkloadIdentity
import X509

/// Signs transaction tokens with the key of this workload's own X.509-SVID. Anybody can make one of these; only what the
/// gateway signs is believed.
package struct TransactionTokenIssuer: Sendable {
  private let credentials: MeshCredentials
  package init(credentials: MeshCredentials) { self.credentials = credentials }

  /// - Throws: where the token would be longer than a token may be (16 KiB).
  package func sign(_ token: TransactionToken) throws -> String {
    let svid = credentials.current.svid
    return try SigningKey(svid.privateKey).token(
      type: TransactionToken.type,
      claims: token.claims(issuer: svid.id, audience: svid.id.trustDomain),
      certificates: svid.chain)
  }
}

/// Believes a transaction token only when the gateway of our trust domain signed it, it is in its time, and the service
/// that presents it is one it was made for.
package final class TransactionTokenVerifier: Sendable {
  private struct Issuer: Sendable {
    let key: VerificationKey
    let notAfter: Instant
  }
  private let credentials: MeshCredentials
  /// Chains that were verified, by the digest of all their certificates; a gateway has one or two at a time.
  private let issuers = Mutex<[SHA256Digest: Issuer]>([:])
  static let issuersMax = 16

  #if DEBUG
    private let believesAll: Bool
  #endif

  /// - Parameter believesAll: leaves every check out; only in a test build, see `Weakness`.
  package init(credentials: MeshCredentials, believesAll: Bool = false) {
    self.credentials = credentials
    #if DEBUG
      self.believesAll = believesAll
    #endif
  }

  /// - Throws: `TransactionTokenRefusal`, by the precedence of its cases.
  package func verify(
    _ encoded: String, presentedBy presenter: ServiceName, purpose: String?, scopes: Set<Scope>,
    at now: Instant
  ) throws(TransactionTokenRefusal) -> TransactionToken {
    guard let unverified = try? UnverifiedToken(encoded) else { throw .malformed }
    #if DEBUG
      if believesAll { return try believed(unverified, encoded) }
    #endif
    let key = try issuerKey(unverified.header.certificates, at: now)
    guard let verified = try? unverified.verified(by: key, algorithms: [.es256]) else {
      throw .badSignature
    }
    let bundle = credentials.current.bundle
    let policy = TokenPolicy(
      issuer: "spiffe://\(bundle.trustDomain)/\(TransactionToken.issuingService)",
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

  /// The key of the gateway's certificate, once its chain is proven.
  private func issuerKey(
    _ chain: [[UInt8]], at now: Instant
  ) throws(TransactionTokenRefusal) -> VerificationKey {
    guard let leaf = chain.first else { throw .malformed }
    var hash = SHA256()
    for certificate in chain { hash.update(data: certificate) }
    let digest = hash.finalize()
    if let known = issuers.withLock({ $0[digest] }), now < known.notAfter { return known.key }
    let bundle = credentials.current.bundle
    let verifier = PeerVerifier(trustDomain: bundle.trustDomain)
    guard case .success(let id) = verifier.verify(chain: chain, bundle: bundle, at: now),
      id.service == TransactionToken.issuingService,
      let certificate = try? Certificate(derEncoded: leaf),
      let key = P256.Signing.PublicKey(certificate.publicKey)
    else { throw .untrustedIssuer }
    let issuer = Issuer(key: VerificationKey(key), notAfter: Instant(certificate.notValidAfter))
    issuers.withLock { issuers in
      if issuers.count >= Self.issuersMax { issuers = issuers.filter { now < $0.value.notAfter } }
      if issuers.count < Self.issuersMax { issuers[digest] = issuer }
    }
    return issuer.key
  }
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
      "tctx": .object(context.mapValues(JSON.string)),
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
      let issuedAt = claims.issuedAt
    else { return nil }
    let context = members.compactMapValues(\.string)
    let presenters = names.compactMap { $0.string.flatMap { ServiceName($0) } }
    guard context.count == members.count, presenters.count == names.count else { return nil }
    self.init(
      id: id, subject: subject, clientID: client, scopes: scopes, purpose: purpose,
      correlation: correlation, method: method, target: target, bodyDigest: digest,
      context: context, presenters: Set(presenters), issuedAt: issuedAt)
  }
}
