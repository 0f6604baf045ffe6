package import DurableFiles
import Glibc
package import MerkleLog

/// The folder with the log's files. Writes are durable and whole: a file appears under its name
/// only when all its bytes are on the disk.
package struct LogFolder: Sendable {
  /// Largest file read, in bytes: a full bundle of the longest entries.
  package static let fileBytesMax = 256 * 65_537

  package typealias Failure = DurableFile.Failure

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
    for file in files { try makeParents(of: file.path, touched: &folders) }
    try DurableFile.write(
      files.map { (full($0.path), $0.bytes) }, .ownersOnly, syncing: folders, draft: ".tmp")
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

  /// Packs full bundles that lie here as they are, as an earlier build left them; those that do not are left alone.
  package func pack(_ bundles: [TileAddress]) throws(Failure) {
    for bundle in bundles {
      guard let place = PackedBundle.path(of: bundle.path), let bytes = read(bundle.path),
        let packed = PackedBundle.packed(bytes)
      else { continue }
      try write([(place, packed)])
      unlink(full(bundle.path))
    }
  }

  /// Removes bundles whose time is over, however they lie here.
  package func remove(_ bundles: [TileAddress]) {
    for bundle in bundles {
      unlink(full(bundle.path))
      if let place = PackedBundle.path(of: bundle.path) { unlink(full(place)) }
    }
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

  private static func failure(_ call: String, _ path: String) -> Failure {
    Failure(call: call, path: path, code: errno)
  }
}
