/// The files of a tiled log by their paths relative to its folder: `checkpoint`, `tile/0/000`.
/// Answers nil for a file that is not there. The engine touches no disk; its caller brings this,
/// for example `LogFiles { path in try? Array(Data(contentsOf: folder.appending(path: path))) }`.
package struct LogFiles: Sendable {
  package let read: @Sendable (_ path: String) -> [UInt8]?
  package init(_ read: @escaping @Sendable (_ path: String) -> [UInt8]?) { self.read = read }

  /// The name of the file with the newest checkpoint.
  package static let checkpointPath = "checkpoint"
  /// The name of the file with the log's public key (C2SP signed-note verifier key, one line).
  package static let verifierKeyPath = "log.vkey"
}

/// A file of the log that is needed and missing, or not what its name promises.
package struct TileFault: Error, Hashable, Sendable {
  package let path: String
  package let isMissing: Bool
}

extension LogFiles {
  /// The hashes of a tile. Where a partial tile was cleared away, the full one begins with the same
  /// hashes and serves (C2SP tlog-tiles, Partial Tiles).
  package func hashes(_ address: TileAddress) throws(TileFault) -> [TreeHash] {
    if let bytes = read(address.path) {
      guard let tile = HashTile(address, bytes: bytes) else {
        throw TileFault(path: address.path, isMissing: false)
      }
      return tile.hashes
    }
    guard address.isPartial, let bytes = read(address.full.path) else {
      throw TileFault(path: address.path, isMissing: true)
    }
    guard let tile = HashTile(address.full, bytes: bytes) else {
      throw TileFault(path: address.full.path, isMissing: false)
    }
    return Array(tile.hashes.prefix(address.width))
  }

  /// The hash of a complete subtree of the tree of `size` leaves: the source for proofs.
  package func nodeHashes(size: UInt64) -> NodeHashes<TileFault> {
    { node throws(TileFault) in
      let level = node.height / TileAddress.height
      let rise = UInt64(node.height % TileAddress.height)
      let first = node.index << rise
      let content = TileAddress.Content.hashes(level: level)
      let address = TileAddress.holding(first, of: content, size: size)
      guard let address else { throw TileFault(path: "tile/\(level)", isMissing: true) }
      let offset = Int(first % UInt64(TileAddress.widthMax))
      let row = try hashes(address)
      let end = offset + 1 << Int(rise)
      guard end <= row.count else { throw TileFault(path: address.path, isMissing: false) }
      return perfectRoot(row[offset..<end])
    }
  }
}
