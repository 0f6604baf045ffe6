import Glibc

/// The file of a store and the claim on it: folder 0700, file 0600, and an exclusive lock that the
/// kernel drops when the process goes, however it goes. A class: the claim ends with it.
final class StoreFile: Sendable {
  let path: String
  private let lock: Int32

  /// - Throws: `.inUse` when another process, or another store in this one, has the claim;
  ///   `.unreadable`.
  init(path: String) throws(StoreError) {
    self.path = path
    let folder = String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))
    if !folder.isEmpty {
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST, chmod(folder, 0o700) == 0 else {
        throw Self.unreadable(folder)
      }
    }
    lock = try Self.openPrivate("\(path).lock")
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      close(lock)
      guard reason == EWOULDBLOCK else { throw Self.unreadable("\(path).lock") }
      throw .inUse(path: path)
    }
    // Made by us, before SQLite can: it gives its journal files the mode of the database.
    close(try Self.openPrivate(path))
  }

  deinit { close(lock) }

  private static func openPrivate(_ path: String) throws(StoreError) -> Int32 {
    let handle = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard handle >= 0 else { throw unreadable(path) }
    guard fchmod(handle, 0o600) == 0 else {
      close(handle)
      throw unreadable(path)
    }
    return handle
  }

  private static func unreadable(_ path: String) -> StoreError {
    .unreadable(path: path, reason: String(cString: strerror(errno)))
  }
}
