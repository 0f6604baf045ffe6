import SwiftASN1
import X509

/// Host names and addresses that a server goes by. A set: the order means nothing.
package struct ServerNames: Hashable, Sendable {
  package let hosts: Set<String>
  /// Four or sixteen bytes each.
  package let addresses: Set<[UInt8]>

  package init(hosts: some Sequence<String>, addresses: some Sequence<[UInt8]>) {
    self.hosts = Set(hosts)
    self.addresses = Set(addresses)
  }

  /// Lower-case names, addresses of the two lengths, and between one and `CertificateAuthority.edgeNamesMax` of both
  /// together.
  var isSound: Bool {
    (1...CertificateAuthority.edgeNamesMax).contains(hosts.count + addresses.count)
      && addresses.allSatisfy { [4, 16].contains($0.count) } && hosts.allSatisfy(Self.isHost)
  }

  /// Whether all hosts of others are among these.
  func hasHosts(of others: ServerNames) -> Bool { others.hosts.isSubset(of: hosts) }

  private static func isHost(_ host: String) -> Bool {
    (1...253).contains(host.utf8.count)
      && host.utf8.allSatisfy {
        (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46
      }
  }
}

// MARK: In certificates

extension ServerNames {
  /// As a certificate's subject alternative names, sorted.
  var alternativeNames: [GeneralName] {
    hosts.sorted().map { .dnsName($0) } + sortedAddresses.map { .ipAddress(octets($0)) }
  }

  /// What an authority for these names may vouch for (RFC 5280 §4.2.1.10): hosts with what is below them. Addresses are
  /// not constrained: the verifier of BoringSSL, which Swift's, gRPC's and Envoy's clients use, believes no chain with such
  /// a constraint. That no other address is vouched for is for whoever issues.
  var constraints: NameConstraints {
    guard !hosts.isEmpty else {
      // A kind of which nothing is permitted is not constrained at all, so it is excluded whole.
      return NameConstraints(permittedSubtrees: [], excludedSubtrees: [.dnsName("")])
    }
    return NameConstraints(
      permittedSubtrees: hosts.sorted().map { .dnsName($0) }, excludedSubtrees: [])
  }

  /// The hosts that an authority's certificate constrains it to; nil where it has no such constraint, or another one than
  /// ours.
  init?(constraining certificate: Certificate) {
    guard let constraints = try? certificate.extensions.nameConstraints else { return nil }
    var hosts: Set<String> = []
    for subtree in constraints.permittedSubtrees {
      guard case .dnsName(let host) = subtree else { return nil }
      hosts.insert(host)
    }
    self.init(hosts: hosts, addresses: [])
    guard certificate.extensions[oid: .X509ExtensionID.nameConstraints]?.critical == true,
      constraints == self.constraints
    else { return nil }
  }

  private var sortedAddresses: [[UInt8]] {
    addresses.sorted { $0.lexicographicallyPrecedes($1) }
  }
  private func octets(_ bytes: [UInt8]) -> ASN1OctetString {
    ASN1OctetString(contentBytes: bytes[...])
  }
}
