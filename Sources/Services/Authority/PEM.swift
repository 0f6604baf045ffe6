import AuthorityAPI
import FoundationEssentials
import Vocabulary
import WorkloadIdentity
import X509

/// The text form of certificates (RFC 7468).
enum PEM {
  static func certificate(_ der: [UInt8]) -> String {
    var text = "-----BEGIN CERTIFICATE-----\n"
    var rest = Data(der).base64EncodedString()[...]
    while !rest.isEmpty {
      text += rest.prefix(64) + "\n"
      rest = rest.dropFirst(64)
    }
    return text + "-----END CERTIFICATE-----\n"
  }
}

extension RotationAnswer {
  init(_ authority: CertificateAuthority, roots: Int) {
    self.init(authority.certificate, roots: roots)
  }
  init(_ certificate: Certificate, roots: Int) {
    self.init(
      serial: hexText(certificate.serialNumber.bytes),
      notAfter: Instant(certificate.notValidAfter), roots: roots)
  }
}
