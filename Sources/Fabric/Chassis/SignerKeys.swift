import Crypto
import Synchronization
import SwiftASN1
import Tokens
import Transport
import Vocabulary
import WorkloadIdentity
import X509

/// Keys of one service's X.509-SVIDs, as chains in `x5c` prove them: what such a key signs is believed by whoever has the
/// trust bundle, and nobody hands out another key. A class: chains that were verified are remembered, by the digest of
/// all their certificates.
final class SignerKeys: Sendable {
  private struct Known: Sendable {
    let key: VerificationKey
    let notAfter: Instant
  }
  private let service: ServiceName
  private let credentials: MeshCredentials
  private let known = Mutex<[SHA256Digest: Known]>([:])
  /// A service has one or two chains at a time.
  static let knownMax = 16

  init(of service: ServiceName, credentials: MeshCredentials) {
    self.service = service
    self.credentials = credentials
  }

  /// The key of the leaf, once the chain is proven to be this service's. Nil otherwise.
  func key(_ chain: [[UInt8]], at now: Instant) -> VerificationKey? {
    guard let leaf = chain.first else { return nil }
    var hash = SHA256()
    for certificate in chain { hash.update(data: certificate) }
    let digest = hash.finalize()
    if let known = known.withLock({ $0[digest] }), now < known.notAfter { return known.key }
    let bundle = credentials.current.bundle
    let verifier = PeerVerifier(trustDomain: bundle.trustDomain)
    guard case .success(let id) = verifier.verify(chain: chain, bundle: bundle, at: now),
      id.service == service, let certificate = try? Certificate(derEncoded: leaf),
      let key = P256.Signing.PublicKey(certificate.publicKey)
    else { return nil }
    let fresh = Known(key: VerificationKey(key), notAfter: Instant(certificate.notValidAfter))
    known.withLock { known in
      if known.count >= Self.knownMax { known = known.filter { now < $0.value.notAfter } }
      if known.count < Self.knownMax { known[digest] = fresh }
    }
    return fresh.key
  }
}
