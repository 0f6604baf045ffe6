import Crypto

/// What a number of rows comes to, in whatever order they are read: how many there are, and the sum of their digests.
struct RowSum: Hashable {
  private var count = 0
  private var words: [UInt64] = [0, 0, 0, 0]

  /// - Parameter left: columns that do not count.
  mutating func add(_ row: Row, without left: Set<String>) {
    var hash = SHA256()
    let pairs = zip(row.columns.names, row.values).filter { !left.contains($0.0) }
    for (name, value) in pairs.sorted(by: { $0.0 < $1.0 }) {
      let (kind, bytes): (UInt8, [UInt8]) =
        switch value {
        case .null: (0, [])
        case .integer(let number): (1, withUnsafeBytes(of: number.bigEndian) { Array($0) })
        case .text(let text): (2, Array(text.utf8))
        case .blob(let blob): (3, blob)
        }
      // With their lengths: no two rows read alike.
      hash.update(data: Array("\(name.utf8.count) \(name) \(kind) \(bytes.count) ".utf8))
      hash.update(data: bytes)
    }
    count += 1
    for (place, byte) in hash.finalize().enumerated() {
      words[place / 8] &+= UInt64(byte) << UInt64(8 * (place % 8))
    }
  }
}
