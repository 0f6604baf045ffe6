package import Vocabulary
package import X509

/// Decides who is at the other end of a handshake: X509-SVID §5, on top of RFC 5280 §6. Host names
/// play no part.
package struct PeerVerifier: Sendable {
  /// The only trust domain whose members are believed.
  package let trustDomain: String
  package let limits: CertificatePath.Limits

  package init(trustDomain: String, limits: CertificatePath.Limits = .standard) {
    self.trustDomain = trustDomain
    self.limits = limits
  }

  /// The peer's identity, or the reason why there is none. Synchronous: about 0.2 ms of arithmetic,
  /// no waiting.
  /// - Parameters:
  ///   - chain: DER as the peer sent it, leaf first.
  ///   - moment: the time at which every certificate in the path must be valid.
  package func verify(
    chain: [[UInt8]], bundle: TrustBundle, at moment: Instant
  ) -> Result<SpiffeID, PeerRefusal> {
    Result { () throws(PeerRefusal) in try identity(chain: chain, bundle: bundle, at: moment) }
  }

  /// The same decision as a throwing function.
  package func identity(
    chain: [[UInt8]], bundle: TrustBundle, at moment: Instant
  ) throws(PeerRefusal) -> SpiffeID {
    guard bundle.trustDomain == trustDomain else { throw .foreignTrustDomain }
    let certificates = try CertificatePath.parse(chain, limits: limits)
    // `parse` refuses an empty chain.
    let leaf = certificates[0]
    let id = try Self.identity(ofLeaf: leaf)
    guard id.trustDomain == trustDomain else { throw .foreignTrustDomain }
    let path = try CertificatePath.build(
      leaf: leaf, intermediates: Array(certificates.dropFirst()), roots: bundle.authorities,
      at: moment, limits: limits)
    for authority in path.dropFirst() { try checkIdentity(ofAuthority: authority) }
    return id
  }

  /// The leaf rules alone, without a path (X509-SVID §2–§4): what a holder can check of its own
  /// document.
  package static func identity(ofLeaf leaf: Certificate) throws(PeerRefusal) -> SpiffeID {
    let extensions: LeafExtensions
    do {
      extensions = try LeafExtensions(leaf)
    } catch {
      throw .malformedCertificate
    }
    guard !extensions.isAuthority else { throw .leafIsAuthority }
    guard let usage = extensions.usage, extensions.usageIsCritical, usage.digitalSignature,
      !usage.keyCertSign, !usage.cRLSign
    else { throw .leafKeyUsage }
    if let purposes = extensions.purposes {
      guard purposes.contains(.serverAuth), purposes.contains(.clientAuth) else {
        throw .leafExtendedKeyUsage
      }
    }
    guard extensions.uris.count == 1, let id = SpiffeID(extensions.uris[0]), !id.path.isEmpty else {
      throw .notOneIdentity
    }
    return id
  }

  /// A signing certificate may carry the trust domain's own id and no other (X509-SVID §3.2).
  private func checkIdentity(ofAuthority authority: Certificate) throws(PeerRefusal) {
    let uris: [String]
    do {
      uris = try authority.uris
    } catch {
      throw .malformedCertificate
    }
    for uri in uris where uri.hasPrefix("spiffe:") {
      guard let id = SpiffeID(uri), id.path.isEmpty else { throw .notOneIdentity }
      guard id.trustDomain == trustDomain else { throw .foreignTrustDomain }
    }
  }
}

private struct LeafExtensions {
  let isAuthority: Bool
  let usage: KeyUsage?
  let usageIsCritical: Bool
  let purposes: ExtendedKeyUsage?
  let uris: [String]

  init(_ leaf: Certificate) throws {
    switch try leaf.extensions.basicConstraints {
    case .isCertificateAuthority: isAuthority = true
    case .notCertificateAuthority, nil: isAuthority = false
    }
    usage = try leaf.extensions.keyUsage
    usageIsCritical = leaf.extensions[oid: .X509ExtensionID.keyUsage]?.critical ?? false
    purposes = try leaf.extensions.extendedKeyUsage
    uris = try leaf.uris
  }
}

extension Certificate {
  /// The URI names of the subject alternative name.
  var uris: [String] {
    get throws {
      try (extensions.subjectAlternativeNames ?? SubjectAlternativeNames()).compactMap { name in
        if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
      }
    }
  }
}
