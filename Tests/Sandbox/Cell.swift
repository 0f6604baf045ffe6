import Charters
import Chassis
import Foundation
import Launcher
import Probes
import Sandbox
import StrictJSON
import TestKit
import Vocabulary

/// A home with the real charters, and the probe run in place of a service: the real stage, the real
/// kernel.
final class Cell {
  let path: String
  let home: Home
  let platform: Platform
  let charters: CharterSet
  private let stage: ExecutableFile
  private let probe: String
  private var runs = 0
  static let checkout = #filePath.components(separatedBy: "/Tests/Sandbox/").first ?? "."

  /// The machine's own measures.
  static let machine = Machine.probe(
    ownUserLack: "not tested here", addressesLack: "not tested here")
  /// Whether it lacks nothing but what is root's to give.
  static let holdsWithoutRoot = machine.lacks.allSatisfy {
    $0.measure == .ownUser || $0.measure == .addresses
  }
  /// The same machine with the defences off: what is refused there has another reason.
  static let defenceless = Machine(
    landlock: 0, hasSeccomp: false, ownUserLack: "off", addressesLack: "off")

  init(gatewayPort: Int? = nil) throws {
    path = NSTemporaryDirectory() + "cell-\(UInt32.random(in: 0 ..< .max))"
    home = Home("\(path)/home")
    let offset = try TestPorts.offset()
    platform = Platform(
      portOffset: offset, gatewayPort: gatewayPort ?? TestPorts.gatewayPort(offset))
    let checkout = Self.checkout
    charters = try CharterFolder.load(checkout)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try HomeSetup.prepare(
      home, platform: platform, charters: try CharterFolder.read(checkout), randomness: .system)
    for service in ["ledger", "payments"] as [ServiceName] {
      try WholeFile.makePrivateFolder(home.dataFolder(of: service))
      try WholeFile.write([1], to: home.storeFile(of: service))
    }
    let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
      .resolvingSymlinksInPath().path(percentEncoded: false)
    let binaries =
      [beside, "\(checkout)/.build/debug"].first {
        FileManager.default.isExecutableFile(atPath: $0 + "/strongroom-confine")
      } ?? beside
    stage = try ExecutableFile("\(binaries)/strongroom-confine")
    probe = "\(binaries)/strongroom-probe"
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func port(of service: ServiceName) -> Int { (charters[service]?.port ?? 0) + platform.portOffset }

  func confinement(_ machine: Machine = Cell.machine) -> ServiceConfinement {
    ServiceConfinement(
      stage: stage, machine: machine, home: home, platform: platform, charters: charters)
  }

  struct Run {
    let status: Int32
    let outcomes: [Outcome]
    subscript(_ attempt: String) -> Int32? {
      outcomes.first { "\($0.attempt)=\($0.target)" == attempt }?.errno
    }
  }

  /// Starts a program through the stage in place of this service.
  func start(
    _ executable: ExecutableFile, _ arguments: [String], as service: ServiceName = "payments",
    on machine: Machine
  ) throws -> ChildProcess {
    let charter = charters[service] ?? charters.charters[0]
    let plan = confinement(machine).plan(for: charter, running: executable, arguments: arguments)
    return try ChildProcess.spawn(
      executable, environment: ["PATH": "/usr/bin:/bin"], openFiles: 128,
      through: ChildProcess.Confining(stage: stage, plan: plan))
  }

  /// Runs a fresh copy of the probe as this service's code. `{own}` in an attempt is that copy.
  func run(
    _ attempts: [String], as service: ServiceName = "payments", on machine: Machine = Cell.machine
  ) async throws -> Run {
    runs += 1
    let copy = "\(path)/probe-\(runs)"
    try FileManager.default.copyItem(atPath: probe, toPath: copy)
    let executable = try ExecutableFile(copy)
    let child = try start(
      executable, attempts.map { $0.replacing("{own}", with: copy) }, as: service, on: machine)
    return try await outcome(of: child, copy)
  }

  /// The folder of the program that `runProgram` runs as.
  var programFolder: String { home.programFolder(of: "greeter") }

  /// Runs the probe as the example's program: its plan, with the probe for an interpreter.
  func runProgram(_ attempts: [String], on machine: Machine) async throws -> Run {
    runs += 1
    let copy = "\(path)/probe-\(runs)"
    try FileManager.default.copyItem(atPath: probe, toPath: copy)
    let executable = try ExecutableFile(copy)
    let set = try CharterSet.load(
      try CharterFolder.read(Self.checkout, with: ["\(Self.checkout)/Examples/greeter"]))
    guard let charter = set["greeter"] else { throw CocoaError(.fileReadUnknown) }
    let confinement = ServiceConfinement(
      stage: stage, machine: machine, home: home, platform: platform, charters: set)
    try confinement.settleData(of: charter)
    let plan = try confinement.programPlan(for: charter, running: executable)
    let child = try ChildProcess.spawn(
      executable, environment: ["PATH": "/usr/bin:/bin"], openFiles: 128,
      through: ChildProcess.Confining(
        stage: stage,
        plan: StagePlan(
          executable: plan.executable, arguments: [copy] + attempts, folder: plan.folder,
          confinement: plan.confinement, machine: machine)))
    return try await outcome(of: child, copy)
  }

  private func outcome(of child: ChildProcess, _ copy: String) async throws -> Run {
    let output = "\(path)/output-\(runs)"
    let log = try LogFile(output)
    let status = await withCheckedContinuation { continuation in
      child.follow(into: log) { status, _ in continuation.resume(returning: status) }
    }
    let lines = (try WholeFile.read(output) ?? []).split(separator: 0x0a)
    return Run(
      status: status,
      outcomes: lines.compactMap { line in
        guard let outcome = try? StrictJSON.decode(Outcome.self, from: line) else { return nil }
        let target = outcome.target.replacing(copy, with: "{own}")
        return Outcome(
          attempt: outcome.attempt, target: target, errno: outcome.errno, error: outcome.error)
      })
  }
}

/// Somebody else's process for an attacker to reach for, as free of capabilities as the attacker, so
/// that they are not what protects it. Gone with the reference.
final class Victim {
  let pid: Int32
  private let process: ChildProcess

  init(in cell: Cell) throws {
    process = try cell.start(try ExecutableFile("/bin/sleep"), ["60"], on: Cell.defenceless)
    pid = process.pid
    process.follow(into: try LogFile("\(cell.path)/victim")) { _, _ in }
  }
  deinit { process.signal(SIGKILL) }

  /// Some readable address of its memory, hexadecimal.
  func address() throws -> String {
    let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
    return String(maps.prefix { $0 != "-" })
  }
}

/// A listening socket of the test's own.
final class Listener {
  let port: Int
  private let descriptor: Int32

  /// At this port of 127.0.0.1, 0 for any.
  init(port: Int = 0) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) == 0 && listen(descriptor, 16) == 0
          && getsockname(descriptor, address, &size) == 0
      }
    }
    guard result else { throw CocoaError(.fileReadUnknown) }
    self.port = Int(UInt16(bigEndian: address.sin_port))
  }

  /// At a path.
  init(path: String) throws {
    port = 0
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let descriptor = descriptor
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
          && listen(descriptor, 4) == 0
      }
    }
    guard result else { throw CocoaError(.fileReadUnknown) }
  }

  /// At an abstract name of unix(7).
  init(abstract name: String) throws {
    port = 0
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: [0] + Array(name.utf8)) }
    let (descriptor, size) = (descriptor, socklen_t(3 + name.utf8.count))
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 4) == 0
      }
    }
    guard result else { throw CocoaError(.fileReadUnknown) }
  }

  deinit { close(descriptor) }
}
