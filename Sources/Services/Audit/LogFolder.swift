import Glibc
package import MerkleLog

/// The folder with the log's files. Writes are durable and whole: a file appears under its name
/// only when all its bytes are on the disk.
package struct LogFolder: Sendable {
  /// Largest file read, in bytes: a full bundle of the longest entries.
  package static let fileBytesMax = 256 * 65_537

  /// A system call that failed.
  package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    package let call: String
    package let path: String
    package let code: Int32
    package var description: String { "\(call) \(path): \(String(cString: strerror(code)))" }
  }

  package let path: String

  /// Makes the folder where needed, mode 0700.
  package init(_ path: String) throws(Failure) {
    self.path = path
    try Self.makeFolder(path)
  }

  /// The reader for proofs and verification.
  package var files: LogFiles { LogFiles { [self] in read($0) } }

  /// The whole file; nil when it is not there, not readable or too long to be one of ours.
  package func read(_ relative: String) -> [UInt8]? {
    let file = open(full(relative), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size <= Self.fileBytesMax else { return nil }
    let size = Int(status.st_size)
    var filled = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while filled < size {
        let got = Glibc.read(file, buffer.baseAddress?.advanced(by: filled), size - filled)
        guard got > 0 else { break }
        filled += got
      }
      count = filled
    }
    return filled == size ? bytes : nil
  }

  /// Writes files so that afterwards they survive a power failure: data and name both.
  package func write(_ files: [(path: String, bytes: [UInt8])]) throws(Failure) {
    var folders: Set<String> = []
    for file in files {
      let target = full(file.path)
      try makeParents(of: file.path, touched: &folders)
      try Self.writeWhole(file.bytes, to: target + ".tmp")
      guard rename(target + ".tmp", target) == 0 else { throw Self.failure("rename", target) }
    }
    for folder in folders.sorted() { try Self.sync(folder) }
  }

  /// Clears away the partial files that a full one has made superfluous. A failure leaves them
  /// there, which harms nobody.
  package func removePartials(of full: TileAddress) {
    let folder = self.full(full.path) + ".p"
    guard let listing = opendir(folder) else { return }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    for name in names { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  /// Holds the folder for this process until it ends, however it ends; false when another holds it.
  package func lock() throws(Failure) -> Bool {
    let file = open(full("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.failure("open", full("lock")) }
    // Left open on purpose: the kernel gives the lock back when the process ends.
    return flock(file, LOCK_EX | LOCK_NB) == 0
  }

  private func full(_ relative: String) -> String { "\(path)/\(relative)" }

  private func makeParents(of relative: String, touched: inout Set<String>) throws(Failure) {
    var folder = path
    touched.insert(folder)
    for part in relative.split(separator: "/").dropLast() {
      folder += "/\(part)"
      guard touched.insert(folder).inserted else { continue }
      try Self.makeFolder(folder)
    }
  }

  private static func makeFolder(_ path: String) throws(Failure) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("mkdir", path) }
  }

  private static func writeWhole(_ bytes: [UInt8], to path: String) throws(Failure) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("open", path) }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress?.advanced(by: written), bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write", path) }
      written += count
    }
    guard fsync(file) == 0 else { throw failure("fsync", path) }
  }

  private static func sync(_ folder: String) throws(Failure) {
    let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw failure("open", folder) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw failure("fsync", folder) }
  }

  private static func failure(_ call: String, _ path: String) -> Failure {
    Failure(call: call, path: path, code: errno)
  }
}
