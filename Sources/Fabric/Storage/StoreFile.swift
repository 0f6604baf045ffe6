import Glibc

/// The file of a store and the claim on it: folder 0700, file 0600, and an exclusive lock that the
/// kernel drops when the process goes, however it goes. A class: the claim ends with it.
final class StoreFile: Sendable {
  /// What the lock file remembers of the last owner, so that a part of the store that was lost since is missed: SQLite
  /// takes a file that is not there for one that was never written.
  enum Mark: String {
    /// It works on the store, or died doing so: the write-ahead log holds commits.
    case open
    /// It was writing the log back into the database: the log may be there or not.
    case closing
    /// It has put everything into the database file.
    case closed
  }

  /// A store that is being made has no more than this outside of its log.
  static let headBytes = 65_536

  /// `F_OFD_SETLK`, which Glibc's module does not show.
  private static let setOpenFileLock: Int32 = 37
  /// Attempts, each 10 ms after the other, to claim a file that another process is just closing.
  private static let claimAttemptsMax = 500

  let path: String
  private let lock: Int32
  /// Nil for a store that is new.
  private let found: Mark?

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
    found = Self.mark(in: lock)
    try Self.requireAllParts(of: path, after: found)
    // Made by us, before SQLite can: it gives its journal files the mode of the database.
    close(try Self.openPrivate(path))
  }

  deinit { close(lock) }

  /// Remembers, durably, how far this owner has come.
  func set(_ mark: Mark) throws(StoreError) {
    let bytes = Array((mark.rawValue + "\n").utf8)
    guard ftruncate(lock, 0) == 0, pwrite(lock, bytes, bytes.count, 0) == bytes.count,
      fsync(lock) == 0
    else { throw Self.unreadable("\(path).lock") }
  }

  /// Makes it certain that there is a write-ahead log with something in it. SQLite syncs it with the first commit, which
  /// may come much later; a power cut before would leave a store that is open and has no log.
  func syncLog() throws(StoreError) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    for (name, flags) in [("\(path)-wal", O_RDONLY), (folder, O_RDONLY | O_DIRECTORY)] {
      let handle = Glibc.open(name, flags | O_CLOEXEC)
      defer { if handle >= 0 { close(handle) } }
      guard handle >= 0, fsync(handle) == 0 else { throw Self.unreadable(name) }
    }
  }

  /// Writes the write-ahead log, and where the database begins, once more as they are, and syncs them. Where a sync fails
  /// the kernel forgets what it could not write but goes on showing it to readers, so what is read here may be on no
  /// disk; commits that are appended to a log with such a hole would be lost with the power.
  ///
  /// Not while another process ends that had the file open, as a backup does: the last one out writes the log back into
  /// the database, and we would put what was there before over it.
  func rewrite() throws(StoreError) {
    let claim = try sharedClaim()
    defer { close(claim) }
    for (name, bytesMax) in [("\(path)-wal", Int.max), (path, Self.headBytes)] {
      let handle = Glibc.open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard handle >= 0 else {
        guard errno == ENOENT else { throw Self.unreadable(name) }
        continue
      }
      defer { close(handle) }
      // A larger database is past its making: what its head has was synced, or is in the log as well.
      if name == path, Self.bytesCount(path) > Self.headBytes { continue }
      var buffer = [UInt8](repeating: 0, count: Self.headBytes)
      var place = 0
      while place < bytesMax {
        let count = pread(handle, &buffer, buffer.count, off_t(place))
        guard count >= 0 else { throw Self.unreadable(name) }
        if count == 0 { break }
        guard pwrite(handle, buffer, count, off_t(place)) == count else {
          throw Self.unreadable(name)
        }
        place += count
      }
      guard fsync(handle) == 0 else { throw Self.unreadable(name) }
    }
  }

  /// SQLite's lock for readers, which keeps others from an exclusive one. Of an open file, not of the process: closing any
  /// descriptor of a file drops all of a process's own locks on it (fcntl(2)).
  private func sharedClaim() throws(StoreError) -> Int32 {
    let handle = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard handle >= 0 else { throw Self.unreadable(path) }
    // SQLite's shared range, "sqliteInt.h": PENDING_BYTE + 2, 510 bytes.
    var range = flock(
      l_type: Int16(F_RDLCK), l_whence: Int16(SEEK_SET), l_start: 0x4000_0002, l_len: 510, l_pid: 0)
    for _ in 0..<Self.claimAttemptsMax {
      if fcntl(handle, Self.setOpenFileLock, &range) == 0 { return handle }
      guard errno == EAGAIN || errno == EACCES else { break }
      usleep(10_000)
    }
    let fault = Self.unreadable(path)
    close(handle)
    throw fault
  }

  private static func mark(in lock: Int32) -> Mark? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = max(0, pread(lock, &bytes, bytes.count, 0))
    return Mark(rawValue: String(decoding: bytes[..<count].filter { $0 != 0x0a }, as: UTF8.self))
  }

  private static func requireAllParts(of path: String, after mark: Mark?) throws(StoreError) {
    guard let mark else { return }
    guard bytesCount(path) > 0 else {
      throw .corrupt(path: path, reason: "the file is gone or empty, and it was not")
    }
    guard mark != .open || bytesCount("\(path)-wal") > 0 else {
      throw .corrupt(
        path: path, reason: "its write-ahead log is gone, and the last owner did not close it")
    }
  }

  private static func bytesCount(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

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
