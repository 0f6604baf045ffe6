import Chassis
import Foundation
import Glibc
import Launcher
import MerkleLog
import Vocabulary

/// Searches what lies in a home, as somebody who stole it reads it.
struct HomeFiles {
  /// What was looked at.
  struct Result {
    /// Files that hold what was searched for.
    var found: Set<String> = []
    var files = 0
    var bytesRead = 0
    /// What the searched files have in all.
    var bytes = 0

    var seen: String {
      let part =
        bytesRead < bytes ? ", the newest and parts of \(Self.mebibytes(bytes)) MiB" : ""
      return "\(files) files, \(Self.mebibytes(bytesRead)) MiB\(part)"
        + (found.isEmpty
          ? ", nothing found" : "; found in \(found.sorted().joined(separator: ", "))")
    }

    private static func mebibytes(_ bytes: Int) -> Int { bytes >> 20 }
  }

  /// The audit log's files, which are never written again once they are full.
  private static let tiles = "data/audit/log/tile/"
  /// Bytes in memory at once.
  private static let pieceBytes = 4 << 20
  /// Of a file that is longer than all three together, what is read: where it begins, where it ends, which is where a
  /// store grows, and as much from a place between that is another each time. So a search does not grow with the years.
  private static let (headBytes, drawnBytes, tailBytes) = (8 << 20, 16 << 20, 40 << 20)

  let home: Home
  let randomness: Randomness
  /// Whole files, however long they are.
  let readsAll: Bool

  /// - Parameter moment: files of the audit log from before it are left out: a search for what came later need not go
  ///   through years of them.
  func search(_ search: NeedleSearch, since moment: Instant) -> Result {
    var result = Result()
    let files = FileManager.default.enumerator(atPath: home.path)
    while let name = files?.nextObject() as? String {
      // The demo's login is meant to be read, by whoever started the platform.
      guard name != "demo.json", !Home.isProgram(name) else { continue }
      look(into: name, for: search, since: moment, result: &result)
    }
    return result
  }

  private func look(
    into name: String, for search: NeedleSearch, since moment: Instant, result: inout Result
  ) {
    // Neither a pipe nor a socket keeps anything, and opening one could wait for ever.
    let descriptor = open("\(home.path)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return }
    let isTile = name.hasPrefix(Self.tiles)
    if isTile, Int64(facts.st_mtim.tv_sec) < moment.nanoseconds / 1_000_000_000 { return }
    result.files += 1
    let size = Int(facts.st_size)
    result.bytes += size
    for part in parts(of: size) {
      result.bytesRead += part.count
      var start = part.lowerBound
      while start < part.upperBound {
        var piece = Self.read(descriptor, start..<min(part.upperBound, start + Self.pieceBytes))
        if isTile, name.hasSuffix(PackedBundle.suffix),
          let unpacked = PackedBundle.unpacked(Array(piece))
        {
          piece = Data(unpacked)
        }
        if search.finds(in: piece) {
          result.found.insert(name)
          return
        }
        // What lies across two pieces is seen by the second.
        start += max(1, Self.pieceBytes - search.bytesMax)
      }
    }
  }

  private func parts(of size: Int) -> [Range<Int>] {
    let bounded = Self.headBytes + Self.drawnBytes + Self.tailBytes
    guard !readsAll, size > bounded else { return [0..<size] }
    let middle = Self.headBytes + Int(randomness.next() % UInt64(size - bounded + 1))
    return [
      0..<Self.headBytes, middle..<(middle + Self.drawnBytes), (size - Self.tailBytes)..<size,
    ]
  }

  private static func read(_ descriptor: Int32, _ range: Range<Int>) -> Data {
    var bytes = Data(count: range.count)
    let read = bytes.withUnsafeMutableBytes {
      pread(descriptor, $0.baseAddress, range.count, off_t(range.lowerBound))
    }
    return bytes.prefix(max(0, read))
  }
}
