import Patterns

/// The formats of draft 2020-12 (validation, §7.3). A name that is not here is a remark.
enum Format: String, Sendable {
  case dateTime = "date-time"
  case date, time, duration, email
  case idnEmail = "idn-email"
  case hostname
  case idnHostname = "idn-hostname"
  case ipv4, ipv6, uri
  case uriReference = "uri-reference"
  case iri
  case iriReference = "iri-reference"
  case uuid
  case uriTemplate = "uri-template"
  case jsonPointer = "json-pointer"
  case relativeJSONPointer = "relative-json-pointer"
  case regex

  /// - Parameter bytes: well-formed UTF-8.
  func accepts(_ bytes: ArraySlice<UInt8>) -> Bool {
    var reader = FormatReader(bytes)
    var text: String { String(decoding: bytes, as: UTF8.self) }
    return switch self {
    case .dateTime: reader.dateTime() && reader.isAtEnd
    case .date: reader.date() && reader.isAtEnd
    case .time: reader.time() && reader.isAtEnd
    case .duration: reader.duration() && reader.isAtEnd
    case .email: MailAddress.isValid(text, isInternational: false)
    case .idnEmail: MailAddress.isValid(text, isInternational: true)
    case .hostname: HostName.isValid(text, isInternational: false)
    case .idnHostname: HostName.isValid(text, isInternational: true)
    case .ipv4: reader.ipv4() && reader.isAtEnd
    case .ipv6: reader.ipv6() && reader.isAtEnd
    case .uri: URISyntax.isValid(text, isRelative: false, isInternational: false)
    case .uriReference: URISyntax.isValid(text, isRelative: true, isInternational: false)
    case .iri: URISyntax.isValid(text, isRelative: false, isInternational: true)
    case .iriReference: URISyntax.isValid(text, isRelative: true, isInternational: true)
    case .uuid: reader.uuid() && reader.isAtEnd
    case .uriTemplate: URITemplate.isValid(text)
    case .jsonPointer: reader.pointer() && reader.isAtEnd
    case .relativeJSONPointer: reader.relativePointer() && reader.isAtEnd
    case .regex: ECMAPattern.isValid(text)
    }
  }
}

/// Reads a text from its first byte on, one grammar's rule after another.
struct FormatReader {
  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  init(_ text: some StringProtocol) { self.init(Array(text.utf8)[...]) }

  var isAtEnd: Bool { position == bytes.endIndex }
  var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  mutating func skip(_ sign: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: sign) else { return false }
    position += 1
    return true
  }

  mutating func skip(anyOf signs: String) -> UInt8? {
    guard let byte = peek, signs.utf8.contains(byte) else { return nil }
    position += 1
    return byte
  }

  /// So many digits, as a number.
  mutating func digits(_ count: Int) -> Int? {
    guard position + count <= bytes.endIndex else { return nil }
    let part = bytes[position..<position + count]
    guard part.allSatisfy({ (48...57).contains($0) }) else { return nil }
    position += count
    return part.reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  /// One digit or more; how many.
  mutating func someDigits() -> Int {
    let start = position
    while let byte = peek, (48...57).contains(byte) { position += 1 }
    return position - start
  }

  mutating func hexDigits(atMost most: Int) -> Int {
    let start = position
    while position - start < most, let byte = peek,
      (48...57).contains(byte) || (97...102).contains(byte | 0x20)
    {
      position += 1
    }
    return position - start
  }

  // MARK: Dates and times (RFC 3339)

  mutating func dateTime() -> Bool {
    date() && skip(anyOf: "Tt") != nil && time()
  }

  mutating func date() -> Bool {
    guard let year = digits(4), skip("-"), let month = digits(2), skip("-"), let day = digits(2)
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...12).contains(month) && (1...days[month - 1]).contains(day)
  }

  mutating func time() -> Bool {
    guard let hour = digits(2), hour < 24, skip(":"), let minute = digits(2), minute < 60,
      skip(":"), let second = digits(2), second <= 60
    else { return false }
    if skip("."), someDigits() == 0 { return false }
    var offset = 0
    if skip(anyOf: "Zz") == nil {
      guard let sign = skip(anyOf: "+-"), let hours = digits(2), hours < 24, skip(":"),
        let minutes = digits(2), minutes < 60
      else { return false }
      offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "+") ? 1 : -1)
    }
    // A leap second ends a day of Greenwich (appendix D).
    let minutes = (hour * 60 + minute - offset + 2 * 1_440) % 1_440
    return second < 60 || minutes == 1_439
  }

  /// RFC 3339, appendix A: parts in order, the larger before the next smaller.
  mutating func duration() -> Bool {
    guard skip("P") else { return false }
    let start = position
    if someDigits() > 0, skip("W") { return true }
    position = start
    guard parts("YMD") else { return false }
    let hasDate = position > start
    guard skip("T") else { return hasDate }
    let timeStart = position
    return parts("HMS") && position > timeStart
  }

  /// Numbers with their units, of which none between the first and the last is left out.
  private mutating func parts(_ units: String) -> Bool {
    var rest = Array(units.utf8)[...]
    var isFirst = true
    while let byte = peek, (48...57).contains(byte) {
      _ = someDigits()
      guard let unit = peek, let at = rest.firstIndex(of: unit),
        isFirst || at == rest.startIndex
      else { return false }
      rest = rest[(at + 1)...]
      isFirst = false
      position += 1
    }
    return true
  }

  // MARK: Addresses

  /// RFC 2673 §3.2: four numbers, none with a zero before it.
  mutating func ipv4() -> Bool {
    for part in 0..<4 {
      if part > 0, !skip(".") { return false }
      let start = position
      let count = someDigits()
      guard (1...3).contains(count), count == 1 || bytes[start] != 48 else { return false }
      guard bytes[start..<position].reduce(0, { $0 * 10 + Int($1 - 48) }) < 256 else {
        return false
      }
    }
    return true
  }

  /// RFC 4291 §2.2, without a zone.
  mutating func ipv6() -> Bool {
    var (groups, hasGap) = (0, false)
    if skip(":") {
      guard skip(":") else { return false }
      hasGap = true
    }
    while let byte = peek, byte != UInt8(ascii: "]") {
      let start = position
      if groups <= 6 {
        var rest = self
        if rest.ipv4(), rest.isAtEnd || rest.peek == UInt8(ascii: "]") {
          position = rest.position
          groups += 2
          break
        }
      }
      guard hexDigits(atMost: 4) > 0, position > start else { return false }
      groups += 1
      guard let next = peek, next != UInt8(ascii: "]") else { break }
      guard skip(":") else { return false }
      if skip(":") {
        guard !hasGap else { return false }
        hasGap = true
      } else if isAtEnd || peek == UInt8(ascii: "]") {
        return false
      }
    }
    return hasGap ? groups <= 7 : groups == 8
  }

  mutating func uuid() -> Bool {
    for (at, count) in [8, 4, 4, 4, 12].enumerated() {
      if at > 0, !skip("-") { return false }
      guard hexDigits(atMost: count) == count else { return false }
    }
    return true
  }

  // MARK: JSON Pointers (RFC 6901)

  mutating func pointer() -> Bool {
    while skip("/") {
      while let byte = peek, byte != UInt8(ascii: "/") {
        position += 1
        if byte == UInt8(ascii: "~"), skip(anyOf: "01") == nil { return false }
      }
    }
    return true
  }

  mutating func relativePointer() -> Bool {
    let start = position
    let count = someDigits()
    guard count == 1 || (count > 1 && bytes[start] != 48) else { return false }
    return skip("#") || pointer()
  }
}
