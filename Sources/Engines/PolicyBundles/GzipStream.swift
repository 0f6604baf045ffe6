/// Why bytes are no archive that we read.
package struct ArchiveError: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }

  init(_ reason: String) { self.reason = reason }
}

/// A gzip member (RFC 1952) with its deflate stream (RFC 1951).
enum GzipStream {
  /// Most bytes that a stream may unfold to: without it a kilobyte makes a gigabyte.
  static let bytesMax = 64 << 20

  /// Written as it is, in stored blocks: bundles are small, and the same input gives the same
  /// bytes for ever.
  static func packed(_ bytes: [UInt8]) -> [UInt8] {
    // No flags, no time, no level, unknown system.
    var packed: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]
    var start = 0
    repeat {
      let end = min(start + 65_535, bytes.count)
      let count = UInt16(end - start)
      packed.append(end == bytes.count ? 1 : 0)
      packed += littleEndian(UInt32(count), 2) + littleEndian(UInt32(~count), 2)
      packed += bytes[start..<end]
      start = end
    } while start < bytes.count
    return packed + littleEndian(checksum(bytes), 4)
      + littleEndian(UInt32(truncatingIfNeeded: bytes.count), 4)
  }

  /// - Throws: `ArchiveError`, also for a checksum that does not fit and for anything after the end.
  static func unpacked(_ packed: [UInt8]) throws(ArchiveError) -> [UInt8] {
    guard packed.count >= 18, packed.starts(with: [0x1f, 0x8b, 8]) else {
      throw ArchiveError("not gzip")
    }
    let flags = packed[3]
    var start = 10
    if flags & 4 != 0 {
      guard packed.count > start + 2 else { throw ArchiveError("gzip header ends early") }
      start += 2 + Int(packed[start]) + Int(packed[start + 1]) << 8
    }
    for bit: UInt8 in [8, 16] where flags & bit != 0 {
      guard start < packed.count, let end = packed[start...].firstIndex(of: 0) else {
        throw ArchiveError("gzip header ends early")
      }
      start = end + 1
    }
    if flags & 2 != 0 { start += 2 }
    guard start <= packed.count - 8 else { throw ArchiveError("gzip header ends early") }
    var inflation = Inflation(packed, from: start, to: packed.count - 8)
    let bytes = try inflation.bytes()
    guard
      packed[(packed.count - 8)...].elementsEqual(
        littleEndian(checksum(bytes), 4) + littleEndian(UInt32(truncatingIfNeeded: bytes.count), 4))
    else { throw ArchiveError("gzip checksum does not fit") }
    return bytes
  }

  private static func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }

  private static let checksumTable: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in
      value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1
    }
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { checksumTable[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}

/// Reads a deflate stream (RFC 1951).
private struct Inflation {
  private let packed: [UInt8]
  private let end: Int
  private var position: Int
  private var bits: UInt32 = 0
  private var bitCount: UInt32 = 0
  private var output: [UInt8] = []

  init(_ packed: [UInt8], from start: Int, to end: Int) {
    self.packed = packed
    self.end = end
    position = start
  }

  mutating func bytes() throws(ArchiveError) -> [UInt8] {
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try stored()
      case 1:
        let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
        try compressed(
          HuffmanCode(lengths), HuffmanCode([Int](repeating: 5, count: 30)))
      case 2:
        let (literals, distances) = try codes()
        try compressed(literals, distances)
      default: throw ArchiveError("deflate block of an unknown kind")
      }
    }
    guard position == end else { throw ArchiveError("bytes after the end of the stream") }
    return output
  }

  private mutating func take(_ count: UInt32) throws(ArchiveError) -> Int {
    while bitCount < count {
      guard position < end else { throw ArchiveError("deflate stream ends early") }
      bits |= UInt32(packed[position]) << bitCount
      position += 1
      bitCount += 8
    }
    let value = bits & ((1 << count) - 1)
    bits >>= count
    bitCount -= count
    return Int(value)
  }

  private func checkRoom(_ count: Int) throws(ArchiveError) {
    guard output.count + count <= GzipStream.bytesMax else {
      throw ArchiveError("unfolds to more than \(GzipStream.bytesMax) bytes")
    }
  }

  private mutating func stored() throws(ArchiveError) {
    // What is left of the current byte is padding.
    (bits, bitCount) = (0, 0)
    guard position + 4 <= end else { throw ArchiveError("deflate stream ends early") }
    let count = Int(packed[position]) | Int(packed[position + 1]) << 8
    let complement = Int(packed[position + 2]) | Int(packed[position + 3]) << 8
    position += 4
    guard count ^ complement == 0xffff, position + count <= end else {
      throw ArchiveError("stored block is damaged")
    }
    try checkRoom(count)
    output += packed[position..<position + count]
    position += count
  }

  private mutating func symbol(_ code: HuffmanCode) throws(ArchiveError) -> Int {
    var (value, first, index) = (0, 0, 0)
    for length in 1...15 {
      value |= try take(1)
      let count = code.counts[length]
      if value - first < count { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw ArchiveError("bits that are no code")
  }

  private mutating func codes() throws(ArchiveError) -> (HuffmanCode, HuffmanCode) {
    let literals = try take(5) + 257
    let distances = try take(5) + 1
    let count = try take(4) + 4
    var lengths = [Int](repeating: 0, count: 19)
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    for place in order.prefix(count) { lengths[place] = try take(3) }
    let code = HuffmanCode(lengths)
    var all: [Int] = []
    while all.count < literals + distances {
      switch try symbol(code) {
      case 16:
        guard let last = all.last else { throw ArchiveError("repeats a length before the first") }
        all += [Int](repeating: last, count: try take(2) + 3)
      case 17: all += [Int](repeating: 0, count: try take(3) + 3)
      case 18: all += [Int](repeating: 0, count: try take(7) + 11)
      case let length: all.append(length)
      }
    }
    guard all.count == literals + distances else { throw ArchiveError("too many code lengths") }
    return (HuffmanCode(Array(all[..<literals])), HuffmanCode(Array(all[literals...])))
  }

  private mutating func compressed(_ literals: HuffmanCode, _ distances: HuffmanCode)
    throws(ArchiveError)
  {
    while true {
      let literal = try symbol(literals)
      if literal == 256 { return }
      if literal < 256 {
        try checkRoom(1)
        output.append(UInt8(literal))
        continue
      }
      guard literal < 286 else { throw ArchiveError("length that is no length") }
      let length =
        Self.lengths[literal - 257] + (try take(UInt32(Self.lengthBits[literal - 257])))
      let code = try symbol(distances)
      guard code < 30 else { throw ArchiveError("distance that is no distance") }
      let distance = Self.distances[code] + (try take(UInt32(code < 4 ? 0 : (code - 2) / 2)))
      guard distance <= output.count else { throw ArchiveError("refers before the beginning") }
      try checkRoom(length)
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
  }

  private static let lengths = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distances = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1_025, 1_537,
    2_049, 3_073, 4_097, 6_145, 8_193, 12_289, 16_385, 24_577,
  ]
}

/// A canonical Huffman code from the length of each symbol's bits (RFC 1951 §3.2.2).
private struct HuffmanCode {
  /// How many codes have each length, 0–15.
  let counts: [Int]
  /// By length, then by value.
  let symbols: [Int]

  init(_ lengths: [Int]) {
    var counts = [Int](repeating: 0, count: 16)
    for length in lengths where length > 0 { counts[length] += 1 }
    self.counts = counts
    symbols = (1...15).flatMap { length in lengths.indices.filter { lengths[$0] == length } }
  }
}
