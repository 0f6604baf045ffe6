import SwiftASN1
package import Vocabulary
import X509

/// A server's certificate and key of somebody else's making, looked at before they are used: a door that opens with
/// papers that its visitors refuse is a door that is shut.
package enum ServerPapers {
  /// Why visitors would turn away, by precedence; the operator's to mend.
  package enum Fault: Error, Hashable, Sendable {
    case certificateUnreadable
    /// Also one that is encrypted, which nobody could open without asking.
    case keyUnreadable
    case keyOfAnother
    case notYetValid(from: Instant)
    case expired(at: Instant)
    /// None of the certificate's names is the host.
    case otherNames([String])
  }

  /// Judges the first certificate of a chain in PEM, and a key in PEM.
  /// - Parameter host: a name in lower case, or an address in text whose bytes are `address`.
  package static func check(
    chain: String, key: String, host: String, address: [UInt8]?, at now: Instant
  ) throws(Fault) {
    guard let documents = try? PEMDocument.parseMultiple(pemString: chain),
      let leaf = documents.first,
      let certificate = try? Certificate(pemDocument: leaf)
    else { throw .certificateUnreadable }
    guard let privateKey = try? Certificate.PrivateKey(pemEncoded: key) else {
      throw .keyUnreadable
    }
    guard privateKey.publicKey == certificate.publicKey else { throw .keyOfAnother }
    let (from, until) = (
      Instant(certificate.notValidBefore), Instant(certificate.notValidAfter)
    )
    guard from <= now else { throw .notYetValid(from: from) }
    guard now < until else { throw .expired(at: until) }
    let names = (try? certificate.extensions.subjectAlternativeNames).map(Array.init) ?? []
    guard names.contains(where: { covers($0, host, address) }) else {
      throw .otherNames(names.compactMap(text))
    }
  }

  /// RFC 9525 §6.3: whole labels without case; a wildcard stands for exactly the first one. The subject's common name
  /// counts for nothing.
  private static func covers(_ name: GeneralName, _ host: String, _ address: [UInt8]?) -> Bool {
    switch name {
    case .ipAddress(let bytes): return address.map { $0.elementsEqual(bytes.bytes) } ?? false
    case .dnsName(let pattern):
      guard address == nil else { return false }
      let pattern = pattern.lowercased()
      guard pattern.hasPrefix("*.") else { return pattern == host }
      let rest = host.drop { $0 != "." }
      return rest.dropFirst().contains(".") && rest == pattern.dropFirst()
    default: return false
    }
  }

  private static func text(_ name: GeneralName) -> String? {
    switch name {
    case .dnsName(let host): host
    case .ipAddress(let bytes) where bytes.bytes.count == 4:
      bytes.bytes.map { "\($0)" }.joined(separator: ".")
    default: nil
    }
  }
}
