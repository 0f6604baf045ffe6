import Glibc
import StrictJSON
package import Vocabulary
package import Workload

/// Tells which workload is at the other end of the socket: the kernel's word on process and user,
/// the executable's digest, and the launcher's record of what it started. No secret is asked for,
/// so none can be stolen.
package struct Attestor: Sendable {
  /// Files in the launch folder, and bytes of one.
  package static let recordsMax = 256
  package static let recordBytesMax = 16_384

  private let folder: String
  /// Services that only the launcher may start: a record without a process id does not speak for
  /// them.
  private let launched: Set<ServiceName>
  private let view: ProcessView

  package init(folder: String, launched: Set<ServiceName>, view: ProcessView = .kernel()) {
    self.folder = folder
    self.launched = launched
    self.view = view
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
    guard peer.pid > 0, let process = view.look(peer.pid) else { throw .noProcess }
    let record = try candidate(peer, process, try records())
    guard record.uid == peer.uid else { throw .wrongUser }
    guard isOf(process, record) else { throw .wrongExecutable }
    guard let digest = view.digest(peer.pid), digest == record.sha256 else {
      throw .wrongExecutable
    }
    guard view.look(peer.pid) == process else { throw .processChanged }
    return Workload(service: record.service, executable: process.executable)
  }

  /// Under a process that runs its file may have been replaced; the kernel then says so behind the
  /// path (proc_pid_exe(5)). A record of that very process still speaks of it: its digest decides.
  private func isOf(_ process: ProcessFacts, _ record: LaunchRecord) -> Bool {
    record.executable == process.executable
      || record.pid != nil && "\(record.executable) (deleted)" == process.executable
  }

  /// The one record that speaks of this process: the launcher's of this very process, or else the
  /// registration of its program and user.
  private func candidate(
    _ peer: PeerCredentials, _ process: ProcessFacts, _ records: [LaunchRecord]
  ) throws(AttestationRefusal) -> LaunchRecord {
    let own = records.first {
      $0.pid == peer.pid && $0.pidStartTicks == process.startTicks
    }
    if let own { return own }
    let registered = records.filter {
      $0.pid == nil && $0.executable == process.executable && $0.uid == peer.uid
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
