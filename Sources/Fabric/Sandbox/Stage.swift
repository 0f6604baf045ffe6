import CSandbox
import Glibc
import StrictJSON

/// Why the stage gave up: the step and the kernel's word. The process is not started then.
package struct StageFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let step: String
  package let code: Int32
  init(_ step: String, _ code: Int32) {
    self.step = step
    self.code = code
  }
  package var description: String { "\(step): \(String(cString: strerror(code)))" }
}

/// What the launcher hands to the stage on its standard input: whom to become, and by which of this
/// machine's measures to be held.
package struct StagePlan: Hashable, Sendable, Codable {
  /// Longest plan, bytes; a pipe takes that much without a reader (pipe(7)).
  package static let bytesMax = 65_536

  /// Absolute path, then what becomes `argv`.
  package let executable: String
  package let arguments: [String]
  /// Where it is started; nil: where the launcher was.
  package let folder: String?
  package let confinement: Confinement
  /// The version to use; 0 goes without.
  package let landlock: Int
  package let seccomp: Bool
  /// What it finds on its standard input, at most `inputBytesMax`; nil: nothing.
  package var input: [UInt8]?
  /// A pipe takes that much without a reader (pipe(7)).
  package static let inputBytesMax = 4_096

  package init(
    executable: String, arguments: [String], folder: String? = nil, confinement: Confinement,
    machine: Machine
  ) {
    self.executable = executable
    self.arguments = arguments
    self.folder = folder
    self.confinement = confinement
    landlock = machine.landlock
    seccomp = machine.hasSeccomp
  }
}

/// The life of `strongroom-confine`: it reads its plan, confines itself, and becomes the service by
/// execve(2), so that the process id stays. Landlock holds the calling thread only, so all of it
/// happens before a second thread can exist.
package enum Stage {
  /// Where a failure is told. The launcher's end sees nothing but its closing when all went well.
  package static let reportDescriptor: Int32 = 3
  /// EX_CONFIG of sysexits(3).
  package static let exitCode: Int32 = 78

  package static func run() -> Never {
    _ = fcntl(reportDescriptor, F_SETFD, FD_CLOEXEC)
    do throws(StageFailure) {
      let plan = try readPlan()
      try confine(plan)
      throw become(plan)
    } catch {
      let text = Array("\(error)".utf8)
      _ = write(reportDescriptor, text, text.count)
      exit(exitCode)
    }
  }

  private static func readPlan() throws(StageFailure) -> StagePlan {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4_096)
    while bytes.count <= StagePlan.bytesMax {
      let count = read(STDIN_FILENO, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw StageFailure("read the plan", errno) }
      guard count > 0 else { break }
      bytes += block[..<count]
    }
    guard bytes.count <= StagePlan.bytesMax,
      let plan = try? StrictJSON.decode(StagePlan.self, from: bytes)
    else { throw StageFailure("read the plan", EINVAL) }
    let input = try input(plan.input ?? [])
    guard dup2(input, STDIN_FILENO) == STDIN_FILENO else {
      throw StageFailure("open the standard input", errno)
    }
    close(input)
    return plan
  }

  /// What the service finds to read: this and then its end.
  private static func input(_ bytes: [UInt8]) throws(StageFailure) -> Int32 {
    guard !bytes.isEmpty else {
      let nothing = open("/dev/null", O_RDONLY)
      guard nothing >= 0 else { throw StageFailure("open /dev/null", errno) }
      return nothing
    }
    var ends: [Int32] = [0, 0]
    guard bytes.count <= StagePlan.inputBytesMax, pipe(&ends) == 0 else {
      throw StageFailure("open the standard input", errno)
    }
    defer { close(ends[1]) }
    guard write(ends[1], bytes, bytes.count) == bytes.count else {
      throw StageFailure("open the standard input", errno)
    }
    return ends[0]
  }

  /// In this order: later steps take away what earlier ones need.
  static func confine(_ plan: StagePlan) throws(StageFailure) {
    let confinement = plan.confinement
    try limit(confinement.limits)
    try check("no_new_privs", csandbox_no_new_privileges())
    if plan.landlock > 0 { try Landlock.enter(confinement, version: plan.landlock) }
    let keepsBind: Int32 = confinement.bindsPrivilegedPort ? 1 : 0
    try check("prctl", csandbox_bound_capabilities(keepsBind))
    if let user = confinement.user {
      try check(
        "setresuid \(user.user)",
        csandbox_become(user.user, user.group, user.also, user.also.count))
    }
    try check("capset", csandbox_drop_capabilities(keepsBind))
    if let folder = plan.folder { try check("chdir \(folder)", chdir(folder)) }
    // What a program makes is its own and its sidecar's, who share a group.
    if confinement.code == .program { umask(0o007) }
    if plan.seccomp {
      let filter =
        switch confinement.code {
        case .service: SystemCallFilter.service(resolvesNames: confinement.resolvesNames)
        case .program: SystemCallFilter.program
        }
      let code = filter.install()
      guard code == 0 else { throw StageFailure("seccomp", code) }
    }
  }

  private static func limit(_ limits: Confinement.Limits) throws(StageFailure) {
    var all = [
      (RLIMIT_CORE, 0), (RLIMIT_NOFILE, limits.openFiles), (RLIMIT_DATA, limits.dataBytes),
    ]
    if let processes = limits.processes { all.append((__RLIMIT_NPROC, processes)) }
    for (resource, value) in all {
      var present = rlimit()
      getrlimit(Int32(resource.rawValue), &present)
      // Nobody without privileges may lift a hard limit that was there before.
      let most = min(rlim_t(value), present.rlim_max)
      var wanted = rlimit(rlim_cur: most, rlim_max: most)
      try check("setrlimit", setrlimit(Int32(resource.rawValue), &wanted))
    }
  }

  private static func check(_ step: String, _ result: Int32) throws(StageFailure) {
    guard result == 0 else { throw StageFailure(step, errno) }
  }

  /// Does not return when it succeeds.
  private static func become(_ plan: StagePlan) -> StageFailure {
    var arguments: [UnsafeMutablePointer<CChar>?] = plan.arguments.map { strdup($0) } + [nil]
    execve(plan.executable, &arguments, environ)
    return StageFailure("execute \(plan.executable)", errno)
  }
}
