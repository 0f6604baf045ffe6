import Crypto

/// A SHA-256 hash of the Merkle tree (RFC 6962 §2.1, RFC 9162 §2.1.1). Four words instead of an
/// array: a tree of a million records holds two million of them.
package struct TreeHash: Hashable, Sendable {
  /// Length in bytes.
  package static let byteCount = 32

  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Nil unless there are exactly 32 bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var words: [UInt64] = [0, 0, 0, 0]
    for (position, byte) in bytes.enumerated() {
      words[position / 8] = words[position / 8] << 8 | UInt64(byte)
    }
    self.words = (words[0], words[1], words[2], words[3])
  }

  /// From standard base64; nil unless it is the canonical text of 32 bytes.
  package init?(base64: some StringProtocol) {
    guard let bytes = Base64.decode(base64) else { return nil }
    self.init(bytes)
  }

  private init(_ hasher: SHA256) {
    words = hasher.finalize().withUnsafeBytes { digest in
      func word(_ index: Int) -> UInt64 {
        UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      }
      return (word(0), word(1), word(2), word(3))
    }
  }

  /// Of a tree without leaves: the hash of nothing.
  package static let empty = TreeHash(SHA256())

  /// Of a leaf: SHA-256(0x00 ‖ entry).
  package static func leaf(_ entry: some Collection<UInt8>) -> TreeHash {
    var hasher = SHA256()
    hasher.update(data: [0])
    let whole: Void? = entry.withContiguousStorageIfAvailable {
      hasher.update(bufferPointer: UnsafeRawBufferPointer($0))
    }
    if whole == nil { hasher.update(data: Array(entry)) }
    return TreeHash(hasher)
  }

  /// Of an inner node: SHA-256(0x01 ‖ left ‖ right).
  package static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
    var hasher = SHA256()
    withUnsafeTemporaryAllocation(byteCount: 1 + 2 * byteCount, alignment: 8) { buffer in
      buffer[0] = 1
      left.write(into: buffer, at: 1)
      right.write(into: buffer, at: 1 + byteCount)
      hasher.update(bufferPointer: UnsafeRawBufferPointer(buffer))
    }
    return TreeHash(hasher)
  }

  /// The 32 bytes.
  package var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
      write(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      count = Self.byteCount
    }
  }

  /// Standard base64 with padding (RFC 4648 §4), as checkpoints and proofs write it.
  package var base64: String { Base64.encode(bytes) }

  private func write(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
    buffer.storeBytes(of: words.0.bigEndian, toByteOffset: offset, as: UInt64.self)
    buffer.storeBytes(of: words.1.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
    buffer.storeBytes(of: words.2.bigEndian, toByteOffset: offset + 16, as: UInt64.self)
    buffer.storeBytes(of: words.3.bigEndian, toByteOffset: offset + 24, as: UInt64.self)
  }

  package static func == (left: TreeHash, right: TreeHash) -> Bool { left.words == right.words }
  package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension TreeHash: CustomStringConvertible {
  package var description: String { base64 }
}
