/// The grammar of URIs (RFC 3986, appendix A) and of IRIs (RFC 3987 §2.2).
enum URISyntax {
  static func isValid(_ text: String, isRelative: Bool, isInternational: Bool) -> Bool {
    var rest = Array(text.unicodeScalars)[...]
    let fragment = cut(&rest, behind: "#")
    let query = cut(&rest, behind: "?")
    guard isMade(fragment ?? [], of: "!$&'()*+,;=:@/?", isInternational),
      isMade(query ?? [], of: "!$&'()*+,;=:@/?", isInternational, isPrivate: true)
    else { return false }
    var hasScheme = false
    if let colon = rest.firstIndex(of: ":"), isScheme(rest[..<colon]) {
      hasScheme = true
      rest = rest[(colon + 1)...]
    }
    guard hasScheme || isRelative else { return false }
    if rest.starts(with: "//".unicodeScalars) {
      rest = rest.dropFirst(2)
      let end = rest.firstIndex(of: "/") ?? rest.endIndex
      guard isAuthority(rest[..<end], isInternational) else { return false }
      rest = rest[end...]
    } else if !hasScheme, let colon = rest.firstIndex(of: ":") {
      // The first part of a relative path would be read as a scheme.
      guard rest[..<colon].contains("/") else { return false }
    }
    return isMade(rest, of: "!$&'()*+,;=:@/", isInternational)
  }

  private static func cut(
    _ rest: inout ArraySlice<Unicode.Scalar>, behind mark: Unicode.Scalar
  ) -> ArraySlice<Unicode.Scalar>? {
    guard let at = rest.firstIndex(of: mark) else { return nil }
    defer { rest = rest[..<at] }
    return rest[(at + 1)...]
  }

  private static func isScheme(_ part: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let first = part.first, first.isASCII, first.properties.isAlphabetic else {
      return false
    }
    return part.allSatisfy { isLetterOrDigit($0) || "+-.".unicodeScalars.contains($0) }
  }

  private static func isAuthority(
    _ part: ArraySlice<Unicode.Scalar>, _ isInternational: Bool
  ) -> Bool {
    var host = part
    if let at = host.lastIndex(of: "@") {
      guard isMade(host[..<at], of: "!$&'()*+,;=:", isInternational) else { return false }
      host = host[(at + 1)...]
    }
    if host.first == "[" {
      guard let end = host.firstIndex(of: "]"), isLiteral(host[(host.startIndex + 1)..<end]) else {
        return false
      }
      let port = host[(end + 1)...]
      return port.isEmpty || (port.first == ":" && isDigits(port.dropFirst()))
    }
    if let colon = host.lastIndex(of: ":") {
      guard isDigits(host[(colon + 1)...]) else { return false }
      host = host[..<colon]
    }
    return isMade(host, of: "!$&'()*+,;=", isInternational)
  }

  /// What stands in brackets: an address of version 6, or `v1.…` for one of the future.
  private static func isLiteral(_ part: ArraySlice<Unicode.Scalar>) -> Bool {
    if part.first == "v" || part.first == "V" {
      let rest = part.dropFirst()
      guard let dot = rest.firstIndex(of: "."), dot > rest.startIndex,
        rest[..<dot].allSatisfy({ isHex($0) })
      else { return false }
      let address = rest[(dot + 1)...]
      return !address.isEmpty && !address.contains("%")
        && isMade(address, of: "!$&'()*+,;=:", false)
    }
    var text = ""
    text.unicodeScalars.append(contentsOf: part)
    var reader = FormatReader(text)
    return reader.ipv6() && reader.isAtEnd
  }

  private static func isDigits(_ part: ArraySlice<Unicode.Scalar>) -> Bool {
    part.allSatisfy { ("0"..."9").contains($0) }
  }

  private static func isHex(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar) || ("a"..."f").contains(scalar) || ("A"..."F").contains(scalar)
  }

  private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
  }

  /// Unreserved characters, percent-encoded bytes, and the signs named.
  private static func isMade(
    _ part: ArraySlice<Unicode.Scalar>, of signs: String, _ isInternational: Bool,
    isPrivate: Bool = false
  ) -> Bool {
    var at = part.startIndex
    while at < part.endIndex {
      let scalar = part[at]
      if scalar == "%" {
        guard at + 2 < part.endIndex, isHex(part[at + 1]), isHex(part[at + 2]) else { return false }
        at += 3
        continue
      }
      guard
        isLetterOrDigit(scalar) || "-._~".unicodeScalars.contains(scalar)
          || signs.unicodeScalars.contains(scalar)
          || (isInternational && isBeyondASCII(scalar, isPrivate))
      else { return false }
      at += 1
    }
    return true
  }

  /// `ucschar` and, in a query, `iprivate` (RFC 3987 §2.2).
  private static func isBeyondASCII(_ scalar: Unicode.Scalar, _ isPrivate: Bool) -> Bool {
    switch scalar.value {
    case 0xa0...0xd7ff, 0xf900...0xfdcf, 0xfdf0...0xffef: true
    case 0x10000...0xdffff: scalar.value & 0xffff < 0xfffe
    case 0xe1000...0xefffd: true
    case 0xe000...0xf8ff, 0xf0000...0xffffd, 0x100000...0x10fffd: isPrivate
    default: false
    }
  }
}

/// RFC 6570: literals, and expressions in braces.
enum URITemplate {
  static func isValid(_ text: String) -> Bool {
    var rest = Array(text.unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "{":
        guard let end = rest.firstIndex(of: "}"), isExpression(rest[..<end]) else { return false }
        rest = rest[(end + 1)...]
      case "%":
        guard rest.count >= 2, rest.prefix(2).allSatisfy({ $0.properties.isASCIIHexDigit }) else {
          return false
        }
        rest = rest.dropFirst(2)
      case "}", "\"", "<", ">", "\\", "^", "`", "|", " ": return false
      default: if scalar.value < 0x21 || scalar.value == 0x7f { return false }
      }
    }
    return true
  }

  private static func isExpression(_ part: ArraySlice<Unicode.Scalar>) -> Bool {
    var part = part
    if let first = part.first, "+#./;?&=,!@|".unicodeScalars.contains(first) {
      part = part.dropFirst()
    }
    return part.split(separator: ",", omittingEmptySubsequences: false).allSatisfy(isVariable)
  }

  private static func isVariable(_ part: ArraySlice<Unicode.Scalar>) -> Bool {
    var name = part
    if name.last == "*" {
      name = name.dropLast()
    } else if let colon = name.firstIndex(of: ":") {
      let length = name[(colon + 1)...]
      guard (1...4).contains(length.count), length.first != "0",
        length.allSatisfy({ ("0"..."9").contains($0) })
      else { return false }
      name = name[..<colon]
    }
    return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { word in
      guard !word.isEmpty else { return false }
      var rest = word
      while let scalar = rest.popFirst() {
        if scalar == "%" {
          guard rest.count >= 2, rest.prefix(2).allSatisfy({ $0.properties.isASCIIHexDigit })
          else { return false }
          rest = rest.dropFirst(2)
        } else if !(scalar.isASCII
          && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_"))
        {
          return false
        }
      }
      return true
    }
  }
}
