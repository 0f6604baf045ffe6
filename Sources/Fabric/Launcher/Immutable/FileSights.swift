import Crypto
import Glibc
import Synchronization
import Vocabulary

/// Looks at files, and reads large ones only when their identity changed: every write changes the
/// time of change (ctime), which nobody can set.
package final class FileSights: Sendable {
  // A class: looks from several threads share what was read.
  /// Files up to so many bytes are always read: writing through a mapping leaves the times as they
  /// are, and small files are cheap.
  package static let alwaysReadMax = 1 << 20

  private struct Identity: Hashable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let changed: timespec
    static func == (left: Identity, right: Identity) -> Bool {
      left.device == right.device && left.inode == right.inode && left.size == right.size
        && left.changed.tv_sec == right.changed.tv_sec
        && left.changed.tv_nsec == right.changed.tv_nsec
    }
    func hash(into hasher: inout Hasher) { hasher.combine(inode) }
  }
  private struct Known {
    let identity: Identity
    let sha256: String
  }
  private let known = Mutex<[String: Known]>([:])

  package init() {}

  /// - Parameter isThorough: read it whatever its identity.
  package func look(_ path: String, isThorough: Bool = false) -> FileSight {
    // A link must not lead away, and a pipe must not keep us waiting.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return errno == ENOENT ? .missing : .noFile }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return .noFile }
    let identity = Identity(
      device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino), size: Int64(facts.st_size),
      changed: facts.st_ctim)
    let isKept = !isThorough && facts.st_size > Self.alwaysReadMax
    let remembered = isKept ? known.withLock { $0[path] } : nil
    let sha256: String
    if let remembered, remembered.identity == identity {
      sha256 = remembered.sha256
    } else {
      guard let read = FileDigest.read(descriptor) else { return .noFile }
      sha256 = read
      known.withLock { $0[path] = Known(identity: identity, sha256: read) }
    }
    return .file(
      sha256: sha256, mode: facts.st_mode & 0o7777, user: facts.st_uid, group: facts.st_gid)
  }
}

/// The digest of what can still be read from a descriptor.
enum FileDigest {
  static let blockBytes = 1 << 20

  static func of(_ bytes: [UInt8]) -> String { hexText(SHA256.hash(data: bytes)) }

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
