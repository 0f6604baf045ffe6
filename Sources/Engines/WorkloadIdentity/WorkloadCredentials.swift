package import Crypto
package import Vocabulary

/// A workload's own identity document: an X.509-SVID with its private key.
package struct X509SVID: Sendable {
  /// Who this is.
  package let id: SpiffeID
  /// DER, leaf first, then the issuing authorities; without the root.
  package let chain: [[UInt8]]
  /// The leaf's key. `derRepresentation` is the PKCS #8 form that the Workload API carries.
  package let privateKey: P256.Signing.PrivateKey
  /// First and last moment of validity.
  package let notBefore: Instant
  package let notAfter: Instant

  package init(
    id: SpiffeID, chain: [[UInt8]], privateKey: P256.Signing.PrivateKey, notBefore: Instant,
    notAfter: Instant
  ) {
    self.id = id
    self.chain = chain
    self.privateKey = privateKey
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// As long as the clock is in here, nobody needs a fresh one.
  package var fresh: Range<Instant> { notBefore..<max(notBefore, halfLife) }

  /// When a fresh one should be in hand: the middle of the validity.
  package var halfLife: Instant {
    notBefore + .nanoseconds((notAfter - notBefore).nanoseconds / 2)
  }
}

/// What one side of a mutual handshake needs: its own document, and whom to believe.
package struct WorkloadCredentials: Sendable {
  package let svid: X509SVID
  package let bundle: TrustBundle

  package init(svid: X509SVID, bundle: TrustBundle) {
    self.svid = svid
    self.bundle = bundle
  }
}
