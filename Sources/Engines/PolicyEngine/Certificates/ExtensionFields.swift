/// The extensions of a certificate (RFC 5280 §4.2).
struct ExtensionFields {
  private(set) var names = CertificateNames.Alternatives()
  private(set) var keyUsage = 0
  /// Go's `x509.ExtKeyUsage`, and those that have no number there.
  private(set) var purposes: [Int] = []
  private var unknownPurposes: [[Int]] = []
  private(set) var hasConstraints = false
  private(set) var isAuthority = false
  /// Most authorities between this one and a leaf; −1 for any number.
  private(set) var pathLengthMax = 0
  private(set) var unhandledCritical: [[Int]] = []
  private(set) var permitted = Subtrees()
  private(set) var excluded = Subtrees()
  private var hasCriticalNameConstraints = false
  private var all: [Value] = []
  private var subjectKey = Value.null
  private var authorityKey = Value.null
  private var responders: [String] = []
  private var issuers: [String] = []
  private var lists: [String] = []
  private var policies: [[Int]] = []

  /// What names are allowed, or are not.
  struct Subtrees {
    var dns: [String] = []
    var mails: [String] = []
    var uris: [String] = []
    /// Address and mask, equally long.
    var blocks: [(address: [UInt8], mask: [UInt8])] = []
  }

  /// Whether it lists purposes at all, known ones or others.
  var limitsPurposes: Bool { !purposes.isEmpty || !unknownPurposes.isEmpty }

  static let usageCertificateSigning = 32

  /// Purposes by the last component of 1.3.6.1.5.5.7.3.x.
  private static let standardPurposes = [1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9]
  private static let otherPurposes: [[Int]: Int] = [
    [2, 5, 29, 37, 0]: 0, [1, 3, 6, 1, 4, 1, 311, 10, 3, 3]: 10,
    [2, 16, 840, 1, 113_730, 4, 1]: 11,
    [1, 3, 6, 1, 4, 1, 311, 2, 1, 22]: 12, [1, 3, 6, 1, 4, 1, 311, 61, 1, 1]: 13,
  ]

  /// - Parameter element: the sequence of extensions; nil where there is none.
  init?(_ element: DERElement?) {
    guard let element else { return }
    guard let entries = element.sequence() else { return nil }
    for entry in entries {
      guard let parts = entry.sequence(), (2...3).contains(parts.count),
        let identifier = parts[0].identifier, let content = parts.last?.content,
        parts.last?.tag == DERElement.Tag.octets
      else { return nil }
      let isCritical = parts.count == 3 && parts[1].boolean == true
      all.append(
        .object(
          ObjectValue(named: [
            "Id": .integers(identifier), "Critical": .bool(isCritical), "Value": .base64(content),
          ])))
      guard let isHandled = read(identifier, content, isCritical) else { return nil }
      if isCritical, !isHandled { unhandledCritical.append(identifier) }
    }
  }

  /// Whether it is one that is understood; nil where it is broken.
  private mutating func read(_ identifier: [Int], _ content: ArraySlice<UInt8>, _ isCritical: Bool)
    -> Bool?
  {
    guard let element = DERElement(first: content) else { return nil }
    switch identifier {
    case [2, 5, 29, 15]:
      guard let bits = element.bits else { return nil }
      // Bit 0 is the highest of the first byte.
      for index in 0..<9 where index / 8 < bits.bytes.count {
        let byte = bits.bytes[bits.bytes.startIndex + index / 8]
        if byte >> (7 - index % 8) & 1 == 1 { keyUsage |= 1 << index }
      }
    case [2, 5, 29, 19]:
      guard let parts = element.sequence() else { return nil }
      hasConstraints = true
      isAuthority = parts.first?.boolean ?? false
      pathLengthMax = parts.compactMap(\.integer).first?.int64.flatMap(Int.init(exactly:)) ?? -1
    case [2, 5, 29, 17]:
      guard let alternatives = CertificateNames.Alternatives(content) else { return nil }
      names = alternatives
      // Names of no known kind leave the extension unread.
      return
        !(names.dns.isEmpty && names.mails.isEmpty && names.addresses.isEmpty
        && names.uris.isEmpty)
    case [2, 5, 29, 30]: return readNameConstraints(element, isCritical)
    case [2, 5, 29, 31]:
      for point in element.sequence() ?? [] {
        let place = point.sequence()?.first { $0.tag == 0xa0 }?.children?.first
        for name in place?.children ?? [] where name.tag == 0x86 {
          lists.append(String(decoding: name.content, as: UTF8.self))
        }
      }
    case [2, 5, 29, 35]:
      guard let parts = element.sequence() else { return nil }
      if let key = parts.first(where: { $0.tag == 0x80 }) { authorityKey = .base64(key.content) }
      return !isCritical
    case [2, 5, 29, 14]:
      guard element.tag == DERElement.Tag.octets else { return nil }
      subjectKey = .base64(element.content)
      return !isCritical
    case [2, 5, 29, 37]:
      guard let parts = element.sequence() else { return nil }
      for purpose in parts.compactMap(\.identifier) { add(purpose: purpose) }
    case [2, 5, 29, 32]:
      guard let parts = element.sequence() else { return nil }
      policies = parts.compactMap { $0.sequence()?.first?.identifier }
    case [1, 3, 6, 1, 5, 5, 7, 1, 1]:
      for access in element.sequence() ?? [] {
        guard let parts = access.sequence(), parts.count == 2, parts[1].tag == 0x86,
          let method = parts[0].identifier
        else { continue }
        let place = String(decoding: parts[1].content, as: UTF8.self)
        if method.last == 1 { responders.append(place) }
        if method.last == 2 { issuers.append(place) }
      }
      return !isCritical
    default: return false
    }
    return true
  }

  private mutating func add(purpose: [Int]) {
    if purpose.count == 9, purpose.starts(with: [1, 3, 6, 1, 5, 5, 7, 3]),
      let number = Self.standardPurposes[purpose[8]]
    {
      purposes.append(number)
    } else if let number = Self.otherPurposes[purpose] {
      purposes.append(number)
    } else {
      unknownPurposes.append(purpose)
    }
  }

  private mutating func readNameConstraints(_ element: DERElement, _ isCritical: Bool) -> Bool? {
    guard let parts = element.sequence() else { return nil }
    hasCriticalNameConstraints = isCritical
    var isUnderstood = true
    for part in parts {
      guard let trees = part.children else { return nil }
      var read = Subtrees()
      for tree in trees {
        guard let base = tree.sequence()?.first else { return nil }
        let text = String(decoding: base.content, as: UTF8.self)
        switch base.tag {
        case 0x81: read.mails.append(text)
        case 0x82: read.dns.append(text)
        case 0x86: read.uris.append(text)
        case 0x87:
          guard [8, 32].contains(base.content.count) else { return nil }
          let half = base.content.count / 2
          read.blocks.append(
            (Array(base.content.prefix(half)), Array(base.content.suffix(half))))
        default: isUnderstood = false
        }
      }
      if part.tag == 0xa0 { permitted = read } else { excluded = read }
    }
    return isUnderstood
  }

  /// Members of Go's `x509.Certificate` that come from extensions.
  var members: [String: Value] {
    func blocks(_ blocks: [(address: [UInt8], mask: [UInt8])]) -> Value {
      guard !blocks.isEmpty else { return .null }
      return .array(
        blocks.map {
          .object(
            ObjectValue(named: [
              "IP": .string(AddressBlock.text($0.address)), "Mask": .base64($0.mask),
            ]))
        })
    }
    func identifiers(_ list: [[Int]]) -> Value {
      list.isEmpty ? .null : .array(list.map(Value.integers))
    }
    var members: [String: Value] = names.members
    let own: [String: Value] = [
      "KeyUsage": .integer(keyUsage), "Extensions": all.isEmpty ? .null : .array(all),
      "ExtraExtensions": .null, "UnhandledCriticalExtensions": identifiers(unhandledCritical),
      "ExtKeyUsage": purposes.isEmpty ? .null : .integers(purposes),
      "UnknownExtKeyUsage": identifiers(unknownPurposes),
      "BasicConstraintsValid": .bool(hasConstraints), "IsCA": .bool(isAuthority),
      "MaxPathLen": .integer(pathLengthMax),
      "MaxPathLenZero": .bool(hasConstraints && pathLengthMax == 0), "SubjectKeyId": subjectKey,
      "AuthorityKeyId": authorityKey, "OCSPServer": .texts(responders),
      "IssuingCertificateURL": .texts(issuers),
      "PermittedDNSDomainsCritical": .bool(hasCriticalNameConstraints),
      "PermittedDNSDomains": .texts(permitted.dns), "ExcludedDNSDomains": .texts(excluded.dns),
      "PermittedIPRanges": blocks(permitted.blocks), "ExcludedIPRanges": blocks(excluded.blocks),
      "PermittedEmailAddresses": .texts(permitted.mails),
      "ExcludedEmailAddresses": .texts(excluded.mails),
      "PermittedURIDomains": .texts(permitted.uris), "ExcludedURIDomains": .texts(excluded.uris),
      "CRLDistributionPoints": .texts(lists), "PolicyIdentifiers": identifiers(policies),
      "Policies": .texts(policies.map { $0.map(String.init).joined(separator: ".") }),
      "InhibitAnyPolicy": .integer(0), "InhibitAnyPolicyZero": .bool(false),
      "InhibitPolicyMapping": .integer(0), "InhibitPolicyMappingZero": .bool(false),
      "RequireExplicitPolicy": .integer(0), "RequireExplicitPolicyZero": .bool(false),
      "PolicyMappings": .null,
    ]
    members.merge(own, uniquingKeysWith: { $1 })
    return members
  }
}
