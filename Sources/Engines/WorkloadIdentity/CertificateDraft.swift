import Crypto
import FoundationEssentials
import SwiftASN1
import Vocabulary
import X509

/// A certificate before it is signed.
struct Draft {
  let serial: Certificate.SerialNumber
  let subject: DistinguishedName
  let key: P256.Signing.PublicKey
  var names: [GeneralName] = []
  var constraints = BasicConstraints.notCertificateAuthority
  /// What it may vouch for, where it is an authority that may not vouch for everything.
  var nameConstraints: NameConstraints?
  var usage = KeyUsage()
  var purposes: [ExtendedKeyUsage.Usage] = []
  var notBefore = Instant(seconds: 0)
  var notAfter = Instant(seconds: 0)

  init(serial: Certificate.SerialNumber, subject: DistinguishedName, key: P256.Signing.PublicKey) {
    self.serial = serial
    self.subject = subject
    self.key = key
  }

  /// - Parameter issuer: nil for a self-signed certificate.
  func signed(
    by signer: P256.Signing.PrivateKey, issuer: CertificateAuthority?
  ) throws(IssuingRefusal) -> Issued {
    do {
      let publicKey = Certificate.PublicKey(key)
      let issuerKey = SubjectKeyIdentifier(hash: Certificate.PublicKey(signer.publicKey))
      var extensions = Certificate.Extensions()
      try extensions.append(Certificate.Extension(constraints, critical: true))
      try extensions.append(Certificate.Extension(usage, critical: true))
      try extensions.append(
        Certificate.Extension(SubjectKeyIdentifier(hash: publicKey), critical: false))
      try extensions.append(
        Certificate.Extension(
          AuthorityKeyIdentifier(keyIdentifier: issuerKey.keyIdentifier), critical: false))
      if !purposes.isEmpty {
        try extensions.append(
          Certificate.Extension(try ExtendedKeyUsage(purposes), critical: false))
      }
      if let nameConstraints {
        try extensions.append(Certificate.Extension(nameConstraints, critical: true))
      }
      if !names.isEmpty {
        // Critical exactly when there is no subject to fall back on (RFC 5280 §4.2.1.6).
        try extensions.append(
          Certificate.Extension(SubjectAlternativeNames(names), critical: subject.isEmpty))
      }
      let certificate = try Certificate(
        version: .v3, serialNumber: serial, publicKey: publicKey,
        notValidBefore: Date(timeIntervalSince1970: Double(notBefore.seconds)),
        notValidAfter: Date(timeIntervalSince1970: Double(notAfter.seconds)),
        issuer: issuer?.certificate.subject ?? subject, subject: subject,
        signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
        issuerPrivateKey: Certificate.PrivateKey(signer))
      var serializer = DER.Serializer()
      try serializer.serialize(certificate)
      return Issued(certificate: certificate, der: serializer.serializedBytes)
    } catch {
      throw .malformed
    }
  }
}

/// A signed certificate, parsed and in DER.
struct Issued {
  let certificate: Certificate
  let der: [UInt8]
}

extension CertificateAuthority {
  /// 128 random bits, so that no serial number can be predicted or met twice; positive (RFC 5280
  /// §4.1.2.2).
  static func newSerial(_ randomness: Randomness) -> Certificate.SerialNumber {
    var bytes = randomness.bytes(16)
    bytes[0] = bytes[0] & 0x7f | 0x40
    return Certificate.SerialNumber(bytes: bytes)
  }

  /// - Throws: `malformed` when eight draws in a row lie outside the curve's order: the source is
  ///   broken (each does with a chance of 2⁻³²).
  static func newKey(_ randomness: Randomness) throws(IssuingRefusal) -> P256.Signing.PrivateKey {
    for _ in 0..<8 {
      if let key = try? P256.Signing.PrivateKey(rawRepresentation: randomness.bytes(32)) {
        return key
      }
    }
    throw .malformed
  }

  /// Two roots of one trust domain live side by side during a rotation; the serial keeps their
  /// names apart.
  static func name(
    of role: String, serial: Certificate.SerialNumber
  ) throws(IssuingRefusal) -> DistinguishedName {
    do {
      return try DistinguishedName {
        OrganizationName("Strongroom")
        CommonName("\(role) \(hexText(serial.bytes.prefix(4)))")
      }
    } catch {
      throw .malformed
    }
  }

  /// First and last moment, in whole seconds: `lifetime` long, begun a little before `moment`.
  static func validity(
    _ lifetime: Duration, max: Duration, from moment: Instant
  ) throws(IssuingRefusal) -> (Instant, Instant) {
    guard lifetime > backdating, lifetime <= max else { throw .lifetime }
    let first = Instant(seconds: (moment - backdating).seconds)
    return (first, Instant(seconds: (first + lifetime).seconds))
  }

  /// The same, cut to the issuer's own validity.
  func validity(
    _ lifetime: Duration, max: Duration, from moment: Instant
  ) throws(IssuingRefusal) -> (Instant, Instant) {
    let (first, last) = try Self.validity(lifetime, max: max, from: moment)
    let from = Instant(certificate.notValidBefore)
    guard moment >= from, moment < notAfter else { throw .authorityExpired }
    return (Swift.max(first, from), min(last, notAfter))
  }
}
