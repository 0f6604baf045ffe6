/// Says of an id that it was certainly never seen, or that it may have been. A Bloom filter in
/// blocks of one cache line (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
/// Filters", 2007): a question costs one look into memory. Two bytes an id make one wrong answer in
/// a thousand or so; at the size it may not exceed it goes on with more of them. A wrong "may have
/// been" costs a look into the index, never a wrong decision.
package struct IDFilter: Sendable {
  private var blocks: [SIMD8<UInt64>]
  private let mask: Int
  /// Ids that were put in.
  package private(set) var count = 0
  /// False while ids of the past are still missing: then any id may have been seen.
  package var knowsPast = true
  private static let steps = SIMD8<UInt64>(0, 6, 12, 18, 24, 30, 36, 42)
  private let key: UInt64

  /// - Parameters:
  ///   - bytes: rounded down to a power of two, 64 at least.
  ///   - key: random, so that outsiders cannot choose ids that look seen.
  package init(bytes: Int, key: UInt64) {
    var count = 1
    while count * 128 <= bytes { count *= 2 }
    blocks = Array(repeating: .zero, count: count)
    mask = count - 1
    self.key = key
  }

  /// A filter for so many ids with room for three times as many more, within bounds.
  package init(ids: Int, bytesMax: Int, key: UInt64) {
    self.init(bytes: min(bytesMax, max(1_048_576, ids * 16)), key: key)
  }

  package mutating func insert(_ id: UInt128) {
    let (block, bits) = place(id)
    blocks[block] |= bits
    count += 1
  }

  package var bytes: Int { blocks.count * 64 }
  /// True where a larger one would be wrong less often.
  package var isFull: Bool { count > bytes / 2 }

  /// Brings what questions about these ids will look at into the cache.
  package func warm(_ ids: some Sequence<UInt128>) {
    var seen: UInt64 = 0
    for id in ids { seen &+= blocks[place(id).block][0] }
    withExtendedLifetime(seen) {}
  }

  package func mayContain(_ id: UInt128) -> Bool {
    guard knowsPast else { return true }
    let (block, bits) = place(id)
    return blocks[block] & bits == bits
  }

  @inline(__always)
  private func place(_ id: UInt128) -> (block: Int, bits: SIMD8<UInt64>) {
    let low = UInt64(truncatingIfNeeded: id) ^ key
    let high = UInt64(truncatingIfNeeded: id >> 64)
    let first = low.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    let second = (first.high ^ first.low ^ high).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
    let third = (second.high ^ second.low).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
    // One bit in each of the eight words.
    let choice = SIMD8<UInt64>(repeating: third.high ^ third.low)
    let bits = SIMD8<UInt64>(repeating: 1) &<< (choice &>> Self.steps & 63)
    return (Int(truncatingIfNeeded: second.high) & mask, bits)
  }
}
