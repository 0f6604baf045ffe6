import Glibc

/// Files that are replaced as a whole. Whoever opens one meanwhile, or finds one after a power cut, has the old content or
/// the new one; and when a function here has returned, the new one is on the disk under its name. Nobody else in this
/// house writes such a file: `Tests/Architecture` looks for it.
package enum DurableFile {
  /// A system call that failed. The old file stands; where only its folder could not be synced, perhaps the new one.
  package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let path: String
    /// errno
    package let code: Int32
    package init(call: String, path: String, code: Int32) {
      self.call = call
      self.path = path
      self.code = code
    }
    package var description: String { "\(call) \(path): \(String(cString: strerror(code)))" }
  }

  /// Who may do what with a file, whatever the umask is.
  package enum Permissions: Hashable, Sendable {
    /// These bits, 0–0777, for a file of this process's user.
    case mode(UInt32)
    /// For a file that another user is to have; only root may say so.
    case given(mode: UInt32, user: UInt32, group: UInt32)
    /// Those of the file that is there; for a new one what the umask leaves of 0666. For files that people edit.
    case asFound

    /// Its owner reads and writes it, and nobody else.
    package static let ownersOnly = Permissions.mode(0o600)
    /// Its owner writes it and everybody reads it.
    package static let everyoneReads = Permissions.mode(0o644)
  }

  /// Writes one file.
  package static func write(
    _ bytes: [UInt8], to path: String, _ permissions: Permissions
  ) throws(Failure) {
    try write([(path, bytes)], permissions)
  }

  /// Writes several. Each is whole by itself; all are on the disk when this returns.
  /// - Parameters:
  ///   - folders: further ones to sync, as those that were made for the files.
  ///   - draft: what a file is called until it is whole, behind its name. One that a crash left is written over by the
  ///     next with the same name, so a folder with a single writer needs no other.
  package static func write(
    _ files: [(path: String, bytes: [UInt8])], _ permissions: Permissions,
    syncing folders: Set<String> = [], draft: String = ".\(getpid()).new"
  ) throws(Failure) {
    for (path, bytes) in files {
      try make(path + draft, bytes, permissions, like: path)
      try move(path + draft, to: path)
    }
    for folder in folders.union(files.map { folder(of: $0.path) }).sorted() { try sync(folder) }
  }

  /// Puts a file that was made elsewhere on the same file system, as it is, in the place of another. Where that fails the
  /// draft is gone.
  package static func place(_ draft: String, at path: String) throws(Failure) {
    let descriptor = open(draft, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("open", draft) }
    let isSynced = fsync(descriptor) == 0
    let fault = failure("sync", draft)
    close(descriptor)
    guard isSynced else {
      unlink(draft)
      throw fault
    }
    try move(draft, to: path)
    try sync(folder(of: path))
  }

  private static func make(
    _ draft: String, _ bytes: [UInt8], _ permissions: Permissions, like path: String
  ) throws(Failure) {
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
    let descriptor = open(draft, flags, permissions.firstMode)
    guard descriptor >= 0 else { throw failure("open", draft) }
    let isMade =
      permissions.give(descriptor, like: path) && isWritten(bytes, to: descriptor)
      && fsync(descriptor) == 0
    let fault = failure("write", draft)
    close(descriptor)
    guard isMade else {
      unlink(draft)
      throw fault
    }
  }

  private static func isWritten(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { all in
      var rest = all[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = Glibc.write(descriptor, part.baseAddress, part.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }

  private static func move(_ draft: String, to path: String) throws(Failure) {
    guard rename(draft, path) == 0 else {
      let fault = failure("rename to", path)
      unlink(draft)
      throw fault
    }
  }

  private static func folder(of path: String) -> String {
    guard let end = path.lastIndex(of: "/") else { return "." }
    return end == path.startIndex ? "/" : String(path[..<end])
  }

  private static func sync(_ folder: String) throws(Failure) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", folder) }
    defer { close(descriptor) }
    // A file system whose folders need no syncing says EINVAL (fsync(2)).
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("sync", folder) }
  }

  private static func failure(_ call: String, _ path: String) -> Failure {
    Failure(call: call, path: path, code: errno)
  }
}

extension DurableFile.Permissions {
  /// With which a draft is made: never more than it will have in the end.
  fileprivate var firstMode: UInt32 {
    switch self {
    case .mode(let mode): mode
    case .given: 0o600
    case .asFound: 0o666
    }
  }

  /// - Returns: false, with errno set, where that is not possible.
  fileprivate func give(_ descriptor: Int32, like path: String) -> Bool {
    switch self {
    case .mode(let mode): return fchmod(descriptor, mode) == 0
    // The owner first: changing it clears bits of the mode.
    case .given(let mode, let user, let group):
      return fchown(descriptor, user, group) == 0 && fchmod(descriptor, mode) == 0
    case .asFound:
      var found = stat()
      guard stat(path, &found) == 0 else { return errno == ENOENT }
      return fchmod(descriptor, found.st_mode & 0o7777) == 0
    }
  }
}
