import Crypto
import Vocabulary
import WorkloadIdentity

/// One key with all that belongs to it.
struct SigningKey: Sendable {
  var slot: KeySlot
  let privateKey: P256.Signing.PrivateKey
  /// Nil for a JWT key.
  let authority: CertificateAuthority?
}

/// Everything that signs and everything that is believed, at one moment.
struct SigningKeys: Sendable {
  let trustDomain: String
  let root: CertificateAuthority
  let issuer: CertificateAuthority
  let edge: CertificateAuthority
  let jwtKey: P256.Signing.PrivateKey
  /// Roots in force, in preparation and in retirement, oldest first.
  let bundle: SpiffeBundle

  /// Nil while a kind has no key, which `KeySchedule` repairs before anybody asks.
  init?(_ keys: [SigningKey], trustDomain: String, at now: Instant) {
    let slots = keys.map(\.slot)
    func current(_ kind: KeyKind) -> SigningKey? {
      guard let slot = KeySchedule.current(kind, of: slots, at: now) else { return nil }
      return keys.first { $0.slot.id == slot.id }
    }
    guard let root = current(.root)?.authority, let issuer = current(.issuer)?.authority,
      let edge = current(.edge)?.authority, let jwt = current(.jwt)
    else { return nil }
    let ordered = keys.sorted { $0.slot.activeFrom < $1.slot.activeFrom }
    let roots = ordered.filter { $0.slot.kind == .root }.compactMap(\.authority?.certificateBytes)
    let jwtAuthorities = ordered.filter { $0.slot.kind == .jwt }.map {
      JWTAuthority($0.privateKey.publicKey)
    }
    guard let trust = try? TrustBundle(trustDomain: trustDomain, der: roots) else { return nil }
    self.trustDomain = trustDomain
    self.root = root
    self.issuer = issuer
    self.edge = edge
    jwtKey = jwt.privateKey
    let newest = slots.map(\.createdAt.seconds).max() ?? 0
    bundle = SpiffeBundle(
      trust: trust, jwtAuthorities: jwtAuthorities, sequence: newest, refreshHintSeconds: 60)
  }

  /// A workload's certificate with all it needs beside it.
  func credentials(
    for service: ServiceName, lifetime: Duration, at now: Instant, randomness: Randomness
  ) throws(IssuingRefusal) -> WorkloadCredentials {
    guard let id = SpiffeID(trustDomain: trustDomain, service: service) else {
      throw .foreignTrustDomain
    }
    let svid = try issuer.svid(for: id, lifetime: lifetime, at: now, randomness: randomness)
    return WorkloadCredentials(svid: svid, bundle: bundle.trust)
  }
}
