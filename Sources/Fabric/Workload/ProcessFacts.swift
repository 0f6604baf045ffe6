import Crypto
import Glibc
import Synchronization
import Vocabulary

/// Who can tell what a process executes. The kernel tells it to whoever may trace the process
/// (ptrace(2), PTRACE_MODE_READ); a confined authority may not, so it asks the launcher, which
/// started them all and is the one that states them.
package struct ProcessView: Sendable {
  /// When a process began and which file it executes; nil when there is no such process.
  package let look: @Sendable (_ pid: Int32) -> ProcessFacts?
  /// SHA-256 of the executable that runs, lower-case hex. Reads the file, so it is asked last.
  package let digest: @Sendable (_ pid: Int32) -> String?

  package init(
    look: @escaping @Sendable (Int32) -> ProcessFacts?,
    digest: @escaping @Sendable (Int32) -> String?
  ) {
    self.look = look
    self.digest = digest
  }

  /// The kernel's word from /proc, with a cache of digests of its own.
  package static func kernel() -> ProcessView {
    let digests = DigestCache()
    return ProcessView(look: { ProcessFacts.read($0) }) { pid in
      // Through /proc, so that it is the file that runs, not one that lies at its path now.
      let descriptor = open("/proc/\(pid)/exe", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      return digests.digest(of: descriptor)
    }
  }
}

/// What /proc says about one process at one moment.
package struct ProcessFacts: Hashable, Sendable, Codable {
  /// Clock ticks since the machine started; with the pid, names one process for ever.
  package let startTicks: UInt64
  /// The path of the running executable, links resolved.
  package let executable: String

  package init(startTicks: UInt64, executable: String) {
    self.startTicks = startTicks
    self.executable = executable
  }

  static func read(_ pid: Int32) -> ProcessFacts? {
    guard let ticks = startTicks(pid), let executable = executable(pid) else { return nil }
    return ProcessFacts(startTicks: ticks, executable: executable)
  }

  private static func executable(_ pid: Int32) -> String? {
    var link = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/\(pid)/exe", &link, link.count)
    guard count > 0, count < link.count else { return nil }
    return String(decoding: link.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Field 22 of /proc/PID/stat, counted behind the command's name, which may hold spaces and
  /// brackets.
  private static func startTicks(_ pid: Int32) -> UInt64? {
    let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 2_048)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count > 0, let end = bytes.prefix(count).lastIndex(of: UInt8(ascii: ")")) else {
      return nil
    }
    let fields = bytes[(end + 1)..<count].split(separator: UInt8(ascii: " "))
    // The first field here is number 3.
    guard fields.count > 19 else { return nil }
    return UInt64(String(decoding: fields[19], as: UTF8.self))
  }
}

/// Digests of executables by the file's identity, so that a busy caller costs no reading. A running
/// executable cannot be written (ETXTBSY), and a replaced one is another file.
private final class DigestCache: Sendable {
  static let entriesMax = 64
  /// Bytes of an executable.
  static let executableBytesMax = 1 << 30

  private struct FileIdentity: Hashable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: Int64
    let changed: Int64
  }
  private let known = Mutex<[FileIdentity: String]>([:])

  func digest(of descriptor: Int32) -> String? {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_size <= Self.executableBytesMax else {
      return nil
    }
    let identity = FileIdentity(
      device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino), size: Int64(facts.st_size),
      modified: Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec),
      changed: Int64(facts.st_ctim.tv_sec) * 1_000_000_000 + Int64(facts.st_ctim.tv_nsec))
    if let digest = known.withLock({ $0[identity] }) { return digest }
    var hash = SHA256()
    var block = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(descriptor, &block, block.count)
      guard count >= 0 else { return nil }
      guard count > 0 else { break }
      block.withUnsafeBytes {
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count]))
      }
    }
    let digest = hexText(hash.finalize())
    known.withLock {
      if $0.count >= Self.entriesMax { $0.removeAll() }
      $0[identity] = digest
    }
    return digest
  }
}
