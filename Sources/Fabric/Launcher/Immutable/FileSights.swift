import Crypto
import Foundation
import Sandbox
import Synchronization
import Vocabulary

/// Looks at files, and reads large ones only when their identity changed: every write changes the
/// time of change (ctime), which nobody can set.
package final class FileSights: Sendable {
  // A class: looks from several threads share what was read.
  /// Files up to so many bytes are always read: writing through a mapping leaves the times as they
  /// are, and small files are cheap.
  package static let alwaysReadMax = 1 << 20

  private struct Known {
    let identity: FileFacts.Identity
    let sha256: String
  }
  private let known = Mutex<[String: Known]>([:])

  package init() {}

  /// - Parameters:
  ///   - size: what it should have. A file of another size is not read: it is another file, and may
  ///     be so large that reading it would keep us from all others.
  ///   - isThorough: read it whatever its identity.
  package func look(_ path: String, size: Int64, isThorough: Bool = false) -> FileSight {
    // A link must not lead away, and a pipe must not keep us waiting.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return errno == ENOENT ? .missing : .noFile }
    defer { close(descriptor) }
    guard let facts = FileFacts(descriptor: descriptor), facts.isFile else { return .noFile }
    let identity = facts.identity
    guard identity.size == size else {
      return .file(
        sha256: "\(identity.size) bytes", mode: facts.mode, user: facts.user, group: facts.group)
    }
    let isKept = !isThorough && identity.size > Self.alwaysReadMax
    let remembered = isKept ? known.withLock { $0[path] } : nil
    let sha256: String
    if let remembered, remembered.identity == identity {
      sha256 = remembered.sha256
    } else {
      // It may be written to while it is read.
      var left = size
      let read = FileDigest.read(descriptor) { block in
        left -= Int64(block.count)
        return left >= 0
      }
      guard let read else { return .noFile }
      sha256 = read
      known.withLock { $0[path] = Known(identity: identity, sha256: read) }
    }
    return .file(sha256: sha256, mode: facts.mode, user: facts.user, group: facts.group)
  }
}

/// The digest of what can still be read from a descriptor.
package enum FileDigest {
  static let blockBytes = 1 << 20

  static func of(_ bytes: [UInt8]) -> String { hexText(SHA256.hash(data: bytes)) }

  /// Of a file, in lower-case hex.
  /// - Throws: `system`.
  package static func file(_ path: String) throws(LaunchFailure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(call: "open \(path)", code: errno) }
    defer { close(descriptor) }
    guard let digest = read(descriptor) else { throw .system(call: "read \(path)", code: errno) }
    return digest
  }

  /// Lower-case hex; nil, with errno set, when reading fails.
  /// - Parameter passing: sees each block; false ends it.
  static func read(
    _ descriptor: Int32, passing: (ArraySlice<UInt8>) -> Bool = { _ in true }
  ) -> String? {
    var hash = SHA256()
    var block = [UInt8](repeating: 0, count: blockBytes)
    while true {
      let count = Glibc.read(descriptor, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      guard count > 0 else { break }
      block.withUnsafeBytes {
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count]))
      }
      guard passing(block[..<count]) else { return nil }
    }
    return hexText(hash.finalize())
  }
}
