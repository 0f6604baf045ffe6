import Deflate

/// Why bytes are no archive that we read.
package struct ArchiveError: Error, Hashable, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }

  init(_ reason: String) { self.reason = reason }
}

/// A gzip member (RFC 1952).
package enum GzipStream {
  /// Most bytes that a bundle may unfold to.
  package static let bytesMax = 64 << 20

  /// Written as it is, in stored blocks: bundles are small, and the same input gives the same
  /// bytes for ever, whatever the version of zlib.
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
    return packed + littleEndian(Deflate.checksum(of: bytes), 4)
      + littleEndian(UInt32(truncatingIfNeeded: bytes.count), 4)
  }

  /// The bytes of exactly one member.
  /// - Parameter bytesMax: most bytes that it may unfold to.
  /// - Throws: `ArchiveError`, also for a checksum that does not fit and for anything after the end.
  package static func unpacked(
    _ packed: [UInt8], bytesMax: Int = GzipStream.bytesMax
  ) throws(ArchiveError) -> [UInt8] {
    do {
      return try Deflate.unpacked(packed, .gzip, bytesMax: bytesMax)
    } catch {
      throw ArchiveError("gzip: \(error)")
    }
  }

  private static func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }
}
