/// An element of DER (X.690): where its bytes are, and those of its content.
struct DERElement {
  let tag: UInt8
  /// With tag and length.
  let bytes: ArraySlice<UInt8>
  let content: ArraySlice<UInt8>

  enum Tag {
    static let boolean: UInt8 = 0x01
    static let integer: UInt8 = 0x02
    static let bits: UInt8 = 0x03
    static let octets: UInt8 = 0x04
    static let null: UInt8 = 0x05
    static let identifier: UInt8 = 0x06
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
    static let sequence: UInt8 = 0x30
    static let set: UInt8 = 0x31
  }

  /// Most elements inside one.
  static let childrenMax = 1_000

  /// The first element of some bytes; nil where there is none.
  init?(first bytes: ArraySlice<UInt8>) {
    guard bytes.count >= 2, bytes[bytes.startIndex] & 0x1f != 0x1f else { return nil }
    tag = bytes[bytes.startIndex]
    var position = bytes.startIndex + 2
    var length = Int(bytes[bytes.startIndex + 1])
    if length >= 0x80 {
      let count = length & 0x7f
      guard (1...3).contains(count), position + count <= bytes.endIndex else { return nil }
      length = bytes[position..<position + count].reduce(0) { $0 << 8 | Int($1) }
      // The shortest form only.
      guard length >= 0x80, count == 1 || length >> (8 * (count - 1)) > 0 else { return nil }
      position += count
    }
    guard position + length <= bytes.endIndex else { return nil }
    content = bytes[position..<position + length]
    self.bytes = bytes[bytes.startIndex..<position + length]
  }

  /// The elements of some bytes, one after the other; nil where they are not whole.
  static func all(in bytes: ArraySlice<UInt8>) -> [DERElement]? {
    var elements: [DERElement] = []
    var rest = bytes
    while !rest.isEmpty {
      guard elements.count < childrenMax, let element = DERElement(first: rest) else { return nil }
      elements.append(element)
      rest = rest[element.bytes.endIndex...]
    }
    return elements
  }

  var children: [DERElement]? { tag & 0x20 != 0 ? Self.all(in: content) : nil }

  /// The elements of a sequence.
  func sequence() -> [DERElement]? { tag == Tag.sequence ? Self.all(in: content) : nil }

  /// A number that is tagged as an integer.
  var integer: BigInteger? {
    guard tag == Tag.integer, let first = content.first else { return nil }
    let isNegative = first & 0x80 != 0
    // Two's complement, the highest byte first.
    let magnitude = isNegative ? content.map { ~$0 } : Array(content)
    let value = BigInteger(bigEndian: magnitude)
    return isNegative ? -(value + BigInteger(1)) : value
  }

  var boolean: Bool? {
    guard tag == Tag.boolean, content.count == 1 else { return nil }
    return content[content.startIndex] != 0
  }

  /// The components of an object identifier.
  var identifier: [Int]? { tag == Tag.identifier ? Self.identifier(content) : nil }

  static func identifier(_ content: ArraySlice<UInt8>) -> [Int]? {
    var parts: [Int] = []
    var part = 0
    for byte in content {
      guard part < 1 << 40 else { return nil }
      part = part << 7 | Int(byte & 0x7f)
      if byte & 0x80 != 0 { continue }
      parts += parts.isEmpty ? [min(part / 40, 2), part - 40 * min(part / 40, 2)] : [part]
      part = 0
    }
    return parts.isEmpty || content.last.map { $0 & 0x80 != 0 } ?? true ? nil : parts
  }

  /// The bytes of a bit string, and how many bits of the last do not count.
  var bits: (bytes: ArraySlice<UInt8>, unused: Int)? {
    guard tag == Tag.bits, let unused = content.first, unused < 8 else { return nil }
    return (content.dropFirst(), Int(unused))
  }

  /// A text in one of the kinds that names use.
  var text: String? {
    switch tag {
    case 0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x80...0x8f: String(decoding: content, as: UTF8.self)
    case 0x1e where content.count.isMultiple(of: 2):
      String(
        decoding: stride(from: content.startIndex, to: content.endIndex, by: 2).map {
          UInt16(content[$0]) << 8 | UInt16(content[$0 + 1])
        }, as: UTF16.self)
    default: nil
    }
  }

  /// A moment (RFC 5280 §4.1.2.5), as seconds since 1970.
  var seconds: Int? {
    let digits = content.dropLast().map { Int($0) - 48 }
    guard content.last == UInt8(ascii: "Z"), digits.allSatisfy((0...9).contains) else { return nil }
    var pairs = stride(from: 0, to: digits.count - 1, by: 2).map {
      digits[$0] * 10 + digits[$0 + 1]
    }
    switch (tag, digits.count) {
    case (Tag.utcTime, 12): pairs.insert(pairs[0] < 50 ? 20 : 19, at: 0)
    case (Tag.generalizedTime, 14): break
    default: return nil
    }
    guard (1...12).contains(pairs[2]), pairs[3] >= 1, pairs[4] < 24, pairs[5] < 60, pairs[6] < 60,
      pairs[3] <= TimeLayout.days(in: pairs[2], of: pairs[0] * 100 + pairs[1])
    else { return nil }
    let days = CivilTime(year: pairs[0] * 100 + pairs[1], month: pairs[2], day: pairs[3]).days
    return days * 86_400 + pairs[4] * 3_600 + pairs[5] * 60 + pairs[6]
  }
}

extension BigInteger {
  /// A magnitude, the highest byte first.
  init(bigEndian bytes: some BidirectionalCollection<UInt8>) {
    var limbs: [UInt32] = []
    var limb: UInt32 = 0
    var shift: UInt32 = 0
    for byte in bytes.reversed() {
      limb |= UInt32(byte) << shift
      shift += 8
      if shift == 32 {
        limbs.append(limb)
        (limb, shift) = (0, 0)
      }
    }
    limbs.append(limb)
    self.init(limbs: limbs, isNegative: false)
  }
}
