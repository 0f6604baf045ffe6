/// A block of IPv4 or IPv6 addresses: an address with the length of its network's prefix.
struct AddressBlock: Hashable, Comparable {
  /// Four bytes or sixteen.
  let bytes: [UInt8]
  let prefix: Int

  var bits: Int { bytes.count * 8 }

  init(bytes: [UInt8], prefix: Int) {
    self.prefix = prefix
    self.bytes = bytes.enumerated().map { index, byte in
      let kept = min(max(prefix - index * 8, 0), 8)
      return byte & UInt8(truncatingIfNeeded: 0xff00 >> kept)
    }
  }

  /// `192.0.2.0/24`. Nil where it is no CIDR block.
  init?(cidr: String) {
    let parts = cidr.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = Self.address(String(parts[0])),
      let length = Int(parts[1]), String(length) == parts[1], length >= 0,
      length <= address.count * 8
    else { return nil }
    self.init(bytes: address, prefix: length)
  }

  /// A block, or an address as a block of its own.
  init?(blockOrAddress text: String) {
    if let block = AddressBlock(cidr: text) {
      self = block
    } else if let address = Self.address(text) {
      self.init(bytes: address, prefix: address.count * 8)
    } else {
      return nil
    }
  }

  func contains(_ other: AddressBlock) -> Bool {
    bytes.count == other.bytes.count && prefix <= other.prefix
      && AddressBlock(bytes: other.bytes, prefix: prefix).bytes == bytes
  }

  static func < (left: AddressBlock, right: AddressBlock) -> Bool {
    if left.bytes.count != right.bytes.count { return left.bytes.count < right.bytes.count }
    if left.bytes != right.bytes { return left.bytes.lexicographicallyPrecedes(right.bytes) }
    return left.prefix < right.prefix
  }

  var description: String { "\(Self.text(bytes))/\(prefix)" }

  static func text(_ bytes: [UInt8]) -> String {
    guard bytes.count == 16 else { return bytes.map(String.init).joined(separator: ".") }
    let groups = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
    // RFC 5952 §4.2: the first of the longest runs of zeros, of two at least.
    var best = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > max(best.count, 1) { best = start..<end }
      start = max(end, start + 1)
    }
    func hex(_ range: Range<Int>) -> String {
      groups[range].map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !best.isEmpty else { return hex(0..<8) }
    return hex(0..<best.lowerBound) + "::" + hex(best.upperBound..<8)
  }

  /// Bytes of an address in text; nil where it is none.
  static func address(_ text: String) -> [UInt8]? {
    guard text.contains(":") else { return fourBytes(text) }
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    var parts: [[UInt8]] = []
    for half in halves {
      var bytes: [UInt8] = []
      let groups = half.isEmpty ? [] : half.split(separator: ":", omittingEmptySubsequences: false)
      for (index, group) in groups.enumerated() {
        if group.contains("."), index == groups.count - 1, let tail = fourBytes(String(group)) {
          bytes += tail
        } else {
          guard (1...4).contains(group.utf8.count), !group.hasPrefix("+"),
            let value = UInt16(group, radix: 16)
          else { return nil }
          bytes += [UInt8(value >> 8), UInt8(value & 0xff)]
        }
      }
      parts.append(bytes)
    }
    let count = parts.reduce(0) { $0 + $1.count }
    guard parts.count == 2 else { return count == 16 ? parts[0] : nil }
    guard count <= 14 else { return nil }
    return parts[0] + [UInt8](repeating: 0, count: 16 - count) + parts[1]
  }

  private static func fourBytes(_ text: String) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      // No leading zeros, which some read as octal.
      guard let byte = UInt8(part), String(byte) == part else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
