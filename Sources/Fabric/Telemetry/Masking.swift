/// Finds personal data and credentials in text and replaces them. It errs to the safe side: any run
/// of seven or more digits goes, whatever it is. Names and addresses cannot be found this way: they
/// live in `Masked`.
package enum Masking {
  /// What a find is; it stands in the masked text as `[email]`, `[card]` and so on.
  package enum Kind: String, Sendable, CaseIterable {
    case email, iban, card, phone, number, token, secret
  }

  /// Which of the first 128 byte values a text has: most texts have nothing that a recognizer could
  /// begin with, and then it need not look.
  struct Presence {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    let hasDigits: Bool

    init(_ bytes: [UInt8]) {
      for byte in bytes where byte < 128 {
        if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
      }
      hasDigits = low & (0x3ff << 48) != 0
    }

    func has(_ character: Unicode.Scalar) -> Bool {
      let byte = UInt8(truncatingIfNeeded: character.value)
      return byte < 64 ? low & (1 << UInt64(byte)) != 0 : high & (1 << UInt64(byte - 64)) != 0
    }
  }

  /// Fewest bytes behind `Bearer` that are a token in a log line.
  static let tokenBytesMin = 8

  /// A find: where it stands, as UTF-8 offsets, and what it is.
  package struct Find: Hashable, Sendable {
    package let range: Range<Int>
    package let kind: Kind
  }

  /// How far beyond the cut text is searched, so that a find that is cut in two is still seen
  /// whole.
  static let lookaheadBytes = 512

  /// The text with every find replaced. What begins after `bytesMax` bytes is left out, and `…`
  /// says so.
  package static func mask(_ text: String, bytesMax: Int = 4_096) -> String {
    let bytes = Array(text.utf8.prefix(bytesMax + lookaheadBytes))
    let finds = finds(in: bytes)
    guard !finds.isEmpty || text.utf8.count > bytesMax else { return text }
    var masked: [UInt8] = []
    var position = 0
    for find in finds where find.range.lowerBound < bytesMax {
      masked.append(contentsOf: bytes[position..<find.range.lowerBound])
      masked.append(contentsOf: "[\(find.kind.rawValue)]".utf8)
      position = find.range.upperBound
    }
    if position < bytesMax {
      masked.append(contentsOf: bytes[position..<max(position, min(bytesMax, bytes.count))])
    }
    if text.utf8.count > bytesMax { masked.append(contentsOf: "…".utf8) }
    return String(decoding: masked, as: UTF8.self)
  }

  /// All finds in order, not overlapping; where two recognizers see the same bytes, the one that
  /// begins first wins, and of those the longer one.
  package static func finds(in bytes: [UInt8]) -> [Find] {
    let seen = Presence(bytes)
    var all = credentials(in: bytes, seen, tokenBytesMin: tokenBytesMin)
    if seen.has("@") { all += emails(in: bytes) }
    if seen.hasDigits { all += ibans(in: bytes) + numbers(in: bytes) }
    guard !all.isEmpty else { return [] }
    all.sort {
      $0.range.lowerBound != $1.range.lowerBound
        ? $0.range.lowerBound < $1.range.lowerBound : $0.range.upperBound > $1.range.upperBound
    }
    var kept: [Find] = []
    for find in all {
      guard let last = kept.last, find.range.lowerBound < last.range.upperBound else {
        kept.append(find)
        continue
      }
      // A find that reaches out of the one before extends it: no byte that somebody claimed stays
      // readable.
      if find.range.upperBound > last.range.upperBound {
        kept[kept.count - 1] = Find(
          range: last.range.lowerBound..<find.range.upperBound, kind: last.kind)
      }
    }
    return kept
  }
}

extension Masking {
  /// Something@something.tld: RFC 5321 local parts without quotes, domains with at least one dot,
  /// UTF-8 allowed.
  static func emails(in bytes: [UInt8]) -> [Find] {
    var finds: [Find] = []
    for at in bytes.indices where bytes[at] == UInt8(ascii: "@") {
      var start = at
      while start > 0, bytes[start - 1].isEmailLocal { start -= 1 }
      var end = at + 1
      while end < bytes.count, bytes[end].isDomain { end += 1 }
      while end > at + 1, bytes[end - 1] == UInt8(ascii: ".") || bytes[end - 1] == UInt8(ascii: "-")
      {
        end -= 1
      }
      let domain = bytes[(at + 1)..<end]
      guard start < at, let dot = domain.lastIndex(of: UInt8(ascii: ".")), dot > at + 1,
        end - dot > 2, domain[dot + 1].isLetter || domain[dot + 1] >= 0x80
      else { continue }
      finds.append(Find(range: start..<end, kind: .email))
    }
    return finds
  }

  /// ISO 13616: two letters, two check digits, 11–30 letters or digits, in groups or not, modulo
  /// 97.
  static func ibans(in bytes: [UInt8]) -> [Find] {
    var finds: [Find] = []
    var index = 0
    while index + 15 <= bytes.count {
      let isStart =
        bytes[index].isLetter && bytes[index + 1].isLetter && bytes[index + 2].isDigit
        && bytes[index + 3].isDigit && (index == 0 || !bytes[index - 1].isAlphanumeric)
      guard isStart, let end = ibanEnd(in: bytes, from: index) else {
        index += 1
        continue
      }
      finds.append(Find(range: index..<end, kind: .iban))
      index = end
    }
    return finds
  }

  /// The longest end at which the check digits hold; single spaces and dashes between groups are
  /// skipped.
  private static func ibanEnd(in bytes: [UInt8], from start: Int) -> Int? {
    var characters: [UInt8] = []
    var position = start
    var best: Int?
    while position < bytes.count, characters.count < 34 {
      let byte = bytes[position]
      if byte.isAlphanumeric {
        characters.append(byte)
        let isEnd = position + 1 == bytes.count || !bytes[position + 1].isAlphanumeric
        if characters.count >= 15, isEnd, isModulo97(characters) { best = position + 1 }
      } else if byte != UInt8(ascii: " ") && byte != UInt8(ascii: "-")
        || position + 1 == bytes.count || !bytes[position + 1].isAlphanumeric
      {
        break
      }
      position += 1
    }
    return best
  }

  private static func isModulo97(_ characters: [UInt8]) -> Bool {
    var remainder = 0
    for byte in characters[4...] + characters[..<4] {
      if byte.isDigit {
        remainder = (remainder * 10 + Int(byte - 48)) % 97
      } else {
        remainder = (remainder * 100 + Int(byte & 0xdf) - 55) % 97
      }
    }
    return remainder == 1
  }

  static let digitsMin = 7

  /// Runs of seven or more digits with at most two separators between two of them: cards when the
  /// Luhn digit is right, telephone numbers when they are written like one, numbers otherwise.
  static func numbers(in bytes: [UInt8]) -> [Find] {
    var finds: [Find] = []
    var index = 0
    while index < bytes.count {
      guard bytes[index].isDigit else {
        index += 1
        continue
      }
      var start = index
      if start > 0, bytes[start - 1] == UInt8(ascii: "(") { start -= 1 }
      if start > 0, bytes[start - 1] == UInt8(ascii: "+") { start -= 1 }
      var digits: [UInt8] = []
      var end = index
      var gap = 0
      var position = index
      while position < bytes.count, gap <= 2 {
        if bytes[position].isDigit {
          digits.append(bytes[position] - 48)
          end = position + 1
          gap = 0
        } else if bytes[position].isNumberSeparator {
          gap += 1
        } else {
          break
        }
        position += 1
      }
      if digits.count >= digitsMin {
        end = extensionEnd(in: bytes, from: end)
        let isPhone = start < index || bytes[start..<end].contains(where: \.isNumberSeparator)
        let kind: Kind =
          (12...19).contains(digits.count) && isLuhn(digits)
          ? .card : isPhone && digits.count <= 15 ? .phone : .number
        finds.append(Find(range: start..<end, kind: kind))
      }
      index = end
    }
    return finds
  }

  private static let extensions = ["extension", "ext.", "ext", "x", "#"].map { Array($0.utf8) }

  /// Behind a telephone number: `x4587`, `ext. 12`. Where there is none, where the number ends.
  private static func extensionEnd(in bytes: [UInt8], from end: Int) -> Int {
    var position = end
    while position < bytes.count, position < end + 2, " ,".utf8.contains(bytes[position]) {
      position += 1
    }
    let rest = bytes[position...]
    let word = extensions.first {
      rest.prefix($0.count).elementsEqual($0, by: { $0 | 0x20 == $1 | 0x20 })
    }
    guard let word else { return end }
    position += word.count
    while position < bytes.count, " .:".utf8.contains(bytes[position]) { position += 1 }
    var last = position
    while last < bytes.count, bytes[last].isDigit, last - position < 8 { last += 1 }
    return last > position ? last : end
  }

  /// ISO/IEC 7812-1 annex B.
  static func isLuhn(_ digits: [UInt8]) -> Bool {
    var sum = 0
    for (place, digit) in digits.reversed().enumerated() {
      let value = place % 2 == 0 ? Int(digit) : Int(digit) * 2
      sum += value > 9 ? value - 9 : value
    }
    return sum % 10 == 0
  }
}

extension UInt8 {
  var isDigit: Bool { (48...57).contains(self) }
  var isLetter: Bool { (65...90).contains(self) || (97...122).contains(self) }
  var isAlphanumeric: Bool { isDigit || isLetter }
  fileprivate var isEmailLocal: Bool {
    isAlphanumeric || self >= 0x80 || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(self)
  }
  fileprivate var isDomain: Bool { isAlphanumeric || self >= 0x80 || self == 45 || self == 46 }
  var isToken: Bool { isAlphanumeric || "-._~+/=".utf8.contains(self) }
  fileprivate var isNumberSeparator: Bool { " -.()/".utf8.contains(self) }
}
