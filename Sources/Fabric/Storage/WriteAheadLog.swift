/// Reads a SQLite write-ahead log to tell damage from its ordinary end.
///
/// SQLite takes the first frame whose checksum is wrong for the end of the log, because a crash may have torn the last
/// transaction. A flipped bit in the middle therefore makes every later transaction vanish without a word, although each
/// was on the disk before it was answered. What gives it away: at the wrong frame or behind it lies a *commit* that the
/// next frame continues. Nothing is written behind a commit before that commit is on the disk, so it cannot have been
/// torn. Frames that only continue one another tell nothing: a transaction that was cut short leaves its own behind the
/// end of a shorter one that came after it. (SQLite, "Database File Format" §4, "The Write-Ahead Log".)
enum WriteAheadLog {
  private static let headerBytes = 32
  private static let frameHeaderBytes = 24

  /// What was committed and would be lost; nil for a log that is whole, torn at its end, or empty.
  /// - Parameter bytes: the whole file.
  static func damage(in bytes: UnsafeRawBufferPointer) -> String? {
    guard bytes.count >= headerBytes + frameHeaderBytes else { return nil }
    let magic = bytes.bigEndian(at: 0)
    let pageBytes = Int(bytes.bigEndian(at: 8))
    guard magic & ~1 == 0x377f_0682, (512...65_536).contains(pageBytes),
      pageBytes & (pageBytes - 1) == 0
    else { return "its write-ahead log has no valid header" }
    let sums = Summing(bigEndian: magic & 1 == 1)
    let written = Checksum(bytes, at: 24)
    guard sums.sum(bytes[0..<24], from: Checksum()) == written else {
      return "the header of its write-ahead log is damaged"
    }
    let salts = Checksum(bytes, at: 16)
    let frameBytes = frameHeaderBytes + pageBytes
    // What the frame before says its sum is, and what it is: they differ where that frame is the damaged one.
    var (said, summed) = (written, written)
    var firstWrong: Int?
    var isBehindCommit = false
    for number in 0..<(bytes.count - headerBytes) / frameBytes {
      let start = headerBytes + number * frameBytes
      let stored = Checksum(bytes, at: start + 16)
      let isCurrent = Checksum(bytes, at: start + 8) == salts
      func sum(from before: Checksum) -> Checksum {
        sums.sum(
          bytes[start + frameHeaderBytes..<start + frameBytes],
          from: sums.sum(bytes[start..<start + 8], from: before))
      }
      let own = sum(from: said)
      let continues = isCurrent && (own == stored || said != summed && sum(from: summed) == stored)
      if let firstWrong, isBehindCommit, continues {
        return "frame \(firstWrong + 1) of its write-ahead log is damaged, and commits follow it"
      }
      if firstWrong == nil, !(isCurrent && own == stored) { firstWrong = number }
      isBehindCommit = bytes.bigEndian(at: start + 4) != 0
      (said, summed) = (stored, own)
    }
    return nil
  }

  /// Two 32-bit sums: a checksum, or the pair of salts.
  private struct Checksum: Equatable {
    var first: UInt32 = 0
    var second: UInt32 = 0
    init() {}
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
      first = bytes.bigEndian(at: offset)
      second = bytes.bigEndian(at: offset + 4)
    }
  }

  /// The log's checksum, over words in the byte order that its magic number names.
  private struct Summing {
    let bigEndian: Bool

    func sum(_ bytes: Slice<UnsafeRawBufferPointer>, from seed: Checksum) -> Checksum {
      var sum = seed
      let words = UnsafeRawBufferPointer(rebasing: bytes)
      for offset in stride(from: 0, to: words.count, by: 8) {
        sum.first &+= word(words, offset) &+ sum.second
        sum.second &+= word(words, offset + 4) &+ sum.first
      }
      return sum
    }

    private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
      let native = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      return bigEndian ? UInt32(bigEndian: native) : UInt32(littleEndian: native)
    }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func bigEndian(at offset: Int) -> UInt32 {
    UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}
