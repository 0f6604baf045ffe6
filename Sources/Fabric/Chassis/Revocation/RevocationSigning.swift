package import AuthorityAPI
import Crypto
import StrictJSON
import Tokens
package import Transport
package import Vocabulary
import WorkloadIdentity

/// Signs extracts of the feed with the key of the authority's own X.509-SVID. Every service can check that with the trust
/// bundle that it has anyway: there is no other key to hand out, to rotate or to lose, and none that could be believed
/// for longer than a certificate lives.
package struct RevocationSigner: Sendable {
  private let credentials: MeshCredentials
  package init(credentials: MeshCredentials) { self.credentials = credentials }

  /// - Throws: where the extract cannot be written down, which is a defect.
  package func sign(_ extract: RevocationExtract, at now: Instant) throws -> SignedRevocations {
    let bytes = try StrictJSON.encode(extract)
    let svid = credentials.current.svid
    let signature = try SigningKey(svid.privateKey).token(
      type: SignedRevocations.type,
      claims: [
        "iss": .string("\(svid.id)"), "aud": .string(svid.id.trustDomain),
        "digest": .string(Base64URL.encode(Array(SHA256.hash(data: bytes)))),
        "iat": .integer(now.seconds), "exp": .integer((now + RevocationVerifier.lifetime).seconds),
      ], certificates: svid.chain)
    return SignedRevocations(
      extract: String(decoding: bytes, as: UTF8.self), signature: signature)
  }
}

/// Why an extract is not believed.
package enum RevocationDoubt: String, Error, Sendable, CaseIterable {
  /// Its signature is none of the authority's, or is too old.
  case unsigned
  /// It is not what was signed.
  case changed
  case malformed
}

/// Believes only what the authority of our trust domain signed, a moment ago.
package struct RevocationVerifier: Sendable {
  /// An older signature says nothing about now.
  package static let lifetime: Duration = .seconds(30)
  private let credentials: MeshCredentials
  private let keys: SignerKeys

  package init(credentials: MeshCredentials) {
    self.credentials = credentials
    keys = SignerKeys(of: AuthorityOperations.listRevocations.service, credentials: credentials)
  }

  package func verify(
    _ signed: SignedRevocations, at now: Instant
  ) throws(RevocationDoubt) -> RevocationExtract {
    let domain = credentials.current.bundle.trustDomain
    let policy = TokenPolicy(
      issuer: "spiffe://\(domain)/\(AuthorityOperations.listRevocations.service)",
      audiences: [domain], types: [SignedRevocations.type], clockSkew: .seconds(2),
      lifetimeMax: Self.lifetime)
    guard let token = try? UnverifiedToken(signed.signature),
      let key = keys.key(token.header.certificates, at: now),
      let verified = try? token.verified(by: key, algorithms: [.es256]),
      let claims = try? policy.claims(of: verified, at: now)
    else { throw .unsigned }
    let bytes = Array(signed.extract.utf8)
    guard
      claims["digest"]?.string == Base64URL.encode(Array(SHA256.hash(data: bytes)))
    else { throw .changed }
    guard let extract = try? StrictJSON.decode(RevocationExtract.self, from: bytes) else {
      throw .malformed
    }
    return extract
  }
}
