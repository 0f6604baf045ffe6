import Charters
import Chassis
import Glibc
import StrictJSON
package import Vocabulary
package import Workload

/// Tells which workload is at the other end of the socket: the kernel's word on process and user,
/// the executable's digest, and the launcher's record of what it started. No secret is asked for,
/// so none can be stolen.
package struct Attestor: Sendable {
  /// Names in the launch folder that are looked at.
  package static let entriesMax = 8_192

  private let folder: String
  /// Services that only the launcher may start: a record without a process id does not speak for
  /// them.
  private let launched: Set<ServiceName>
  /// Files of the records that the platform itself needs, with the name that each may give.
  private let platform: [String: ServiceName]
  private let view: ProcessView

  /// - Parameter others: further names of the platform, which nobody registers. The operator, if among them, has several programs.
  package init(
    folder: String, launched: Set<ServiceName>, others: Set<ServiceName> = [],
    view: ProcessView = .kernel()
  ) {
    self.folder = folder
    self.launched = launched
    let names = launched.union(others)
    let programs = names.contains(Charter.operatorName) ? LaunchFolder.OperatorProgram.allCases : []
    let files =
      names.map { ("\($0).json", $0) }
      + programs.map {
        (LaunchFolder.record(of: $0, as: Charter.operatorName), Charter.operatorName)
      }
    platform = Dictionary(files, uniquingKeysWith: { $1 })
    self.view = view
  }

  /// A process that is known.
  package struct Workload: Hashable, Sendable {
    package let service: ServiceName
    package let executable: String
  }

  /// Another value after each change of the records; costs no more than a look at the folder.
  package var recordsVersion: [Int] {
    var facts = stat()
    guard lstat(folder, &facts) == 0 else { return [] }
    return [facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, Int(facts.st_ino)]
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

  /// Whether a process that was attested is still on record. Its executable is not read again: while it runs it is the same.
  package func isOnRecord(_ peer: PeerCredentials) -> Bool {
    guard let process = view.look(peer.pid), let records = try? records() else { return false }
    return (try? candidate(peer, process, records)) != nil
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

  /// Only the launcher, which is our own user, may have written there. The platform's own records are read by their names,
  /// so nothing that lies beside them keeps a service from its identity. Of the registrations the first are read: who
  /// lays down more than may be laid down loses those, and nobody else anything.
  private func records() throws(AttestationRefusal) -> [LaunchRecord] {
    var facts = stat()
    guard lstat(folder, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR,
      facts.st_uid == geteuid(), facts.st_mode & 0o077 == 0, let directory = opendir(folder)
    else { throw .recordsUnsafe }
    defer { closedir(directory) }
    var registrations: [String] = []
    for _ in 0..<Self.entriesMax {
      guard let entry = readdir(directory) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".json"), !name.hasPrefix("."), platform[name] == nil else { continue }
      registrations.append(name)
    }
    let names =
      platform.keys.sorted() + registrations.sorted().prefix(LaunchFolder.registrationsMax)
    return names.compactMap { name in
      guard let bytes = contents("\(folder)/\(name)"),
        let record = try? StrictJSON.decode(LaunchRecord.self, from: bytes),
        platform[name].map({ $0 == record.service }) ?? (name == "\(record.service).json")
      else { return nil }
      return record
    }
  }

  private func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
      facts.st_uid == geteuid(), facts.st_mode & 0o022 == 0,
      facts.st_size <= LaunchFolder.recordBytesMax
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
struct LaunchRecord: SnakeCased, Decodable, Hashable, Sendable {
  let service: ServiceName
  let pid: Int32?
  let pidStartTicks: UInt64?
  let executable: String
  let sha256: String
  let uid: UInt32
  let startedAt: Instant
}
