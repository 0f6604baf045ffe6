import Deflate

/// A full bundle of entries as it lies on the disk: gzip (RFC 1952), because 256 records say much the same in the same words.
/// The log's interface knows nothing of it: whoever asks for `tile/entries/000` gets the bundle itself.
package enum PackedBundle {
  /// Follows the name of a bundle that is packed: `tile/entries/000.gz`.
  package static let suffix = ".gz"
  /// Longest bundle, in bytes: 256 of the longest entries.
  package static let bytesMax = TileAddress.widthMax * (EntryBundle.entryBytesMax + 2)

  /// Where a bundle lies when it is packed; nil for a path that is not a full bundle's.
  package static func path(of path: String) -> String? {
    guard path.hasPrefix("tile/entries/"), let address = TileAddress(path: path),
      !address.isPartial
    else { return nil }
    return path + suffix
  }

  /// Nil when zlib has no memory.
  package static func packed(_ bundle: [UInt8]) -> [UInt8]? { Deflate.packed(bundle, .gzip) }

  /// The bundle; nil where the bytes are not exactly one gzip member of `bytesMax` bytes at most.
  package static func unpacked(_ packed: [UInt8]) -> [UInt8]? {
    try? Deflate.unpacked(packed, .gzip, bytesMax: bytesMax)
  }
}
