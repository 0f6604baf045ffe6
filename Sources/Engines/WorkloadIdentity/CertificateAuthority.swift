package import Crypto
import FoundationEssentials
import SwiftASN1
package import Vocabulary
package import X509

/// A key with the right to sign certificates, and the certificate that says so. Pure: time and
/// randomness come in, and nothing is kept.
package struct CertificateAuthority: Sendable {
  /// Longest life of a workload's certificate.
  package static let leafLifetimeMax: Duration = .seconds(3_600)
  /// Longest life of the gateway's public certificate: it is renewed by itself at half of it, so a stolen one is soon
  /// worthless.
  package static let edgeLifetimeMax: Duration = .seconds(86_400)
  /// Longest life of a signing certificate.
  package static let authorityLifetimeMax: Duration = .seconds(10 * 366 * 86_400)
  /// Host names and addresses of one edge certificate.
  package static let edgeNamesMax = 32
  /// How far a certificate's first moment lies before its making, for peers whose clock is a little
  /// slow.
  package static let backdating: Duration = .seconds(10)

  /// The signing certificate.
  package let certificate: Certificate
  /// The same in DER.
  package let certificateBytes: [UInt8]
  package let privateKey: P256.Signing.PrivateKey
  /// Whether this is the top of its hierarchy: then it is not sent in chains, the peer has it
  /// already.
  package var isRoot: Bool { certificate.issuer == certificate.subject }

  /// Brings a kept authority back.
  /// - Throws: `IssuingRefusal.keyMismatch` when the key is not the certificate's; `.malformed` for
  ///   bad DER.
  package init(
    certificateBytes: [UInt8], privateKey: P256.Signing.PrivateKey
  ) throws(IssuingRefusal) {
    guard let certificate = try? Certificate(derEncoded: certificateBytes) else { throw .malformed }
    guard certificate.publicKey == Certificate.PublicKey(privateKey.publicKey) else {
      throw .keyMismatch
    }
    self.certificate = certificate
    self.certificateBytes = certificateBytes
    self.privateKey = privateKey
  }

  private init(_ issued: Issued, _ privateKey: P256.Signing.PrivateKey) {
    certificate = issued.certificate
    certificateBytes = issued.der
    self.privateKey = privateKey
  }

  /// When this authority can no longer sign.
  package var notAfter: Instant { Instant(certificate.notValidAfter) }

  /// A self-signed root for a trust domain; its own URI name is the domain's id (X509-SVID §3.2).
  /// - Parameter lifetime: at most `authorityLifetimeMax`.
  package static func root(
    trustDomain: String, lifetime: Duration, at moment: Instant, randomness: Randomness
  ) throws(IssuingRefusal) -> CertificateAuthority {
    guard let id = SpiffeID("spiffe://\(trustDomain)") else { throw .foreignTrustDomain }
    let key = try newKey(randomness)
    let serial = newSerial(randomness)
    let subject = try name(of: "Strongroom root", serial: serial)
    var draft = Draft(serial: serial, subject: subject, key: key.publicKey)
    draft.names = [.uniformResourceIdentifier(id.description)]
    draft.constraints = .isCertificateAuthority(maxPathLength: 1)
    draft.usage = KeyUsage(keyCertSign: true, cRLSign: true)
    (draft.notBefore, draft.notAfter) = try validity(
      lifetime, max: authorityLifetimeMax, from: moment)
    return CertificateAuthority(try draft.signed(by: key, issuer: nil), key)
  }

  /// An authority below this one that signs leaves only (path length 0).
  /// - Parameter lifetime: at most `authorityLifetimeMax`; cut to this authority's own end.
  package func issuingAuthority(
    trustDomain: String, lifetime: Duration, at moment: Instant, randomness: Randomness
  ) throws(IssuingRefusal) -> CertificateAuthority {
    guard let id = SpiffeID("spiffe://\(trustDomain)") else { throw .foreignTrustDomain }
    let key = try Self.newKey(randomness)
    let serial = Self.newSerial(randomness)
    let subject = try Self.name(of: "Strongroom issuing authority", serial: serial)
    var draft = Draft(serial: serial, subject: subject, key: key.publicKey)
    draft.names = [.uniformResourceIdentifier(id.description)]
    draft.constraints = .isCertificateAuthority(maxPathLength: 0)
    draft.usage = KeyUsage(keyCertSign: true, cRLSign: true)
    (draft.notBefore, draft.notAfter) = try validity(
      lifetime, max: Self.authorityLifetimeMax, from: moment)
    return CertificateAuthority(try draft.signed(by: privateKey, issuer: self), key)
  }

  /// A workload's document: P-256, the URI name and nothing else about it.
  /// - Parameter lifetime: at most `leafLifetimeMax`, backdating included; cut to this authority's
  ///   own end.
  package func svid(
    for id: SpiffeID, lifetime: Duration, at moment: Instant, randomness: Randomness
  ) throws(IssuingRefusal) -> X509SVID {
    guard !id.path.isEmpty, id.trustDomain == trustDomain else { throw .foreignTrustDomain }
    let key = try Self.newKey(randomness)
    var draft = Draft(
      serial: Self.newSerial(randomness), subject: DistinguishedName(), key: key.publicKey)
    draft.names = [.uniformResourceIdentifier(id.description)]
    draft.usage = KeyUsage(digitalSignature: true)
    draft.purposes = [.serverAuth, .clientAuth]
    (draft.notBefore, draft.notAfter) = try validity(
      lifetime, max: Self.leafLifetimeMax, from: moment)
    let issued = try draft.signed(by: privateKey, issuer: self)
    return X509SVID(
      id: id, chain: [issued.der] + (isRoot ? [] : [certificateBytes]), privateKey: key,
      notBefore: draft.notBefore, notAfter: draft.notAfter)
  }

  /// The trust domain this authority signs for, by its own URI name; nil for the edge's.
  package var trustDomain: String? {
    guard let uris = try? certificate.uris else { return nil }
    return uris.lazy.compactMap { SpiffeID($0) }.first?.trustDomain
  }
}

/// Why no certificate was issued.
package enum IssuingRefusal: String, Error, Hashable, Sendable {
  /// Zero, negative, or more than the kind of certificate allows.
  case lifetime
  /// The authority itself is no longer, or not yet, valid.
  case authorityExpired = "authority-expired"
  /// The id is not of this authority's trust domain, or names the domain itself.
  case foreignTrustDomain = "foreign-trust-domain"
  /// No name, too many names, or an address that is not 4 or 16 bytes.
  case names
  /// A name that this authority may not vouch for.
  case foreignNames = "foreign-names"
  case keyMismatch = "key-mismatch"
  /// Cannot be written as, or read from, DER.
  case malformed
}

extension CertificateAuthority {
  /// The authority behind the gateway's public certificate: apart from the workloads' roots, so that trusting one never
  /// means trusting the other. Whoever trusts it trusts it for these hosts and no others: its certificate says so.
  package static func edge(
    for names: ServerNames, lifetime: Duration, at moment: Instant, randomness: Randomness
  ) throws(IssuingRefusal) -> CertificateAuthority {
    guard names.isSound else { throw .names }
    let key = try newKey(randomness)
    let serial = newSerial(randomness)
    let subject = try name(of: "Strongroom edge", serial: serial)
    var draft = Draft(serial: serial, subject: subject, key: key.publicKey)
    draft.constraints = .isCertificateAuthority(maxPathLength: 0)
    draft.nameConstraints = names.constraints
    draft.usage = KeyUsage(keyCertSign: true, cRLSign: true)
    (draft.notBefore, draft.notAfter) = try validity(
      lifetime, max: authorityLifetimeMax, from: moment)
    return CertificateAuthority(try draft.signed(by: key, issuer: nil), key)
  }

  /// The hosts that this authority may vouch for, as its own certificate says; nil where that says nothing.
  package var constrainedNames: ServerNames? { ServerNames(constraining: certificate) }

  /// A public server certificate.
  /// - Throws: `.names` for none, too many or malformed ones, then `.foreignNames` for a host that is not this authority's.
  /// Which addresses are the server's is the caller's to know.
  package func edgeCertificate(
    for names: ServerNames, lifetime: Duration, at moment: Instant, randomness: Randomness
  ) throws(IssuingRefusal) -> EdgeCertificate {
    guard names.isSound else { throw .names }
    guard constrainedNames?.hasHosts(of: names) == true else { throw .foreignNames }
    let key = try Self.newKey(randomness)
    let serial = Self.newSerial(randomness)
    var draft = Draft(
      serial: serial, subject: try Self.name(of: "Strongroom gateway", serial: serial),
      key: key.publicKey)
    draft.names = names.alternativeNames
    draft.usage = KeyUsage(digitalSignature: true)
    draft.purposes = [.serverAuth]
    (draft.notBefore, draft.notAfter) = try validity(
      lifetime, max: Self.edgeLifetimeMax, from: moment)
    let issued = try draft.signed(by: privateKey, issuer: self)
    return EdgeCertificate(
      chain: [issued.der], privateKey: key, notBefore: draft.notBefore, notAfter: draft.notAfter)
  }
}

/// The gateway's public TLS certificate with its key.
package struct EdgeCertificate: Sendable {
  /// DER, leaf first, without the root.
  package let chain: [[UInt8]]
  package let privateKey: P256.Signing.PrivateKey
  package let notBefore: Instant
  package let notAfter: Instant

  package init(
    chain: [[UInt8]], privateKey: P256.Signing.PrivateKey, notBefore: Instant, notAfter: Instant
  ) {
    self.chain = chain
    self.privateKey = privateKey
    self.notBefore = notBefore
    self.notAfter = notAfter
  }
}
