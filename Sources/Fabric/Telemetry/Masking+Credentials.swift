/// The one scanner for credentials of the platform: logs, traces and the decision log are cleaned by it.
extension Masking {
  /// Whether a text has a credential in it, also one that is too short for a log line to be sure of:
  /// the word behind `Bearer` is one.
  package static func holdsCredential(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return !credentials(in: bytes, Presence(bytes), tokenBytesMin: 1).isEmpty
  }

  static func credentials(in bytes: [UInt8], _ seen: Presence, tokenBytesMin: Int) -> [Find] {
    var finds = tokens(in: bytes, seen, bytesMin: tokenBytesMin)
    if seen.has("=") || seen.has(":") || seen.has("%") { finds += pairs(in: bytes) }
    if seen.has("@"), seen.has(":") { finds += userinfo(in: bytes) }
    if seen.has("-") { finds += privateKeys(in: bytes) }
    return finds
  }

  // MARK: Tokens

  private static let schemes = ["bearer", "dpop", "basic"].map { Array($0.utf8) }

  /// JSON Web Tokens (they begin with `eyJ`) and whatever follows the word Bearer, DPoP or Basic
  /// (RFC 9110 §11.4), with quotes, brackets or percent signs between them or not.
  /// - Parameter bytesMin: what is shorter behind a scheme is a word of prose.
  static func tokens(in bytes: [UInt8], _ seen: Presence, bytesMin: Int) -> [Find] {
    // Each scheme has a letter that few texts lack; what begins them all is in no number.
    guard seen.has("b") || seen.has("B") || seen.has("d") || seen.has("D") || seen.has("J") else {
      return []
    }
    var finds: [Find] = []
    var index = 0
    while index + 3 < bytes.count {
      var start: Int?
      switch bytes[index] {
      case UInt8(ascii: "e")
      where bytes[index + 1] == UInt8(ascii: "y") && bytes[index + 2] == UInt8(ascii: "J"):
        start = index
      case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "d"), UInt8(ascii: "D"):
        start = isWordStart(bytes, index) ? tokenStart(bytes, index) : nil
      default: break
      }
      guard let start else {
        index += 1
        continue
      }
      var end = start
      while end < bytes.count, bytes[end].isToken || bytes[end] == UInt8(ascii: "%") { end += 1 }
      let isWebToken = start == index
      let isLongEnough =
        isWebToken
        ? end - start >= 8
          && (isWordStart(bytes, index) || bytes[start..<end].contains(UInt8(ascii: ".")))
        : end - start >= bytesMin
      if isLongEnough { finds.append(Find(range: start..<end, kind: .token)) }
      index = isLongEnough ? end : index + 1
    }
    return finds
  }

  /// Not within a word, or behind an escaped byte such as `%20`.
  private static func isWordStart(_ bytes: [UInt8], _ index: Int) -> Bool {
    guard index > 0, bytes[index - 1].isAlphanumeric else { return true }
    return index > 2 && bytes[index - 3] == UInt8(ascii: "%")
  }

  /// Where the token begins behind a scheme that begins here.
  private static func tokenStart(_ bytes: [UInt8], _ index: Int) -> Int? {
    for scheme in schemes where scheme[0] == bytes[index] | 0x20 {
      guard index + scheme.count < bytes.count,
        bytes[index..<index + scheme.count].elementsEqual(scheme, by: { $0 | 0x20 == $1 })
      else { continue }
      let end = separatorsEnd(bytes, index + scheme.count)
      return end > index + scheme.count && end < bytes.count ? end : nil
    }
    return nil
  }

  private static func separatorsEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var end = start
    while end < bytes.count {
      if bytes[end] == UInt8(ascii: "%"), end + 2 < bytes.count {
        end += 3
      } else if bytes[end] <= 0x20 || "\"'`:=,;[({<\\+".utf8.contains(bytes[end]) {
        end += 1
      } else {
        break
      }
    }
    return end
  }

  // MARK: Names with values

  /// What stands behind a secret's name and `=` or `:`, as in URLs, connection strings, headers, JSON.
  static func pairs(in bytes: [UInt8]) -> [Find] {
    var finds: [Find] = []
    var index = 1
    while index < bytes.count {
      let sign = bytes[index]
      let isEscaped = sign == UInt8(ascii: "%") && isEscapedEquals(bytes, index)
      guard sign == UInt8(ascii: "=") || sign == UInt8(ascii: ":") || isEscaped,
        let name = name(bytes, before: index), SecretNames.isSecret(name)
      else {
        index += 1
        continue
      }
      let range = value(bytes, after: index + (isEscaped ? 3 : 1), of: name, isColon: sign == 58)
      if !range.isEmpty { finds.append(Find(range: range, kind: .secret)) }
      index = max(range.upperBound, index + 1)
    }
    return finds
  }

  /// `%3D` or `%3A`.
  private static func isEscapedEquals(_ bytes: [UInt8], _ index: Int) -> Bool {
    guard index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "3") else { return false }
    return [UInt8(ascii: "d"), UInt8(ascii: "a")].contains(bytes[index + 2] | 0x20)
  }

  private static func name(_ bytes: [UInt8], before index: Int) -> String? {
    var end = index
    while end > 0, " \t\"'\\".utf8.contains(bytes[end - 1]) { end -= 1 }
    var start = end
    while start > 0, end - start <= SecretNames.bytesMax,
      bytes[start - 1].isAlphanumeric || "_-".utf8.contains(bytes[start - 1])
    {
      start -= 1
    }
    guard start < end else { return nil }
    // `%20password`: what escapes a byte is no part of the name.
    if start > 0, bytes[start - 1] == UInt8(ascii: "%"), end - start > 2 { start += 2 }
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  private static func value(
    _ bytes: [UInt8], after index: Int, of name: String, isColon: Bool
  ) -> Range<Int> {
    var start = index
    while start < bytes.count, " \t\\".utf8.contains(bytes[start]) { start += 1 }
    var quote: UInt8?
    if start < bytes.count, "\"'`".utf8.contains(bytes[start]) {
      quote = bytes[start]
      start += 1
    }
    var end = start
    // A header's value is the whole line.
    let isLine = isColon && quote == nil && SecretNames.isHeader(name)
    while end < bytes.count {
      let byte = bytes[end]
      if let quote {
        if byte == quote || byte == UInt8(ascii: "\\") { break }
      } else if byte < 0x20 || !isLine && (byte == 0x20 || "&;,\"'`)}]|".utf8.contains(byte)) {
        break
      }
      end += 1
    }
    // The scheme tells nothing, and shows what was there.
    if isLine, let scheme = schemes.first(where: { hasScheme(bytes, start, end, $0) }) {
      start = separatorsEnd(bytes, start + scheme.count)
    }
    // "invalid token: expired" is prose.
    let isProse = isColon && quote == nil && index < start && !isLine
    if isProse, !bytes[start..<end].contains(where: \.isDigit), end - start < 16,
      !name.lowercased().contains("pass")
    {
      return start..<start
    }
    return start..<max(start, end)
  }

  private static func hasScheme(_ bytes: [UInt8], _ start: Int, _ end: Int, _ scheme: [UInt8])
    -> Bool
  {
    start + scheme.count < end
      && bytes[start..<start + scheme.count].elementsEqual(scheme, by: { $0 | 0x20 == $1 })
  }

  // MARK: Addresses and keys

  /// `postgresql://user:password@host`: what stands before the `@` (RFC 3986 §3.2.1).
  static func userinfo(in bytes: [UInt8]) -> [Find] {
    var finds: [Find] = []
    var index = 0
    while index + 3 < bytes.count {
      guard bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: "/"),
        bytes[index + 2] == UInt8(ascii: "/")
      else {
        index += 1
        continue
      }
      let start = index + 3
      var end = start
      var at: Int?
      while end < bytes.count, bytes[end] > 0x20, !"/?#\"'`<>".utf8.contains(bytes[end]) {
        if bytes[end] == UInt8(ascii: "@") { at = end }
        end += 1
      }
      if let at {
        // A name alone may be read; a long one is a token.
        let colon = bytes[start..<at].firstIndex(of: UInt8(ascii: ":"))
        let secret = (colon.map { $0 + 1 } ?? start)..<at
        if colon != nil || secret.count >= 16 { finds.append(Find(range: secret, kind: .secret)) }
      }
      index = end
    }
    return finds.filter { !$0.range.isEmpty }
  }

  private static let keyBegin = Array("-----BEGIN ".utf8)
  private static let keyWords = Array("PRIVATE KEY-----".utf8)
  private static let keyEnd = Array("-----END ".utf8)

  /// PEM private keys (RFC 7468), to the end of the text where theirs is cut off.
  static func privateKeys(in bytes: [UInt8]) -> [Find] {
    var finds: [Find] = []
    var index = 0
    while let start = place(of: keyBegin, in: bytes, from: index) {
      let labelMax = min(bytes.count, start + 80)
      guard let label = place(of: keyWords, in: bytes, from: start), label < labelMax else {
        index = start + keyBegin.count
        continue
      }
      let end = place(of: keyEnd, in: bytes, from: label)
        .flatMap { place(of: keyWords, in: bytes, from: $0) }
        .map { $0 + keyWords.count }
      finds.append(Find(range: start..<(end ?? bytes.count), kind: .secret))
      index = end ?? bytes.count
    }
    return finds
  }

  private static func place(of wanted: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count >= wanted.count, start <= bytes.count - wanted.count else { return nil }
    return (start...(bytes.count - wanted.count)).first { place in
      bytes[place] == wanted[0] && bytes[place..<place + wanted.count].elementsEqual(wanted)
    }
  }
}
