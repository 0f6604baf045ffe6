import SwiftASN1
import X509

/// Name constraints (RFC 5280 §4.2.1.10): what an authority may vouch for. A constraint of a kind
/// that is not understood refuses every name of that kind.
enum NameConstraintRules {
  static func check(
    _ issuer: Certificate, over path: [Certificate], limits: CertificatePath.Limits
  ) throws(PeerRefusal) {
    guard issuer.extensions[oid: .X509ExtensionID.nameConstraints] != nil else { return }
    let permitted: [GeneralName]
    let excluded: [GeneralName]
    do {
      // Present, as checked above; absent would mean no constraint and is covered by the guard.
      guard let constraints = try issuer.extensions.nameConstraints else { return }
      permitted = constraints.permittedSubtrees
      excluded = constraints.excludedSubtrees
    } catch {
      throw .malformedCertificate
    }
    // An empty extension constrains nothing and is forbidden.
    guard !(permitted.isEmpty && excluded.isEmpty) else { throw .nameConstraint }
    for (index, certificate) in path.enumerated() {
      // Self-issued certificates are exempt unless they end the path.
      if index > 0, certificate.issuer == certificate.subject { continue }
      let names = try names(of: certificate)
      guard names.count * (permitted.count + excluded.count) <= limits.nameChecksMax else {
        throw .tooMuchWork
      }
      for name in names where !admits(name, permitted: permitted, excluded: excluded) {
        throw .nameConstraint
      }
    }
  }

  private static func names(of certificate: Certificate) throws(PeerRefusal) -> [GeneralName] {
    do {
      var names = Array(
        try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames())
      if !certificate.subject.isEmpty { names.append(.directoryName(certificate.subject)) }
      return names
    } catch {
      throw .malformedCertificate
    }
  }

  private static func admits(
    _ name: GeneralName, permitted: [GeneralName], excluded: [GeneralName]
  ) -> Bool {
    for subtree in excluded where isSameKind(name, subtree) {
      // What cannot be judged is treated as excluded.
      if matches(name, subtree, whole: false) ?? true { return false }
    }
    let relevant = permitted.filter { isSameKind(name, $0) }
    return relevant.isEmpty || relevant.contains { matches(name, $0, whole: true) ?? false }
  }

  private static func isSameKind(_ left: GeneralName, _ right: GeneralName) -> Bool {
    switch (left, right) {
    case (.dnsName, .dnsName), (.ipAddress, .ipAddress), (.rfc822Name, .rfc822Name),
      (.uniformResourceIdentifier, .uniformResourceIdentifier),
      (.directoryName, .directoryName), (.x400Address, .x400Address),
      (.ediPartyName, .ediPartyName), (.registeredID, .registeredID):
      true
    case (.otherName(let one), .otherName(let other)): one.typeID == other.typeID
    default: false
    }
  }

  /// Nil when one of the two is malformed or of a kind that is not understood.
  /// - Parameter whole: whether all names that a wildcard stands for must lie in the subtree, or
  ///   any.
  private static func matches(_ name: GeneralName, _ subtree: GeneralName, whole: Bool) -> Bool? {
    switch (name, subtree) {
    case (.dnsName(let host), .dnsName(let base)): HostName.lies(host, in: base, whole: whole)
    case (.ipAddress(let address), .ipAddress(let range)):
      lies(Array(address.bytes), in: Array(range.bytes))
    case (.rfc822Name(let mailbox), .rfc822Name(let base)): lies(mailbox: mailbox, in: base)
    case (.uniformResourceIdentifier(let uri), .uniformResourceIdentifier(let base)):
      host(of: uri).flatMap { HostName.equalsOrEnds($0, base) }
    case (.directoryName(let subject), .directoryName(let base)): subject.starts(with: base)
    default: nil
    }
  }

  /// An address of 4 or 16 bytes against as many bytes of network and of contiguous mask.
  private static func lies(_ address: [UInt8], in range: [UInt8]) -> Bool? {
    guard [4, 16].contains(address.count) else { return nil }
    guard [8, 32].contains(range.count) else { return nil }
    guard range.count == address.count * 2 else { return false }
    let network = range.prefix(address.count)
    let mask = range.suffix(address.count)
    return zip(zip(address, network), mask).allSatisfy { pair, bits in
      pair.0 & bits == pair.1 & bits
    }
  }

  /// A mailbox against a mailbox, a host, or a domain with a leading dot.
  private static func lies(mailbox: String, in base: String) -> Bool? {
    guard let at = mailbox.lastIndex(of: "@") else { return nil }
    let local = mailbox[..<at]
    let host = String(mailbox[mailbox.index(after: at)...])
    guard let baseAt = base.lastIndex(of: "@") else { return HostName.equalsOrEnds(host, base) }
    return base[..<baseAt] == local
      && base[base.index(after: baseAt)...].lowercased() == host.lowercased()
  }

  private static func host(of uri: String) -> String? {
    guard let scheme = uri.firstRange(of: "://") else { return nil }
    let authority = uri[scheme.upperBound...].prefix { !"/?#".contains($0) }
    let hostAndPort = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    let host = hostAndPort.prefix { $0 != ":" }
    return host.isEmpty || host.hasPrefix("[") ? nil : String(host)
  }
}

/// DNS names in constraints: ASCII, compared without regard to case.
private enum HostName {
  /// RFC 1035 §2.3.4, without the trailing dot.
  static let bytesMax = 253

  /// `base` covers itself and everything below; empty covers all. Nil for a malformed name or base.
  static func lies(_ host: String, in base: String, whole: Bool) -> Bool? {
    let isWildcard = host.hasPrefix("*.")
    let name = (isWildcard ? String(host.dropFirst(2)) : host).lowercased()
    let base = base.lowercased()
    guard isValid(name) else { return nil }
    guard !base.isEmpty else { return true }
    guard isValid(base) else { return nil }
    if name == base || name.hasSuffix("." + base) { return true }
    // `*.example.com` may stand for the excluded `a.example.com`.
    return isWildcard && !whole && base.hasSuffix("." + name)
  }

  /// For mail and URI: a leading dot means subdomains only, no dot means exactly this host.
  static func equalsOrEnds(_ host: String, _ base: String) -> Bool? {
    let host = host.lowercased()
    let base = base.lowercased()
    guard isValid(host) else { return nil }
    return base.hasPrefix(".") ? host.hasSuffix(base) : host == base
  }

  private static func isValid(_ name: String) -> Bool {
    guard (1...bytesMax).contains(name.utf8.count) else { return false }
    return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy {
          (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
        }
    }
  }
}
