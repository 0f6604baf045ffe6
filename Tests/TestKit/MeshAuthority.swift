import Crypto
package import Vocabulary
package import WorkloadIdentity

/// A certificate authority for tests: real certificates for real handshakes, made on the spot.
package struct MeshAuthority: Sendable {
  package let trustDomain: String
  package let root: CertificateAuthority
  package let issuer: CertificateAuthority
  package let bundle: TrustBundle
  private let randomness: Randomness

  package init(
    trustDomain: String = "strongroom.test", at now: Instant, randomness: Randomness = .system
  ) throws {
    self.trustDomain = trustDomain
    self.randomness = randomness
    root = try .root(
      trustDomain: trustDomain, lifetime: .seconds(864_000), at: now, randomness: randomness)
    issuer = try root.issuingAuthority(
      trustDomain: trustDomain, lifetime: .seconds(432_000), at: now, randomness: randomness)
    bundle = try TrustBundle(trustDomain: trustDomain, der: [root.certificateBytes])
  }

  /// A service's certificate, and the bundle that belongs to it.
  package func credentials(
    for service: ServiceName, lifetime: Duration = .seconds(3_600), at now: Instant
  ) throws -> WorkloadCredentials {
    guard let id = SpiffeID(trustDomain: trustDomain, service: service) else {
      throw IssuingRefusal.foreignTrustDomain
    }
    return WorkloadCredentials(
      svid: try issuer.svid(for: id, lifetime: lifetime, at: now, randomness: randomness),
      bundle: bundle)
  }
}
