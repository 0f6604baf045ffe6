import AuthorityAPI
import FoundationEssentials
import Glibc
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

/// Addresses as certificates hold them.
enum IPAddress {
  /// Four or sixteen bytes; nil when the text is no address.
  static func bytes(_ text: String) -> [UInt8]? {
    var four = [UInt8](repeating: 0, count: 4)
    if inet_pton(AF_INET, text, &four) == 1 { return four }
    var sixteen = [UInt8](repeating: 0, count: 16)
    return inet_pton(AF_INET6, text, &sixteen) == 1 ? sixteen : nil
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
