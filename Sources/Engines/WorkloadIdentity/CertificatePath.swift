import FoundationEssentials
import SwiftASN1
package import Vocabulary
package import X509

/// Builds and checks a path from a leaf to a trusted authority: RFC 5280 §6.1, without policies,
/// and without anything from outside (no revocation lists, no fetching). Short lifetimes take the
/// place of revocation.
package enum CertificatePath {
  /// What one chain may cost.
  package struct Limits: Sendable, Hashable {
    /// Certificates a peer may send, leaf included.
    package var certificatesMax = 12
    /// Bytes of one certificate.
    package var certificateBytesMax = 16_384
    /// Authorities between leaf and root.
    package var intermediatesMax = 4
    /// Signatures checked while searching for a path.
    package var signatureChecksMax = 32
    /// Names of one certificate times constraints of one issuer.
    package var nameChecksMax = 4_096

    package init() {}
    package static let standard = Limits()
  }

  /// Parses what a peer sent, and refuses what no conforming authority issues.
  package static func parse(
    _ chain: [[UInt8]], limits: Limits = .standard
  ) throws(PeerRefusal) -> [Certificate] {
    guard !chain.isEmpty else { throw .noCertificate }
    guard chain.count <= limits.certificatesMax,
      chain.allSatisfy({ $0.count <= limits.certificateBytesMax })
    else { throw .tooLarge }
    do {
      let certificates = try chain.map { try Certificate(derEncoded: $0) }
      for der in chain where try !hasWholeSignature(der) { throw PeerRefusal.malformedCertificate }
      return certificates
    } catch {
      throw .malformedCertificate
    }
  }

  /// The signature is outside of what is signed, and its last bits could be declared unused without
  /// changing its value: one certificate would have several spellings.
  private static func hasWholeSignature(_ der: [UInt8]) throws -> Bool {
    try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
      _ = nodes.next()
      _ = nodes.next()
      return try ASN1BitString(derEncoded: &nodes).paddingBits == 0
    }
  }

  /// What an intermediate must be, whatever its dates: a certificate authority that may sign
  /// certificates.
  package static func checkAuthority(_ certificate: Certificate) throws(PeerRefusal) {
    try CertificateRules.checkAuthority(certificate, isRoot: false)
  }

  /// The path found, leaf first and root last.
  /// - Throws: the reason why the most promising path failed.
  package static func build(
    leaf: Certificate, intermediates: [Certificate], roots: [Certificate], at moment: Instant,
    limits: Limits = .standard
  ) throws(PeerRefusal) -> [Certificate] {
    try CertificateRules.check(leaf, at: moment)
    try CertificateRules.checkLeaf(leaf)
    var search = Search(
      intermediates: intermediates, roots: roots, moment: moment, limits: limits,
      checksLeft: limits.signatureChecksMax)
    if let path = try search.extend([leaf]) { return path }
    throw search.refusal
  }
}

/// A depth-first search with a budget: a peer chooses the certificates, so it must not choose the
/// work.
private struct Search {
  let intermediates: [Certificate]
  let roots: [Certificate]
  let moment: Instant
  let limits: CertificatePath.Limits
  var checksLeft: Int
  var refusal = PeerRefusal.noTrustedIssuer
  private var depthOfRefusal = 0

  init(
    intermediates: [Certificate], roots: [Certificate], moment: Instant,
    limits: CertificatePath.Limits, checksLeft: Int
  ) {
    self.intermediates = intermediates
    self.roots = roots
    self.moment = moment
    self.limits = limits
    self.checksLeft = checksLeft
  }

  mutating func extend(_ path: [Certificate]) throws(PeerRefusal) -> [Certificate]? {
    let tip = path[path.count - 1]
    for root in roots where root.subject == tip.issuer {
      guard try admits(root, over: path, isRoot: true) else { continue }
      return path + [root]
    }
    let candidates = intermediates.filter { $0.subject == tip.issuer && !path.contains($0) }
    guard !candidates.isEmpty else { return nil }
    guard path.count <= limits.intermediatesMax else {
      note(.pathTooLong, at: path.count)
      return nil
    }
    for candidate in candidates {
      guard try admits(candidate, over: path, isRoot: false) else { continue }
      if let whole = try extend(path + [candidate]) { return whole }
    }
    return nil
  }

  /// Whether this authority may stand above the path; notes why when it may not. Cheap checks come
  /// first.
  private mutating func admits(
    _ issuer: Certificate, over path: [Certificate], isRoot: Bool
  ) throws(PeerRefusal) -> Bool {
    let reason: PeerRefusal
    do throws(PeerRefusal) {
      try CertificateRules.check(issuer, at: moment)
      try CertificateRules.checkAuthority(issuer, isRoot: isRoot)
      try CertificateRules.checkPathLength(of: issuer, over: path)
      try NameConstraintRules.check(issuer, over: path, limits: limits)
      guard checksLeft > 0 else { throw PeerRefusal.tooMuchWork }
      checksLeft -= 1
      let tip = path[path.count - 1]
      guard issuer.publicKey.isValidSignature(tip.signature, for: tip) else {
        throw PeerRefusal.badSignature
      }
      return true
    } catch {
      reason = error
    }
    if reason == .tooMuchWork { throw reason }
    note(reason, at: path.count)
    return false
  }

  private mutating func note(_ reason: PeerRefusal, at depth: Int) {
    guard depth > depthOfRefusal else { return }
    depthOfRefusal = depth
    refusal = reason
  }
}
