/// Whether certificates lead from a leaf to a root (RFC 5280 §6), as far as Go's
/// `Certificate.Verify` looks: signatures, times, authorities, purposes and names.
struct CertificateChain {
  struct Options {
    var name: String?
    /// Seconds since 1970.
    var seconds: Int
    /// Go's `x509.ExtKeyUsage`; 0 is any.
    var purposes = [1]
  }

  /// Most signatures that are checked for one chain.
  static let signaturesMax = 100

  private let root: ParsedCertificate
  private let intermediates: ArraySlice<ParsedCertificate>
  private let options: Options
  private var signaturesLeft = signaturesMax

  /// From the leaf to the root; nil where the last certificate does not lead to the first.
  static func verified(_ certificates: [ParsedCertificate], _ options: Options)
    -> [ParsedCertificate]?
  {
    guard certificates.count > 1, let root = certificates.first, let leaf = certificates.last else {
      return nil
    }
    if let name = options.name, !leaf.isNamed(name) { return nil }
    guard leaf.extensions.unhandledCritical.isEmpty, leaf.validity.contains(options.seconds) else {
      return nil
    }
    var chain = CertificateChain(
      root: root, intermediates: certificates.dropFirst().dropLast(), options: options)
    return chain.extended([leaf])
  }

  private init(
    root: ParsedCertificate, intermediates: ArraySlice<ParsedCertificate>, options: Options
  ) {
    self.root = root
    self.intermediates = intermediates
    self.options = options
  }

  private mutating func extended(_ chain: [ParsedCertificate]) -> [ParsedCertificate]? {
    let last = chain[chain.count - 1]
    if accepts(root, after: chain), last.isSigned(by: root) {
      let whole = chain + [root]
      if hasPurpose(whole) { return whole }
    }
    for candidate in intermediates {
      // The same certificate twice leads nowhere.
      guard !chain.contains(where: { $0.value == candidate.value }),
        accepts(candidate, after: chain)
      else { continue }
      signaturesLeft -= 1
      guard signaturesLeft > 0 else { return nil }
      guard last.isSigned(by: candidate) else { continue }
      if let found = extended(chain + [candidate]) { return found }
    }
    return nil
  }

  private func accepts(_ authority: ParsedCertificate, after chain: [ParsedCertificate]) -> Bool {
    let extensions = authority.extensions
    guard chain[chain.count - 1].issuer.elementsEqual(authority.subject),
      authority.validity.contains(options.seconds), extensions.unhandledCritical.isEmpty,
      authority.version < 3 || (extensions.hasConstraints && extensions.isAuthority)
    else { return false }
    if extensions.keyUsage != 0,
      extensions.keyUsage & ExtensionFields.usageCertificateSigning == 0
    {
      return false
    }
    // The leaf is no authority and does not count.
    if extensions.hasConstraints, extensions.pathLengthMax >= 0,
      chain.count - 1 > extensions.pathLengthMax
    {
      return false
    }
    return chain.allSatisfy { extensions.allow($0.extensions.names) }
  }

  /// Each certificate that lists purposes lists one that is asked for.
  private func hasPurpose(_ chain: [ParsedCertificate]) -> Bool {
    if options.purposes.contains(0) { return true }
    var wanted = Set(options.purposes)
    for certificate in chain.reversed() {
      let purposes = certificate.extensions.purposes
      if certificate.extensions.limitsPurposes, !purposes.contains(0) {
        wanted.formIntersection(purposes)
      }
    }
    return !wanted.isEmpty
  }
}

extension ExtensionFields {
  /// Whether an authority may vouch for these names (RFC 5280 §4.2.1.10).
  func allow(_ names: CertificateNames.Alternatives) -> Bool {
    func holds<Name, Tree>(
      _ names: [Name], _ permitted: [Tree], _ excluded: [Tree], _ covers: (Tree, Name) -> Bool
    ) -> Bool {
      names.allSatisfy { name in
        !excluded.contains { covers($0, name) }
          && (permitted.isEmpty || permitted.contains { covers($0, name) })
      }
    }
    return holds(names.dns, permitted.dns, excluded.dns, Self.domain)
      && holds(names.mails, permitted.mails, excluded.mails) { tree, mail in
        if tree.contains("@") { return tree == mail }
        return Self.domain(tree, mail.split(separator: "@").last.map(String.init) ?? "")
      }
      && holds(names.uris, permitted.uris, excluded.uris) { tree, uri in
        let host = uri.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2).first
        return Self.domain(tree, host?.split(separator: ":").first.map(String.init) ?? "")
      }
      && holds(names.addresses, permitted.blocks, excluded.blocks) { tree, address in
        tree.address.count == address.count
          && address.indices.allSatisfy { address[$0] & tree.mask[$0] == tree.address[$0] }
      }
  }

  /// A name is in a domain if it is the domain or ends with a dot and the domain.
  private static func domain(_ tree: String, _ name: String) -> Bool {
    let (tree, name) = (tree.lowercased(), name.lowercased())
    if tree.isEmpty || tree == name { return true }
    return tree.hasPrefix(".") ? name.hasSuffix(tree) : name.hasSuffix("." + tree)
  }
}

extension ParsedCertificate {
  /// Whether a host's name, or address, is among the certificate's (RFC 6125 §6.4): a `*` stands
  /// for the whole first label.
  func isNamed(_ name: String) -> Bool {
    let bare =
      name.hasPrefix("[") && name.hasSuffix("]") ? String(name.dropFirst().dropLast()) : name
    let names = extensions.names
    if let address = AddressBlock.address(bare) {
      return names.addresses.contains(address)
    }
    let host = name.lowercased().split(separator: ".", omittingEmptySubsequences: false)
    return names.dns.contains { pattern in
      let labels = pattern.lowercased().split(separator: ".", omittingEmptySubsequences: false)
      guard labels.count == host.count, !host.contains("") else { return false }
      return zip(labels, host).enumerated().allSatisfy { index, pair in
        pair.0 == pair.1 || (index == 0 && pair.0 == "*")
      }
    }
  }
}
