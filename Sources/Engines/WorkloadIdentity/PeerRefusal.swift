/// Why a peer's certificate chain is not believed. Sorted by precedence: the first that applies is
/// told.
package enum PeerRefusal: String, Error, Hashable, Sendable, CaseIterable {
  /// The bundle itself cannot be read; nobody can be believed.
  case malformedBundle = "malformed-bundle"
  /// The peer sent no certificate.
  case noCertificate = "no-certificate"
  /// More certificates than `CertificatePath.Limits.certificatesMax`, or one longer than
  /// `certificateBytesMax`.
  case tooLarge = "too-large"
  /// A certificate is not DER, not version 3, has a serial number outside RFC 5280 §4.1.2.2, or an
  /// extension that does not parse.
  case malformedCertificate = "malformed-certificate"
  /// The leaf is a certificate authority (X509-SVID §4.1).
  case leafIsAuthority = "leaf-is-authority"
  /// The leaf's key usage is absent or not critical, lacks digitalSignature, or has keyCertSign or
  /// cRLSign (X509-SVID §4.3).
  case leafKeyUsage = "leaf-key-usage"
  /// The leaf's extended key usage is present without both serverAuth and clientAuth (X509-SVID
  /// §4.4).
  case leafExtendedKeyUsage = "leaf-extended-key-usage"
  /// Not exactly one URI name, or it is not a SPIFFE ID with a path (X509-SVID §2, §4.1).
  case notOneIdentity = "not-one-identity"
  /// The id belongs to another trust domain.
  case foreignTrustDomain = "foreign-trust-domain"
  /// A critical extension that this verifier does not understand, or one whose criticality RFC 5280
  /// forbids.
  case unknownCriticalExtension = "unknown-critical-extension"
  /// An RSA key under 2,048 bits, a curve not in use, or a signature with SHA-1.
  case weakKey = "weak-key"
  case notYetValid = "not-yet-valid"
  case expired
  /// An issuer is not a certificate authority with keyCertSign, or lacks what RFC 5280 §4.2.1
  /// demands of one.
  case issuerNotAuthority = "issuer-not-authority"
  /// A path length constraint, or the verifier's own depth, is exceeded.
  case pathTooLong = "path-too-long"
  /// A name in the chain is outside an issuer's name constraints (RFC 5280 §4.2.1.10).
  case nameConstraint = "name-constraint"
  /// An issuer of the right name did not sign this.
  case badSignature = "bad-signature"
  /// More signature checks than `CertificatePath.Limits.signatureChecksMax` would be needed.
  case tooMuchWork = "too-much-work"
  /// No chain leads to an authority of the bundle.
  case noTrustedIssuer = "no-trusted-issuer"
}
