import Foundation

/// Copies of files that share nothing with the original: a hard link would change along with it.
enum FileCopy {
  /// FICLONE of <linux/fs.h>: blocks are shared until one of both is written, where the file system
  /// can do that (Btrfs, XFS).
  private static let clone: UInt = 0x4004_9409

  /// Copies what a file holds into another, and tells the digest of what was copied.
  /// - Throws: `system`.
  static func copy(_ source: String, to target: String) throws(LaunchFailure) -> String {
    let from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard from >= 0 else { throw .system(call: "open \(source)", code: errno) }
    defer { close(from) }
    unlink(target)
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
    let to = open(target, flags, 0o400)
    guard to >= 0 else { throw .system(call: "open \(target)", code: errno) }
    defer { close(to) }
    let isCloned = ioctl(to, clone, from) == 0
    guard let digest = FileDigest.read(from, passing: { isCloned || writeAll($0, to: to) }) else {
      let code = errno
      unlink(target)
      throw .system(call: "copy \(source)", code: code)
    }
    return digest
  }

  /// Gives a file its mode and owner. The owner first: changing it clears bits of the mode.
  /// - Returns: false, with errno set, when that is not possible.
  static func settle(_ path: String, mode: UInt32, user: UInt32, group: UInt32) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return fchown(descriptor, user, group) == 0 && fchmod(descriptor, mode) == 0
  }
}
