/// The content of one tile of hashes.
package struct HashTile: Hashable, Sendable {
  package let address: TileAddress
  package let hashes: [TreeHash]

  /// - Precondition: as many hashes as the address says.
  init(_ address: TileAddress, _ hashes: [TreeHash]) {
    precondition(address.width == hashes.count, "a tile is as wide as its name says")
    self.address = address
    self.hashes = hashes
  }

  /// Nil when the file has not exactly the bytes that its name promises.
  package init?(_ address: TileAddress, bytes: [UInt8]) {
    guard bytes.count == address.width * TreeHash.byteCount else { return nil }
    self.address = address
    hashes = stride(from: 0, to: bytes.count, by: TreeHash.byteCount).compactMap {
      TreeHash(bytes[$0..<$0 + TreeHash.byteCount])
    }
  }

  /// The file.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(hashes.count * TreeHash.byteCount)
    for hash in hashes { bytes += hash.bytes }
    return bytes
  }
}

/// The content of one file of entries: each after its length, two bytes, most significant first.
package enum EntryBundle {
  /// Longest entry, in bytes, that its length prefix can tell.
  package static let entryBytesMax = 65_535

  /// The entry as it stands in a bundle; nil when it is longer than `entryBytesMax`.
  package static func framed(_ entry: [UInt8]) -> [UInt8]? {
    guard entry.count <= entryBytesMax else { return nil }
    return [UInt8(entry.count >> 8), UInt8(entry.count & 255)] + entry
  }

  /// The entries of a bundle, 256 at most; nil when a length leads beyond the end.
  package static func parse(_ bytes: [UInt8]) -> [ArraySlice<UInt8>]? {
    var entries: [ArraySlice<UInt8>] = []
    var offset = 0
    while offset < bytes.count {
      guard offset + 2 <= bytes.count, entries.count < TileAddress.widthMax else { return nil }
      let end = offset + 2 + Int(bytes[offset]) << 8 + Int(bytes[offset + 1])
      guard end <= bytes.count else { return nil }
      entries.append(bytes[offset + 2..<end])
      offset = end
    }
    return entries
  }
}

/// A tree that grows as tiles: knows the rightmost, partial tile of every level, and nothing else.
package struct TileEdge: Hashable, Sendable {
  /// Number of leaves.
  package private(set) var size: UInt64 = 0
  /// Per level, the hashes of the tile that is not full yet; 255 at most.
  private var rows: [[TreeHash]] = []

  package init() {}

  /// The edge of the first `size` leaves of a log of `total`, from the files of that log. Whether they are the right ones
  /// only `root` tells.
  /// - Throws: `TileFault` where one is missing or has another length than its name says.
  package init(size: UInt64, of total: UInt64, files: LogFiles) throws(TileFault) {
    self.size = size
    var rest = size
    while rest > 0 {
      let width = Int(rest % UInt64(TileAddress.widthMax))
      let first = rest - UInt64(width)
      let content = TileAddress.Content.hashes(level: rows.count)
      rest /= UInt64(TileAddress.widthMax)
      guard width > 0 else {
        rows.append([])
        continue
      }
      guard let address = TileAddress.holding(first, of: content, size: total) else {
        throw TileFault(path: "tile/\(rows.count)", isMissing: true)
      }
      let row = try files.hashes(address)
      guard row.count >= width else { throw TileFault(path: address.path, isMissing: false) }
      rows.append(Array(row.prefix(width)))
    }
  }

  /// Bytes of memory for the hashes of tiles that are not full yet.
  var bytesHeld: Int { rows.reduce(0) { $0 + $1.capacity * TreeHash.byteCount } }

  /// Adds a leaf by its hash; returns the tiles that it completed, from level 0 up.
  package mutating func append(_ leaf: TreeHash) -> [HashTile] {
    var completed: [HashTile] = []
    var carried = leaf
    var level = 0
    while true {
      if level == rows.count { rows.append([]) }
      rows[level].append(carried)
      guard rows[level].count == TileAddress.widthMax else { break }
      let index = size >> UInt64((level + 1) * TileAddress.height)
      let tile = HashTile(TileAddress(.hashes(level: level), index: index), rows[level])
      completed.append(tile)
      // The tile has the old row's buffer now; see `LogGrowth.append`.
      rows[level] = []
      carried = perfectRoot(tile.hashes[...])
      level += 1
    }
    size += 1
    return completed
  }

  /// The partial tiles of the tree as it is now, from level 0 up.
  package var partialTiles: [HashTile] {
    rows.enumerated().compactMap { level, row in
      guard !row.isEmpty else { return nil }
      let index = size >> UInt64((level + 1) * TileAddress.height)
      return HashTile(TileAddress(.hashes(level: level), index: index, width: row.count), row)
    }
  }

  /// MTH of all leaves.
  package var root: TreeHash {
    var folded: TreeHash?
    for row in rows {
      var end = row.count
      // The last, smallest complete subtrees first: one for each one bit of the row's length.
      while end > 0 {
        let start = end & (end - 1)
        let left = perfectRoot(row[start..<end])
        folded = folded.map { .node(left, $0) } ?? left
        end = start
      }
    }
    return folded ?? .empty
  }
}

/// The root over 2^k hashes.
/// - Precondition: the number of hashes is a power of two.
func perfectRoot(_ hashes: ArraySlice<TreeHash>) -> TreeHash {
  var row = Array(hashes)
  while row.count > 1 {
    row = stride(from: 0, to: row.count - 1, by: 2).map { .node(row[$0], row[$0 + 1]) }
  }
  // A power of two is at least one, so one hash is left.
  return row.first ?? .empty
}
