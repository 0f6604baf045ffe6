/// Names of hosts: letters, digits and hyphens (RFC 1123 §2.1), and internationalised ones (RFC 5890).
enum HostName {
  static func isValid(_ text: String, isInternational: Bool) -> Bool {
    guard !text.isEmpty else { return false }
    var ascii = text
    if isInternational {
      // IDNA takes four signs for a dot (RFC 3490 §3.1).
      for dot in ["\u{3002}", "\u{ff0e}", "\u{ff61}"] { ascii = ascii.replacing(dot, with: ".") }
    }
    guard ascii.unicodeScalars.allSatisfy(\.isASCII) else {
      return isInternational && DomainName.isValid(ascii)
    }
    let labels = ascii.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard ascii.utf8.count <= 253, labels.allSatisfy(isLabel) else { return false }
    // An A-label must be what some U-label is written as.
    let hasACE = labels.contains {
      $0.count > 3 && $0.dropFirst(2).prefix(2).elementsEqual("--".utf8)
    }
    return !hasACE || DomainName.isValid(ascii)
  }

  private static func isLabel(_ label: some Collection<UInt8>) -> Bool {
    let hyphen = UInt8(ascii: "-")
    let bytes = Array(label)
    return (1...63).contains(bytes.count) && bytes.first != hyphen && bytes.last != hyphen
      && bytes.allSatisfy {
        (48...57).contains($0) || (97...122).contains($0 | 0x20) || $0 == hyphen
      }
  }
}

/// Mailboxes (RFC 5321 §4.1.2), and internationalised ones (RFC 6531).
enum MailAddress {
  static func isValid(_ text: String, isInternational: Bool) -> Bool {
    guard let at = text.lastIndex(of: "@") else { return false }
    let (local, domain) = (text[..<at], String(text[text.index(after: at)...]))
    return isLocal(local, isInternational) && isDomain(domain, isInternational)
  }

  private static func isLocal(_ local: Substring, _ isInternational: Bool) -> Bool {
    let scalars = Array(local.unicodeScalars)
    guard !scalars.isEmpty, local.utf8.count <= 64 else { return false }
    if scalars.count > 1, scalars.first == "\"", scalars.last == "\"" {
      var rest = scalars.dropFirst().dropLast()
      while let scalar = rest.popFirst() {
        if scalar == "\\" {
          guard let next = rest.popFirst(), (32...126).contains(next.value) else { return false }
        } else if scalar == "\""
          || !((32...126).contains(scalar.value) || (isInternational && scalar.value > 127))
        {
          return false
        }
      }
      return true
    }
    return scalars.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
      !atom.isEmpty
        && atom.allSatisfy {
          ($0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0)))
            || "!#$%&'*+-/=?^_`{|}~".unicodeScalars.contains($0)
            || (isInternational && $0.value > 127)
        }
    }
  }

  private static func isDomain(_ domain: String, _ isInternational: Bool) -> Bool {
    guard domain.hasPrefix("["), domain.hasSuffix("]") else {
      return HostName.isValid(domain, isInternational: isInternational)
    }
    let literal = domain.dropFirst().dropLast()
    let isSix = literal.lowercased().hasPrefix("ipv6:")
    var reader = FormatReader(isSix ? literal.dropFirst(5) : literal)
    return (isSix ? reader.ipv6() : reader.ipv4()) && reader.isAtEnd
  }
}
