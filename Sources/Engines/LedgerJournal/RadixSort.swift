extension [IndexEntry] {
  /// Sorts by some bits of the key, from the lowest digit to the highest; entries that are equal in
  /// those stay in their order. Takes the same time whatever the keys are, so nobody can choose ids
  /// that make it slow.
  mutating func sortByKey(bits: Range<Int>) {
    guard let first else { return }
    // Where all keys agree there is nothing to sort by.
    let varying = reduce(into: UInt128(0)) { $0 |= $1.key ^ first.key }
    let digitBits = 11
    var spare = self
    var from = bits.lowerBound
    while from < bits.upperBound {
      let width = Swift.min(digitBits, bits.upperBound - from)
      let mask = UInt128(1) << UInt128(width) - 1
      if varying >> UInt128(from) & mask != 0 {
        Self.scatter(self, into: &spare, from: from, mask: Int(mask))
        swap(&self, &spare)
      }
      from += width
    }
  }

  private static func scatter(
    _ entries: [IndexEntry], into sorted: inout [IndexEntry], from bit: Int, mask: Int
  ) {
    var starts = [Int](repeating: 0, count: mask + 2)
    for entry in entries { starts[digit(entry, bit, mask) + 1] += 1 }
    for place in 1..<starts.count { starts[place] += starts[place - 1] }
    for entry in entries {
      let digit = digit(entry, bit, mask)
      sorted[starts[digit]] = entry
      starts[digit] += 1
    }
  }

  @inline(__always)
  private static func digit(_ entry: IndexEntry, _ bit: Int, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: entry.key >> UInt128(bit)) & mask
  }
}
