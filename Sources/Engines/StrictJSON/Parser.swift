/// RFC 8259 without any of its leave: no byte order mark, no duplicate names, no lone surrogate, no
/// invalid UTF-8, no number beyond a double. Iterative, so depth costs heap under a limit and never
/// the stack.
struct Parser {
  private struct Frame {
    let node: Int
    let isObject: Bool
    /// Members begun so far.
    var members = 0
    /// JSONNode of the name of the member being read; -1 before the first.
    var key = -1
    /// All names so far are plain ASCII without escapes, so equal bytes are the only way to be
    /// equal.
    var plainKeys = true
  }

  private let bytes: [UInt8]
  private let limits: JSONLimits
  private var position = 0
  private var nodes: [JSONNode] = []
  private var open: [Frame] = []

  /// Up to here names are compared pairwise; beyond, by a set, so that a long object cannot cost
  /// its square.
  private static let pairwiseMembersMax = 12

  static func parse(
    _ bytes: some Collection<UInt8>, limits: JSONLimits
  ) throws(JSONError) -> JSONDocument {
    let count = bytes.count
    guard count <= limits.bytesMax else {
      throw JSONError(pointer: "", reason: "longer than \(limits.bytesMax) bytes", offset: nil)
    }
    var parser = Parser(bytes as? [UInt8] ?? Array(bytes), limits)
    try parser.run()
    return JSONDocument(bytes: parser.bytes, nodes: parser.nodes)
  }

  private init(_ bytes: [UInt8], _ limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
    nodes.reserveCapacity(min(bytes.count / 8 + 8, 65_536))
  }

  private mutating func run() throws(JSONError) {
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { throw fault("starts with a byte order mark") }
    skipSpace()
    try readValue()
    while let frame = open.last {
      skipSpace()
      guard position < bytes.count else { throw fault("ends inside \(container(frame))") }
      let closing = frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
      if bytes[position] == closing {
        position += 1
        try close(frame)
        continue
      }
      if frame.members > 0 {
        guard bytes[position] == UInt8(ascii: ",") else {
          throw fault("expected a comma or the end of \(container(frame))")
        }
        position += 1
        skipSpace()
      }
      if frame.isObject { try readKey() }
      open[open.count - 1].members += 1
      try readValue()
    }
    skipSpace()
    guard position == bytes.count else { throw fault("more text after the value") }
  }

  private func container(_ frame: Frame) -> String { frame.isObject ? "an object" : "an array" }

  private func fault(_ reason: String, at offset: Int? = nil) -> JSONError {
    let path = open.compactMap { frame -> String? in
      if frame.isObject { return frame.key < 0 ? nil : documentString(nodes[frame.key], in: bytes) }
      return frame.members == 0 ? nil : String(frame.members - 1)
    }
    return JSONError(pointer: jsonPointer(path), reason: reason, offset: offset ?? position)
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0a, 0x0d, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func append(_ kind: JSONNode.Kind, _ start: Int, _ end: Int) throws(JSONError) {
    guard nodes.count < limits.valuesMax else {
      throw fault("more than \(limits.valuesMax) values")
    }
    nodes.append(
      JSONNode(kind: kind, start: UInt32(start), end: UInt32(end), next: UInt32(nodes.count + 1)))
  }

  private mutating func readValue() throws(JSONError) {
    guard position < bytes.count else { throw fault("ends where a value is expected") }
    switch bytes[position] {
    case UInt8(ascii: "{"): try enter(isObject: true)
    case UInt8(ascii: "["): try enter(isObject: false)
    case UInt8(ascii: "\""):
      let (start, end, isPlain, _) = try scanString()
      try append(isPlain ? .string : .escapedString, start, end)
    case UInt8(ascii: "-"), 48...57: try readNumber()
    case UInt8(ascii: "t"): try readWord("true", .yes)
    case UInt8(ascii: "f"): try readWord("false", .no)
    case UInt8(ascii: "n"): try readWord("null", .null)
    default: throw fault("expected a value")
    }
  }

  private mutating func readWord(_ word: StaticString, _ kind: JSONNode.Kind) throws(JSONError) {
    let end = position + word.utf8CodeUnitCount
    let matches = word.withUTF8Buffer { expected in
      end <= bytes.count && bytes[position..<end].elementsEqual(expected)
    }
    guard matches else { throw fault("expected a value") }
    try append(kind, position, end)
    position = end
  }

  private mutating func enter(isObject: Bool) throws(JSONError) {
    guard open.count < limits.depthMax else {
      throw fault("nested deeper than \(limits.depthMax)")
    }
    try append(isObject ? .object : .array, position, 0)
    open.append(Frame(node: nodes.count - 1, isObject: isObject))
    position += 1
  }

  private mutating func close(_ frame: Frame) throws(JSONError) {
    if frame.isObject, frame.members > 1 { try refuseDuplicates(frame) }
    nodes[frame.node].end = UInt32(frame.members)
    nodes[frame.node].next = UInt32(nodes.count)
    open.removeLast()
  }

  private mutating func readKey() throws(JSONError) {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      throw fault("expected a member name in quotation marks")
    }
    let (start, end, isPlain, isASCII) = try scanString()
    try append(isPlain ? .key : .escapedKey, start, end)
    open[open.count - 1].key = nodes.count - 1
    if !isPlain || !isASCII { open[open.count - 1].plainKeys = false }
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
      throw fault("expected a colon")
    }
    position += 1
    skipSpace()
  }
}

// MARK: Duplicate names

extension Parser {
  /// Swift's strings are equal when they are canonically equivalent in Unicode, so two names that
  /// differ only in composition would overwrite each other further on: they count as duplicates
  /// here.
  private mutating func refuseDuplicates(_ frame: Frame) throws(JSONError) {
    guard frame.plainKeys, frame.members <= Self.pairwiseMembersMax else {
      var names: Set<String> = []
      names.reserveCapacity(frame.members)
      var key = frame.node + 1
      while key < nodes.count {
        guard names.insert(documentString(nodes[key], in: bytes)).inserted else {
          throw duplicate(key)
        }
        key = Int(nodes[key + 1].next)
      }
      return
    }
    var key = frame.node + 1
    while key < nodes.count {
      var earlier = frame.node + 1
      while earlier < key {
        if sameBytes(nodes[earlier], nodes[key]) { throw duplicate(key) }
        earlier = Int(nodes[earlier + 1].next)
      }
      key = Int(nodes[key + 1].next)
    }
  }

  private func sameBytes(_ left: JSONNode, _ right: JSONNode) -> Bool {
    guard left.end - left.start == right.end - right.start else { return false }
    var other = Int(right.start)
    for index in Int(left.start)..<Int(left.end) {
      if bytes[index] != bytes[other] { return false }
      other += 1
    }
    return true
  }

  private mutating func duplicate(_ key: Int) -> JSONError {
    open[open.count - 1].key = key
    return fault("the same member name twice", at: Int(nodes[key].start))
  }
}

// MARK: Strings

extension Parser {
  /// From the opening to past the closing quotation mark.
  private mutating func scanString() throws(JSONError) -> (
    start: Int, end: Int, isPlain: Bool, isASCII: Bool
  ) {
    position += 1
    let start = position
    var isPlain = true
    var isASCII = true
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return (start, position - 1, isPlain, isASCII)
      case UInt8(ascii: "\\"):
        isPlain = false
        try scanEscape()
      case 0x20...0x7f: position += 1
      case 0x80...:
        isASCII = false
        guard let width = utf8Width(at: position) else { throw fault("not UTF-8") }
        position += width
      default: throw fault("a control character that is not escaped")
      }
    }
    throw fault("ends inside a string")
  }

  private mutating func scanEscape() throws(JSONError) {
    guard position + 1 < bytes.count else { throw fault("ends inside a string") }
    switch bytes[position + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 2
    case UInt8(ascii: "u"):
      guard let unit = hexUnit(at: position + 2) else { throw fault("expected four hex digits") }
      switch unit {
      case 0xdc00...0xdfff: throw fault("a low surrogate without its high one")
      case 0xd800...0xdbff:
        guard position + 7 < bytes.count, bytes[position + 6] == UInt8(ascii: "\\"),
          bytes[position + 7] == UInt8(ascii: "u"), let low = hexUnit(at: position + 8),
          (0xdc00...0xdfff).contains(low)
        else { throw fault("a high surrogate without its low one") }
        position += 12
      default: position += 6
      }
    default: throw fault("an unknown escape")
    }
  }

  private func hexUnit(at start: Int) -> UInt32? {
    guard start + 4 <= bytes.count else { return nil }
    let digits = bytes[start..<start + 4]
    for digit in digits {
      switch digit {
      case 48...57, 65...70, 97...102: continue
      default: return nil
      }
    }
    return hexQuad(digits)
  }

  /// Length of the well-formed sequence here (Unicode 16, table 3-7): no overlong form, no
  /// surrogate, nothing past U+10FFFF.
  private func utf8Width(at start: Int) -> Int? {
    func tail(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
      start + offset < bytes.count && range.contains(bytes[start + offset])
    }
    switch bytes[start] {
    case 0xc2...0xdf: return tail(1) ? 2 : nil
    case 0xe0: return tail(1, 0xa0...0xbf) && tail(2) ? 3 : nil
    case 0xed: return tail(1, 0x80...0x9f) && tail(2) ? 3 : nil
    case 0xe1...0xef: return tail(1) && tail(2) ? 3 : nil
    case 0xf0: return tail(1, 0x90...0xbf) && tail(2) && tail(3) ? 4 : nil
    case 0xf1...0xf3: return tail(1) && tail(2) && tail(3) ? 4 : nil
    case 0xf4: return tail(1, 0x80...0x8f) && tail(2) && tail(3) ? 4 : nil
    default: return nil
    }
  }
}

// MARK: Numbers

extension Parser {
  private mutating func readNumber() throws(JSONError) {
    let start = position
    var kind = JSONNode.Kind.integer
    if bytes[position] == UInt8(ascii: "-") { position += 1 }
    if position < bytes.count, bytes[position] == UInt8(ascii: "0") {
      position += 1
      if position < bytes.count, (48...57).contains(bytes[position]) {
        throw fault("a number with a leading zero")
      }
    } else {
      try skipDigits()
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      kind = .number
      position += 1
      try skipDigits()
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      kind = .number
      position += 1
      if position < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[position]) {
        position += 1
      }
      try skipDigits()
    }
    guard position - start <= JSONLimits.numberBytesMax else {
      throw fault("a number longer than \(JSONLimits.numberBytesMax) bytes", at: start)
    }
    // Up to 18 digits are surely a 64-bit integer; anything else must be within the range of a
    // double.
    if kind == .number || position - start > 18, !spelledDouble(bytes[start..<position]).isFinite {
      throw fault("a number out of range", at: start)
    }
    try append(kind, start, position)
  }

  private mutating func skipDigits() throws(JSONError) {
    guard position < bytes.count, (48...57).contains(bytes[position]) else {
      throw fault("expected a digit")
    }
    while position < bytes.count, (48...57).contains(bytes[position]) { position += 1 }
  }
}
