/// A word of the source.
struct Token: Sendable {
  enum Kind: Sendable, Equatable {
    case name(String)
    case number(String)
    case string(String)
    case template([TemplateToken])
    case symbol(String)
    case end
  }
  let kind: Kind
  let location: Location
  /// Its bytes in the source.
  let range: Range<Int>
  /// White space of any sort stands before it.
  let hasSpaceBefore: Bool
  let hasNewlineBefore: Bool

  /// How an error names it.
  var shown: String {
    switch kind {
    case .name(let name): "name \(name)"
    case .number(let text): "number \(text)"
    case .string: "string"
    case .template: "template string"
    case .symbol(let symbol): symbol
    case .end: "end of file"
    }
  }
}

/// `# …` up to the end of its line.
struct Comment: Sendable {
  let location: Location
  let range: Range<Int>
}

enum TemplateToken: Sendable, Equatable {
  case text(String)
  /// The words between the braces, with an `end` after them.
  case tokens([Token])

  static func == (left: TemplateToken, right: TemplateToken) -> Bool { false }
}

/// Splits Rego source into words (OPA policy reference, "Grammar").
struct Lexer {
  /// Longest source, in bytes.
  static let bytesMax = 4 << 20
  /// Most template strings inside each other.
  static let templateDepthMax = 16

  private let bytes: [UInt8]
  private let file: String
  private var position = 0
  private var line = 1
  private var lineStart = 0
  /// Continuation bytes of UTF-8 on this line so far, which are no columns of their own.
  private var continuations = 0
  private(set) var comments: [Comment] = []

  init(_ source: String, file: String) {
    bytes = Array(source.utf8)
    self.file = file
  }

  static func tokens(of source: String, file: String) throws(PolicyError) -> [Token] {
    try words(of: source, file: file).tokens
  }

  static func words(of source: String, file: String) throws(PolicyError)
    -> (tokens: [Token], comments: [Comment])
  {
    var lexer = Lexer(source, file: file)
    guard lexer.bytes.count <= bytesMax else {
      throw lexer.failure("source is longer than \(bytesMax) bytes")
    }
    let tokens = try lexer.tokens(untilBrace: false, depth: 0)
    return (tokens, lexer.comments)
  }

  private var location: Location {
    Location(file: file, line: line, column: position - lineStart - continuations + 1)
  }

  private func failure(_ message: String) -> PolicyError {
    PolicyError(code: "rego_parse_error", message: message, location: location)
  }

  private func peek(_ offset: Int = 0) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private mutating func advance() {
    let byte = bytes[position]
    position += 1
    if byte == UInt8(ascii: "\n") {
      line += 1
      lineStart = position
      continuations = 0
    } else if byte & 0xc0 == 0x80 {
      continuations += 1
    }
  }

  private mutating func tokens(untilBrace: Bool, depth: Int) throws(PolicyError) -> [Token] {
    guard depth <= Self.templateDepthMax else { throw failure("template strings nest too deeply") }
    var tokens: [Token] = []
    var braces = 0
    while true {
      let (start, firstLine) = (position, line)
      skipSpace()
      let (place, first) = (location, position)
      let hasSpace = position > start
      func token(_ kind: Token.Kind) -> Token {
        Token(
          kind: kind, location: place, range: first..<position, hasSpaceBefore: hasSpace,
          hasNewlineBefore: line(place) > firstLine)
      }
      guard let byte = peek() else {
        if untilBrace { throw failure("template expression is not closed: } expected") }
        tokens.append(token(.end))
        return tokens
      }
      if untilBrace, byte == UInt8(ascii: "}"), braces == 0 {
        tokens.append(token(.end))
        advance()
        return tokens
      }
      let kind = try kind(of: byte, depth: depth)
      if kind == .symbol("{") { braces += 1 }
      if kind == .symbol("}") { braces -= 1 }
      tokens.append(token(kind))
    }
  }

  private func line(_ place: Location) -> Int { place.line }

  private mutating func skipSpace() {
    while let byte = peek() {
      switch byte {
      case 0x20, 0x09, 0x0a, 0x0d: advance()
      case UInt8(ascii: "#"):
        let (place, first) = (location, position)
        while let next = peek(), next != 0x0a { advance() }
        comments.append(Comment(location: place, range: first..<position))
      default: return
      }
    }
  }

  private mutating func kind(of byte: UInt8, depth: Int) throws(PolicyError) -> Token.Kind {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      return .name(name())
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    case UInt8(ascii: "."):
      guard let next = peek(1), (48...57).contains(next) else { return try symbol() }
      return .number(try number())
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "`"): return .string(try rawString())
    case UInt8(ascii: "$"):
      advance()
      guard let mark = peek(), mark == UInt8(ascii: "\"") || mark == UInt8(ascii: "`") else {
        throw failure("\" or ` expected after $")
      }
      return .template(try template(mark: mark, depth: depth))
    default: return try symbol()
    }
  }

  private mutating func name() -> String {
    let start = position
    while let byte = peek(), isNameByte(byte) { advance() }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func number() throws(PolicyError) -> String {
    let start = position
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { (48...57).contains($0) } ?? false }
    while isDigit(peek()) { advance() }
    if peek() == UInt8(ascii: "."), isDigit(peek(1)) {
      advance()
      while isDigit(peek()) { advance() }
    }
    if let byte = peek(), byte | 0x20 == UInt8(ascii: "e") {
      advance()
      if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { advance() }
      guard isDigit(peek()) else { throw failure("digits expected in exponent") }
      while isDigit(peek()) { advance() }
    }
    if let byte = peek(), isNameByte(byte) { throw failure("illegal number format") }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if text.utf8.count > 1, text.hasPrefix("0"), text.utf8.dropFirst().first.map(isDigit) == true {
      throw failure("number has a leading zero")
    }
    return text.hasPrefix(".") ? "0" + text : text
  }

  private mutating func string() throws(PolicyError) -> String {
    advance()
    let start = position
    while let byte = peek(), byte != UInt8(ascii: "\"") {
      guard byte != 0x0a else { throw failure("non-terminated string") }
      if byte == UInt8(ascii: "\\"), peek(1) != nil { advance() }
      advance()
    }
    guard peek() != nil else { throw failure("non-terminated string") }
    let text = unescaped(bytes[start..<position])
    guard let text else { throw failure("illegal escape sequence in string") }
    advance()
    return text
  }

  private mutating func rawString() throws(PolicyError) -> String {
    advance()
    let start = position
    while let byte = peek(), byte != UInt8(ascii: "`") { advance() }
    guard peek() != nil else { throw failure("non-terminated raw string") }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    advance()
    return text
  }

  private mutating func template(mark: UInt8, depth: Int) throws(PolicyError) -> [TemplateToken] {
    advance()
    var parts: [TemplateToken] = []
    var raw: [UInt8] = []
    let isRaw = mark == UInt8(ascii: "`")
    func text() throws(PolicyError) -> TemplateToken {
      guard let text = isRaw ? String(decoding: raw, as: UTF8.self) : unescaped(raw[...]) else {
        throw failure("illegal escape sequence in template string")
      }
      return .text(text)
    }
    while let byte = peek(), byte != mark {
      switch byte {
      case UInt8(ascii: "\\") where peek(1) == UInt8(ascii: "{"):
        advance()
        raw.append(UInt8(ascii: "{"))
        advance()
      case UInt8(ascii: "\\") where !isRaw && peek(1) != nil:
        raw.append(byte)
        advance()
        raw.append(bytes[position])
        advance()
      case UInt8(ascii: "{"):
        if !raw.isEmpty { parts.append(try text()) }
        raw = []
        advance()
        parts.append(.tokens(try tokens(untilBrace: true, depth: depth + 1)))
      case 0x0a where !isRaw: throw failure("non-terminated template string")
      default:
        raw.append(byte)
        advance()
      }
    }
    guard peek() != nil else { throw failure("non-terminated template string") }
    advance()
    if !raw.isEmpty { parts.append(try text()) }
    return parts
  }

  private mutating func symbol() throws(PolicyError) -> Token.Kind {
    let two = String(decoding: bytes[position..<min(position + 2, bytes.count)], as: UTF8.self)
    if [":=", "==", "!=", "<=", ">="].contains(two) {
      advance()
      advance()
      return .symbol(two)
    }
    let one = String(decoding: bytes[position...position], as: UTF8.self)
    guard "{}[]().,;:=<>+-*/%&|".contains(one) else {
      throw failure("illegal token")
    }
    advance()
    return .symbol(one)
  }
}

private func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
    true
  default: false
  }
}
