package import Chassis
import Glibc
import Sandbox
import StrictJSON
package import Vocabulary

/// What the launcher states about a process it started; the authority attests the process at the
/// other end of its socket by it. Without a pid it is a registration: any process of that
/// executable and user.
package struct LaunchRecord: SnakeCased, Hashable, Sendable, Codable {
  package let service: ServiceName
  package let pid: Int32?
  /// With the pid, names one process for ever (see `ProcessTable.startTicks`).
  package let pidStartTicks: UInt64?
  /// Absolute path with links resolved, as /proc/PID/exe shows it.
  package let executable: String
  /// SHA-256 of the executable's bytes, lower-case hex.
  package let sha256: String
  /// The user it runs as: the launcher's unless it has one of its own.
  package let uid: UInt32
  package let startedAt: Instant

  package init(
    service: ServiceName, pid: Int32?, executable: ExecutableFile, startedAt: Instant,
    user: UInt32? = nil
  ) {
    self.service = service
    self.pid = pid
    pidStartTicks = pid.flatMap { ProcessTable.startTicks($0) }
    self.executable = executable.path
    sha256 = executable.sha256
    uid = user ?? geteuid()
    self.startedAt = startedAt
  }

  /// Writes it where the authority looks, or that of a program beside it.
  package func write(to home: Home, isProgram: Bool = false) throws(LaunchFailure) {
    let unit = isProgram ? Unit(programOf: service) : Unit(service)
    try write(to: home.launchRecord(of: unit))
  }

  /// Writes that of a program of the operator's besides the command itself.
  package func write(
    to home: Home, of program: LaunchFolder.OperatorProgram
  ) throws(LaunchFailure) {
    try write(to: "\(home.launchFolder)/\(LaunchFolder.record(of: program, as: service))")
  }

  private func write(to path: String) throws(LaunchFailure) {
    guard let bytes = try? StrictJSON.encode(self) else {
      throw .system(call: "encode launch record", code: EINVAL)
    }
    guard bytes.count <= LaunchFolder.recordBytesMax else {
      throw .system(call: "encode launch record", code: ENAMETOOLONG)
    }
    try WholeFile.write(bytes, to: path)
  }

  /// Lays down a registration, in the place of one of the same name.
  /// - Parameter platform: names that are the platform's own; their records take nobody's room.
  /// - Throws: `RegistrationRefusal` where the authority would not believe it, or it would make another unbelieved.
  package func register(in home: Home, besides platform: Set<ServiceName> = []) throws {
    let others = Self.read(home, ending: ".json").map(\.record)
      .filter { $0.pid == nil && $0.service != service }
    let strangers = others.count { !platform.contains($0.service) }
    guard strangers < LaunchFolder.registrationsKept else { throw RegistrationRefusal.tooMany }
    if let twin = others.first(where: { $0.executable == executable && $0.uid == uid }) {
      throw RegistrationRefusal.twice(twin.service)
    }
    try write(to: home)
  }

  /// Takes a registration back.
  /// - Throws: `RegistrationRefusal.none`, also for the record of a process; `LaunchFailure`.
  package static func withdraw(_ service: ServiceName, from home: Home) throws {
    guard all(home).contains(where: { $0.service == service && $0.pid == nil }) else {
      throw RegistrationRefusal.none
    }
    let path = home.launchRecord(of: service)
    guard unlink(path) == 0 else { throw LaunchFailure.system(call: "remove \(path)", code: errno) }
  }

  /// All readable records of a home, but those of the operator's further programs.
  package static func all(_ home: Home) -> [LaunchRecord] {
    read(home, ending: ".json").filter { $0.file == "\($0.record.service).json" }.map(\.record)
  }

  /// Those of the programs behind sidecars.
  package static func programs(_ home: Home) -> [LaunchRecord] {
    read(home, ending: ".program").map(\.record)
  }

  private static func read(
    _ home: Home, ending: String
  ) -> [(file: String, record: LaunchRecord)] {
    WholeFile.names(in: home.launchFolder).filter { $0.hasSuffix(ending) }.compactMap { name in
      guard let bytes = try? WholeFile.read("\(home.launchFolder)/\(name)"),
        let record = try? StrictJSON.decode(LaunchRecord.self, from: bytes)
      else { return nil }
      return (name, record)
    }
  }

  /// Whether the very process it names still runs.
  package var isAlive: Bool {
    guard let pid, let pidStartTicks else { return false }
    return ProcessTable.startTicks(pid) == pidStartTicks
  }
}

/// Why a program is not registered, or a registration not taken back.
package enum RegistrationRefusal: Error, Hashable {
  /// As many are registered as the authority reads, less one.
  case tooMany
  /// Its executable is registered for the same user under this name; two names would be a choice, and the authority
  /// gives neither.
  case twice(ServiceName)
  /// There is none of that name.
  case none

  /// One line, and what to do about it.
  package var text: String {
    switch self {
    case .tooMany:
      "\(LaunchFolder.registrationsKept) programs are registered, and the authority reads no more; "
        + "take one back with 'strongroom workload remove NAME'"
    case .twice(let name):
      "this program is registered as '\(name)' already, and with two names it would get neither; "
        + "take that one back first with 'strongroom workload remove \(name)'"
    case .none: "no program is registered under this name"
    }
  }
}

/// A program on disk and its digest.
package struct ExecutableFile: Hashable, Sendable {
  /// Links resolved.
  package let path: String
  /// Lower-case hex.
  package let sha256: String
  /// In bytes.
  package let size: Int64

  /// The path of the program that runs now.
  package static func ownPath() throws(LaunchFailure) -> String {
    guard let path = ProcessTable.executable(getpid()) else {
      throw .noExecutable(path: "/proc/self/exe")
    }
    return path
  }

  /// Reads the whole file once, block by block.
  package init(_ path: String) throws(LaunchFailure) {
    guard let resolved = realpath(path, nil) else { throw .noExecutable(path: path) }
    defer { free(resolved) }
    self.path = String(cString: resolved)
    // A pipe, which nobody may ever write to, is no program either.
    let descriptor = open(self.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0, access(self.path, X_OK) == 0 else { throw .noExecutable(path: path) }
    defer { close(descriptor) }
    guard let facts = FileFacts(descriptor: descriptor) else {
      throw .system(call: "read \(path)", code: errno)
    }
    guard facts.isFile else { throw .noExecutable(path: path) }
    guard let digest = FileDigest.read(descriptor) else {
      throw .system(call: "read \(path)", code: errno)
    }
    size = facts.identity.size
    sha256 = digest
  }
}
