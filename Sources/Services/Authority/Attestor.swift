import Crypto
import Glibc
import StrictJSON
import Synchronization
package import Vocabulary
package import Workload

/// Tells which workload is at the other end of the socket: the kernel's word on process and user,
/// the executable's digest, and the launcher's record of what it started. No secret is asked for,
/// so none can be stolen.
package struct Attestor: Sendable {
  /// Files in the launch folder, and bytes of one.
  package static let recordsMax = 256
  package static let recordBytesMax = 16_384
  /// Bytes of an executable.
  static let executableBytesMax = 1 << 30

  private let folder: String
  /// Services that only the launcher may start: a record without a process id does not speak for
  /// them.
  private let launched: Set<ServiceName>
  private let digests = DigestCache()

  package init(folder: String, launched: Set<ServiceName>) {
    self.folder = folder
    self.launched = launched
  }

  /// A process that is known.
  package struct Workload: Hashable, Sendable {
    package let service: ServiceName
    package let executable: String
  }

  /// Reads the process before and after its records, so that a process id which changes hands in
  /// between is seen. The executable is read last, and only where a record speaks of it: a stranger
  /// costs no more than a look at the folder.
  package func attest(_ peer: PeerCredentials) throws(AttestationRefusal) -> Workload {
    guard peer.pid > 0, let startTicks = ProcessFacts.startTicks(peer.pid),
      let executable = ProcessFacts.executable(peer.pid)
    else { throw .noProcess }
    let record = try candidate(peer, startTicks, executable, try records())
    guard record.uid == peer.uid else { throw .wrongUser }
    guard record.executable == executable else { throw .wrongExecutable }
    guard let digest = ProcessFacts.digest(peer.pid, digests), digest == record.sha256 else {
      throw .wrongExecutable
    }
    guard ProcessFacts.startTicks(peer.pid) == startTicks,
      ProcessFacts.executable(peer.pid) == executable
    else { throw .processChanged }
    return Workload(service: record.service, executable: executable)
  }

  /// The one record that speaks of this process: the launcher's of this very process, or else the
  /// registration of its program and user.
  private func candidate(
    _ peer: PeerCredentials, _ startTicks: UInt64, _ executable: String, _ records: [LaunchRecord]
  ) throws(AttestationRefusal) -> LaunchRecord {
    if let own = records.first(where: { $0.pid == peer.pid && $0.pidStartTicks == startTicks }) {
      return own
    }
    let registered = records.filter {
      $0.pid == nil && $0.executable == executable && $0.uid == peer.uid
        && !launched.contains($0.service)
    }
    guard let first = registered.first else { throw .noRecord }
    // Two names for one executable would be a choice, and nobody is there to choose.
    guard registered.count == 1 else { throw .ambiguous }
    return first
  }

  /// Only the launcher, which is our own user, may have written there.
  private func records() throws(AttestationRefusal) -> [LaunchRecord] {
    var facts = stat()
    guard lstat(folder, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR,
      facts.st_uid == geteuid(), facts.st_mode & 0o077 == 0, let directory = opendir(folder)
    else { throw .recordsUnsafe }
    defer { closedir(directory) }
    var records: [LaunchRecord] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".json"), !name.hasPrefix(".") else { continue }
      guard records.count < Self.recordsMax else { throw .recordsUnsafe }
      guard let bytes = contents("\(folder)/\(name)") else { continue }
      guard let record = try? StrictJSON.decode(LaunchRecord.self, from: bytes),
        name == "\(record.service).json"
      else { continue }
      records.append(record)
    }
    return records
  }

  private func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
      facts.st_uid == geteuid(), facts.st_mode & 0o022 == 0, facts.st_size <= Self.recordBytesMax
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
    return read(descriptor, &bytes, bytes.count) == bytes.count ? bytes : nil
  }
}

/// Why a process gets no identity. The process learns only that; the audit log and the operator
/// learn which.
package enum AttestationRefusal: String, Error, Hashable, Sendable, CaseIterable {
  /// The kernel names none: it lives in another pid namespace, or has ended.
  case noProcess = "no-process"
  /// The launch folder is missing, or others than its owner may write there.
  case recordsUnsafe = "records-unsafe"
  /// Nobody started or registered it.
  case noRecord = "no-record"
  case wrongUser = "wrong-user"
  /// Another program, or another build of it, than the record names.
  case wrongExecutable = "wrong-executable"
  /// One executable is registered under two names.
  case ambiguous
  /// The process id changed hands while we looked.
  case processChanged = "process-changed"
}

/// `DIR/launch/<service>.json`. Without a process id it registers every process of one executable
/// and user.
struct LaunchRecord: Decodable, Hashable, Sendable {
  let service: ServiceName
  let pid: Int32?
  let pidStartTicks: UInt64?
  let executable: String
  let sha256: String
  let uid: UInt32
  let startedAt: Instant

  enum CodingKeys: String, CodingKey {
    case service, pid, executable, sha256, uid
    case pidStartTicks = "pid_start_ticks"
    case startedAt = "started_at"
  }
}

/// What /proc says about one process at one moment.
enum ProcessFacts {
  /// The path of the running executable, links resolved; nil when there is no such process.
  static func executable(_ pid: Int32) -> String? {
    var link = [CChar](repeating: 0, count: 4_096)
    let count = readlink("/proc/\(pid)/exe", &link, link.count)
    guard count > 0, count < link.count else { return nil }
    return String(decoding: link.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// SHA-256 of the running executable in lower-case hex: through /proc, so that it is the file
  /// that runs, not one that lies at its path now.
  static func digest(_ pid: Int32, _ digests: DigestCache) -> String? {
    let descriptor = open("/proc/\(pid)/exe", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return digests.digest(of: descriptor)
  }

  /// Field 22 of /proc/PID/stat, counted behind the command's name, which may hold spaces and
  /// brackets.
  static func startTicks(_ pid: Int32) -> UInt64? {
    let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 2_048)
    let count = read(descriptor, &bytes, bytes.count)
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
final class DigestCache: Sendable {
  static let entriesMax = 64

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
    guard fstat(descriptor, &facts) == 0, facts.st_size <= Attestor.executableBytesMax else {
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
