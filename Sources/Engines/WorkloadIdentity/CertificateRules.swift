package import FoundationEssentials
import SwiftASN1
package import Vocabulary
import X509

/// What RFC 5280 §4 and §6 demand of a single certificate in a path.
enum CertificateRules {
  /// Octets of a serial number (RFC 5280 §4.1.2.2).
  static let serialBytesMax = 20
  static let rsaBitsMin = 2_048

  /// Extensions that may be critical here, because the rules below act on them.
  private static let understood: Set<ASN1ObjectIdentifier> = [
    .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.nameConstraints,
    .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage,
  ]
  /// Policies are not processed, so a chain that constrains them is not one we can judge (RFC 5280
  /// §4.2.1.11).
  private static let policyConstraints: ASN1ObjectIdentifier = [2, 5, 29, 36]

  /// Rules for every certificate, root included.
  static func check(_ certificate: Certificate, at moment: Instant) throws(PeerRefusal) {
    guard certificate.version == .v3 else { throw .malformedCertificate }
    try checkSerial(certificate.serialNumber)
    for item in certificate.extensions {
      if item.critical, !understood.contains(item.oid) { throw .unknownCriticalExtension }
      if item.oid == policyConstraints { throw .unknownCriticalExtension }
    }
    try checkStrength(certificate)
    guard moment >= Instant(certificate.notValidBefore) else { throw .notYetValid }
    // A certificate is valid through its last second (RFC 5280 §4.1.2.5).
    guard moment < Instant(certificate.notValidAfter) + .seconds(1) else { throw .expired }
  }

  /// Rules for the end of the path.
  static func checkLeaf(_ leaf: Certificate) throws(PeerRefusal) {
    let authority: BasicConstraints?
    let usage: KeyUsage?
    let hasKeyIdentifier: Bool
    do {
      authority = try leaf.extensions.basicConstraints
      usage = try leaf.extensions.keyUsage
      hasKeyIdentifier = try leaf.extensions.authorityKeyIdentifier?.keyIdentifier != nil
      _ = try leaf.extensions.subjectAlternativeNames
      _ = try leaf.extensions.extendedKeyUsage
    } catch {
      throw .malformedCertificate
    }
    if case .isCertificateAuthority = authority { throw .leafIsAuthority }
    if let usage, usage.keyCertSign || usage.cRLSign { throw .leafKeyUsage }
    // Name constraints belong to authorities only (RFC 5280 §4.2.1.10).
    guard leaf.extensions[oid: .X509ExtensionID.nameConstraints] == nil, hasKeyIdentifier else {
      throw .malformedCertificate
    }
    let names = leaf.extensions[oid: .X509ExtensionID.subjectAlternativeName]
    // Without a subject the names are all there is, so they must not be skippable (RFC 5280
    // §4.2.1.6).
    if leaf.subject.isEmpty, names?.critical != true { throw .malformedCertificate }
  }

  /// Rules for whoever signs.
  static func checkAuthority(_ issuer: Certificate, isRoot: Bool) throws(PeerRefusal) {
    let constraints: BasicConstraints?
    let usage: KeyUsage?
    let own: SubjectKeyIdentifier?
    let above: AuthorityKeyIdentifier?
    do {
      constraints = try issuer.extensions.basicConstraints
      usage = try issuer.extensions.keyUsage
      own = try issuer.extensions.subjectKeyIdentifier
      above = try issuer.extensions.authorityKeyIdentifier
    } catch {
      throw .malformedCertificate
    }
    guard case .isCertificateAuthority = constraints,
      issuer.extensions[oid: .X509ExtensionID.basicConstraints]?.critical == true,
      usage?.keyCertSign == true, let own, !issuer.subject.isEmpty
    else { throw .issuerNotAuthority }
    guard isRoot, issuer.issuer == issuer.subject else {
      if !isRoot, above?.keyIdentifier == nil { throw .issuerNotAuthority }
      return
    }
    // A self-signed root that names another key as its issuer contradicts itself (RFC 5280
    // §4.2.1.1).
    guard let above else { return }
    guard above.authorityCertIssuer == nil, above.authorityCertSerialNumber == nil,
      above.keyIdentifier == own.keyIdentifier
    else { throw .issuerNotAuthority }
  }

  /// Self-issued certificates below do not count (RFC 5280 §4.2.1.9).
  static func checkPathLength(
    of issuer: Certificate, over path: [Certificate]
  ) throws(PeerRefusal) {
    let below = path.dropFirst().count { $0.issuer != $0.subject }
    do {
      guard case .isCertificateAuthority(let limit?) = try issuer.extensions.basicConstraints,
        below > limit
      else { return }
    } catch {
      throw .malformedCertificate
    }
    throw .pathTooLong
  }

  private static func checkSerial(_ serial: Certificate.SerialNumber) throws(PeerRefusal) {
    let bytes = serial.bytes
    let octets = bytes.count + ((bytes.first ?? 0) >= 0x80 ? 1 : 0)
    guard bytes.contains(where: { $0 != 0 }), octets <= serialBytesMax else {
      throw .malformedCertificate
    }
  }

  private static func checkStrength(_ certificate: Certificate) throws(PeerRefusal) {
    switch certificate.signatureAlgorithm {
    case .ecdsaWithSHA256, .ecdsaWithSHA384, .ecdsaWithSHA512, .sha256WithRSAEncryption,
      .sha384WithRSAEncryption, .sha512WithRSAEncryption, .ed25519:
      break
    default: throw .weakKey
    }
    guard let bits = certificate.publicKey.rsaModulusBits else { return }
    guard bits >= rsaBitsMin, bits % 8 == 0 else { throw .weakKey }
  }
}

extension Certificate.PublicKey {
  /// Bits of the modulus of an RSA key; nil for another kind of key.
  var rsaModulusBits: Int? {
    // SubjectPublicKeyInfo's key bits are `RSAPublicKey ::= SEQUENCE { modulus, publicExponent }`
    // (RFC 3279 §2.3.1) for RSA; the bare point or octets, which are no sequence, for the curves.
    guard let root = try? DER.parse(subjectPublicKeyInfoBytes),
      let modulus: ArraySlice<UInt8> = try? DER.sequence(
        root, identifier: .sequence,
        { nodes in
          let modulus = try ArraySlice<UInt8>(derEncoded: &nodes)
          // The exponent must be read too: a sequence with leftovers does not parse.
          _ = try ArraySlice<UInt8>(derEncoded: &nodes)
          return modulus
        })
    else { return nil }
    let digits = modulus.drop { $0 == 0 }
    guard let first = digits.first else { return nil }
    return digits.count * 8 - first.leadingZeroBitCount
  }
}

extension Instant {
  /// Certificates carry whole seconds; the fraction of a `Date` is binary noise below them. Years
  /// beyond the range of `Instant` (a root may be valid until 9999) saturate.
  package init(_ date: Date) {
    let seconds = date.timeIntervalSince1970.rounded(.down)
    let limit = Double(Int64.max / 1_000_000_000)
    self.init(seconds: Int64(min(max(seconds, -limit), limit)))
  }
}
