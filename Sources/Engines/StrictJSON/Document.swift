/// A parsed text as a flat list of nodes in document order: no tree of small allocations, and a
/// decoder can walk it with two integers. Sixteen bytes a node.
package struct JSONNode: Sendable {
  package enum Kind: UInt8, Sendable {
    case null, yes, no, integer, number, string, escapedString, key, escapedKey, array, object
  }
  package var kind: Kind
  /// First byte of the value in the text; for strings the one after the quotation mark.
  package var start: UInt32
  /// Byte after the value; for strings the closing mark; for containers the number of members.
  package var end: UInt32
  /// Index of the node after this one and all it contains.
  package var next: UInt32
}

/// One parsed text: its bytes, and where the values stand in them. The root is node 0; an object's members are a node for the
/// name and the value's behind it.
package struct JSONDocument: Sendable {
  package let bytes: [UInt8]
  package let nodes: [JSONNode]

  /// Reads one JSON text (RFC 8259) as strictly as `JSON.parse`, without making a tree of it.
  /// - Throws: `JSONError` with the byte position, also beyond a limit.
  package static func parse(
    _ bytes: some Collection<UInt8>, limits: JSONLimits = .standard
  ) throws(JSONError) -> JSONDocument {
    try Parser.parse(bytes, limits: limits)
  }

  init(bytes: [UInt8], nodes: [JSONNode]) {
    self.bytes = bytes
    self.nodes = nodes
  }

  /// The value of a member's name or of a string, with its escapes resolved.
  package func string(_ index: Int) -> String {
    documentString(nodes[index], in: bytes)
  }

  /// Nil where the integer needs more than 64 bits.
  package func integer(_ index: Int) -> Int64? {
    let node = nodes[index]
    var position = Int(node.start)
    let negative = bytes[position] == UInt8(ascii: "-")
    if negative { position += 1 }
    // Counted downwards, since the negative range is one longer.
    var value: Int64 = 0
    for byte in bytes[position..<Int(node.end)] {
      let (shifted, tooBig) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = shifted.subtractingReportingOverflow(Int64(byte &- 48))
      if tooBig || overflow { return nil }
      value = sum
    }
    if negative { return value }
    return value == .min ? nil : -value
  }

  /// Finite: the parser has refused a number that would round to infinity.
  package func double(_ index: Int) -> Double {
    let node = nodes[index]
    return spelledDouble(bytes[Int(node.start)..<Int(node.end)])
  }

  func isNull(_ index: Int) -> Bool { nodes[index].kind == .null }

  /// The subtree as a value.
  package func tree(_ index: Int) -> JSON {
    switch nodes[index].kind {
    case .null: return .null
    case .yes: return .bool(true)
    case .no: return .bool(false)
    case .integer: return integer(index).map(JSON.integer) ?? .number(double(index))
    case .number: return .number(double(index))
    case .string, .escapedString, .key, .escapedKey: return .string(string(index))
    case .array:
      var elements: [JSON] = []
      elements.reserveCapacity(Int(nodes[index].end))
      var child = index + 1
      while child < Int(nodes[index].next) {
        elements.append(tree(child))
        child = Int(nodes[child].next)
      }
      return .array(elements)
    case .object:
      var members: [String: JSON] = [:]
      members.reserveCapacity(Int(nodes[index].end))
      var key = index + 1
      while key < Int(nodes[index].next) {
        members[string(key)] = tree(key + 1)
        key = Int(nodes[key + 1].next)
      }
      return .object(members)
    }
  }

  /// The way from the root to a node, found from the positions alone, so that success costs
  /// nothing.
  func path(to target: Int) -> [PathKey] {
    var path: [PathKey] = []
    var container = 0
    while container < target {
      let isObject = nodes[container].kind == .object
      var child = container + 1
      var position = 0
      while child < target {
        let value = isObject ? child + 1 : child
        if target < Int(nodes[value].next) { break }
        child = Int(nodes[value].next)
        position += 1
      }
      path.append(isObject ? PathKey(stringValue: string(child)) : PathKey(intValue: position))
      container = isObject ? child + 1 : child
    }
    return path
  }

  /// JSON Pointer (RFC 6901) of a node.
  package func pointer(to index: Int) -> String {
    jsonPointer(path(to: index).lazy.map(\.stringValue))
  }

  /// The node that an RFC 6901 pointer names; nil when there is none or the pointer is malformed.
  package func node(at pointer: String) -> Int? {
    let tokens = pointer.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard pointer.isEmpty || tokens.first?.isEmpty == true else { return nil }
    var node = 0
    for token in tokens.dropFirst() {
      guard let name = unescapedToken(token), let child = child(name, of: node) else { return nil }
      node = child
    }
    return node
  }

  private func child(_ name: String, of node: Int) -> Int? {
    guard nodes[node].kind == .object || nodes[node].kind == .array else { return nil }
    let isObject = nodes[node].kind == .object
    var (child, position) = (node + 1, 0)
    while child < Int(nodes[node].next) {
      // RFC 6901 §4: a position has no leading zeros and no sign.
      if isObject ? string(child) == name : String(position) == name {
        return isObject ? child + 1 : child
      }
      child = Int(nodes[isObject ? child + 1 : child].next)
      position += 1
    }
    return nil
  }

  /// What a node is, with its article, for a person.
  package func kindName(_ index: Int) -> String {
    switch nodes[index].kind {
    case .null: "null"
    case .yes, .no: "a boolean"
    case .integer, .number: "a number"
    case .string, .escapedString, .key, .escapedKey: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// One step of a path: a member's name or a position in an array.
struct PathKey: CodingKey {
  let stringValue: String
  let intValue: Int?
  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }
  init(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}

func documentString(_ node: JSONNode, in bytes: [UInt8]) -> String {
  let raw = bytes[Int(node.start)..<Int(node.end)]
  guard node.kind == .escapedString || node.kind == .escapedKey else {
    return String(decoding: raw, as: UTF8.self)
  }
  return String(decoding: unescaped(raw), as: UTF8.self)
}

/// The scanner has proved every escape well formed and every surrogate paired.
private func unescaped(_ raw: ArraySlice<UInt8>) -> [UInt8] {
  var text: [UInt8] = []
  text.reserveCapacity(raw.count)
  var position = raw.startIndex
  while position < raw.endIndex {
    let byte = raw[position]
    guard byte == UInt8(ascii: "\\") else {
      text.append(byte)
      position += 1
      continue
    }
    let escape = raw[position + 1]
    position += 2
    switch escape {
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var scalar = hexQuad(raw[position..<position + 4])
      position += 4
      if (0xd800...0xdbff).contains(scalar) {
        let low = hexQuad(raw[position + 2..<position + 6])
        scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
        position += 6
      }
      appendUTF8(scalar, to: &text)
    default: text.append(escape)
    }
  }
  return text
}

func hexQuad(_ digits: ArraySlice<UInt8>) -> UInt32 {
  digits.reduce(0) { value, digit in
    let nibble = digit < 58 ? digit &- 48 : (digit | 0x20) &- 87
    return value << 4 | UInt32(nibble)
  }
}

private func appendUTF8(_ scalar: UInt32, to text: inout [UInt8]) {
  func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(scalar >> shift & 0x3f) }
  switch scalar {
  case ..<0x80: text.append(UInt8(scalar))
  case ..<0x800: text += [0xc0 | UInt8(scalar >> 6), tail(0)]
  case ..<0x10000: text += [0xe0 | UInt8(scalar >> 12), tail(6), tail(0)]
  default: text += [0xf0 | UInt8(scalar >> 18), tail(12), tail(6), tail(0)]
  }
}
