import Foundation
import Glibc

/// A disk of its own under a folder, small enough to be filled: tmpfs, which says ENOSPC as any other does. Only root may
/// mount one; nil where that fails.
package struct SmallDisk: Sendable {
  private let folder: String
  private var filler: String { folder + "/filler" }

  /// Moves what the folder holds onto it; nobody may be at work there.
  package init?(holding folder: String, megabytes: Int = 96) throws {
    self.folder = folder
    let before = folder + ".before"
    guard geteuid() == 0, rename(folder, before) == 0 else { return nil }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    guard mount("tmpfs", folder, "tmpfs", 0, "size=\(megabytes)m,mode=0700") == 0 else {
      rmdir(folder)
      rename(before, folder)
      return nil
    }
    // Owners and modes, too: services may run as users of their own.
    let copying = try Process.run(
      URL(filePath: "/bin/cp"), arguments: ["-a", before + "/.", folder])
    copying.waitUntilExit()
    try FileManager.default.removeItem(atPath: before)
  }

  /// Takes all that is left, to the last byte.
  package func fill() throws {
    let handle = open(filler, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard handle >= 0 else { throw CocoaError(.fileWriteOutOfSpace) }
    defer { close(handle) }
    var count = 1 << 20
    let zeros = [UInt8](repeating: 0, count: count)
    while count > 0 {
      if write(handle, zeros, count) <= 0 { count /= 2 }
    }
  }

  /// Takes all but so many MiB, more than what it has taken before.
  package func fill(leaving megabytes: Int) throws {
    let handle = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard handle >= 0 else { throw CocoaError(.fileWriteOutOfSpace) }
    defer { close(handle) }
    var facts = statvfs()
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    while statvfs(folder, &facts) == 0,
      UInt64(facts.f_bavail) * UInt64(facts.f_frsize) > UInt64(megabytes) << 20
    { guard write(handle, zeros, zeros.count) > 0 else { return } }
  }

  package func empty() { unlink(filler) }

  package func remove() { umount2(folder, Int32(MNT_DETACH)) }
}
