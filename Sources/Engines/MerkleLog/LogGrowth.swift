/// One file of the log, ready to be written.
package struct LogFile: Hashable, Sendable {
  package let address: TileAddress
  package let bytes: [UInt8]
  package init(_ address: TileAddress, _ bytes: [UInt8]) {
    self.address = address
    self.bytes = bytes
  }
}

/// An entry longer than `EntryBundle.entryBytesMax`.
package struct EntryTooLong: Error, Hashable, Sendable {}

/// A whole log that grows by entries and says which files follow: the tiles and the bundles of entries.
/// A value: a writer that fails half-way keeps the one from before.
package struct LogGrowth: Hashable, Sendable {
  private var edge = TileEdge()
  /// The entries of the bundle that is not full yet, framed.
  private var bundle: [UInt8] = []

  package init() {}

  /// The first `size` entries, full bundles only, of a log of `total` that stands in files already.
  /// - Precondition: `size` is a multiple of `TileAddress.widthMax`.
  /// - Throws: `TileFault` where a tile is missing or has another length than its name says.
  package init(size: UInt64, of total: UInt64, files: LogFiles) throws(TileFault) {
    precondition(size % UInt64(TileAddress.widthMax) == 0, "a bundle of entries is not full")
    edge = try TileEdge(size: size, of: total, files: files)
  }

  /// Number of entries.
  package var size: UInt64 { edge.size }
  /// MTH of all entries.
  package var root: TreeHash { edge.root }

  /// Bytes of memory that the growth itself keeps: at most twice a bundle's, and a tile's hashes for each level.
  package var bytesHeld: Int { bundle.capacity + edge.bytesHeld }

  /// Adds an entry; returns the full files that it completed.
  package mutating func append(_ entry: [UInt8]) throws(EntryTooLong) -> [LogFile] {
    guard let framed = EntryBundle.framed(entry) else { throw EntryTooLong() }
    bundle += framed
    let tiles = edge.append(.leaf(entry))
    guard let leaves = tiles.first else { return [] }
    let entries = LogFile(TileAddress(.entries, index: leaves.address.index), bundle)
    // A new one: the file holds the old one's buffer. Emptied with its capacity kept, the bundle would get a buffer of that
    // capacity, which the allocator rounds up, each time; after a million records it took what a process may have.
    bundle = []
    return [entries] + tiles.map { LogFile($0.address, $0.bytes) }
  }

  /// The partial files that a checkpoint of this size needs beside the full ones.
  package var partialFiles: [LogFile] {
    let tiles = edge.partialTiles.map { LogFile($0.address, $0.bytes) }
    let width = Int(size % UInt64(TileAddress.widthMax))
    guard width > 0 else { return tiles }
    let index = size / UInt64(TileAddress.widthMax)
    return [LogFile(TileAddress(.entries, index: index, width: width), bundle)] + tiles
  }
}
