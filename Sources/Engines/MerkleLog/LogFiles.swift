/// The files of a tiled log by their paths relative to its folder: `checkpoint`, `tile/0/000`.
/// Answers nil for a file that is not there. The engine touches no disk; its caller brings this,
/// for example `LogFiles { path in try? Array(Data(contentsOf: folder.appending(path: path))) }`.
package struct LogFiles: Sendable {
  package let read: @Sendable (_ path: String) -> [UInt8]?

  /// - Parameter read: what lies there under this very name; a full bundle that is not there is looked for as it is packed.
  package init(_ read: @escaping @Sendable (_ path: String) -> [UInt8]?) {
    self.read = { path in
      // What does not unpack is handed on as it is, for it is there and no bundle.
      read(path)
        ?? PackedBundle.path(of: path).flatMap(read).map { PackedBundle.unpacked($0) ?? $0 }
    }
  }

  /// A log without a file.
  package static let none = LogFiles { _ in nil }

  /// The name of the file with the newest checkpoint.
  package static let checkpointPath = "checkpoint"
  /// The name of the file with the log's public key (C2SP signed-note verifier key, one line).
  package static let verifierKeyPath = "log.vkey"
  /// The name of the file that says which entries' time is over (`Retention`); there is none where nothing is.
  package static let retentionPath = "retention"
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

  /// The entries of a bundle; nil where it is missing, `TileFault` where it is none. A full bundle stands in for a partial
  /// one that was cleared away.
  package func entries(_ address: TileAddress) throws(TileFault) -> [ArraySlice<UInt8>]? {
    let inFull = address.isPartial ? address.full : nil
    for place in [address, inFull] {
      guard let place, let bytes = read(place.path) else { continue }
      guard let parsed = EntryBundle.parse(bytes) else {
        throw TileFault(path: place.path, isMissing: false)
      }
      // The full one holds more than was asked for.
      return place == address ? parsed : Array(parsed.prefix(address.width))
    }
    return nil
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
