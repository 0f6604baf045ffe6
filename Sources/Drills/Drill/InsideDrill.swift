import Chassis
import Charters
import Foundation
import Launcher
import Probes
import Sandbox
import StrictJSON
import Vocabulary

/// Z4, S1: what code of an attacker can reach from inside a service. `strongroom-probe` is started in the service's
/// place, by the launcher's own stage, as the service's own user, and tries what an attacker would.
package enum InsideDrill {
  package static let drill = Drill(
    name: "inside",
    promise:
      "Z4 S1: a compromised service cannot open what is not its own, nor connect to what its charter does not name.",
    attacks: [
      own, running, files, ports, OutsideAddresses.attack, sockets,
      sweep(
        "other-processes",
        "signal, trace, read the memory and the environment of every other service's process"
      ) { service, range in
        range.processes.filter { $0.service != service }.flatMap { other in
          [
            "signal=\(other.pid)", "thread-signal=\(other.pid)", "trace=\(other.pid)",
            "environment=\(other.pid)", "memory=\(other.pid):400000",
          ]
        }
      },
      sweep(
        "privileges",
        "become root, mount, make a user namespace, a child, memory to write and run, memory that nobody counts, code of a file, and start a shell"
      ) { service, range in
        [
          "become-root=", "mount=\(range.home.path)", "user-namespace=", "fork=", "self-made-code=",
          "shared-memory=", "close-exec-lock=",
          "file-code=\(range.home.dataFolder(of: service))/drill-code", "execute=/bin/sh",
        ]
      },
      sweep("kernel", "call what reaches into the kernel") { _, _ in
        [
          "bpf", "io_uring_setup", "perf_event_open", "keyctl", "userfaultfd", "memfd_create",
          "pidfd_open", "init_module", "kexec_load", "personality", "name_to_handle_at",
        ].map { "call=\($0)" }
      },
    ])

  /// Not an attack: taken by the probe as the service would at its start.
  private static let preparations: Set<String> = ["close-exec-lock"]
  private static let refusals: Set<Int32> = [EACCES, EPERM]

  // MARK: attacks

  /// The same attempts from inside every service; whatever is not refused is a breach.
  private static func sweep(
    _ name: String, _ steps: String,
    attempts: @escaping @Sendable (ServiceName, DrillRange) -> [String]
  ) -> Attack {
    Attack(
      name, steps: "from inside each service: \(steps)", expectation: "all refused by the kernel"
    ) {
      range in
      let cells = try Cells(range)
      var tried = 0
      var open: [String] = []
      for (service, _) in range.ports {
        let attempts = attempts(service, range)
        let all = try await cells.run(attempts, as: service)
        // A shell that was let run took the probe's place: nothing comes after it.
        guard all.count == attempts.count || all.last?.errno == 0 else {
          return .notTried("\(service)'s probe ended after \(all.count) of \(attempts.count)")
        }
        let outcomes = all.filter { !preparations.contains($0.attempt) }
        tried += outcomes.count
        open += outcomes.filter { !refusals.contains($0.errno) }
          .map { "\(service) \($0.attempt) \($0.target): \($0.errno == 0 ? "done" : $0.error)" }
      }
      guard tried > 0 else { return .notTried("no probe came to its end") }
      return .when(
        open.isEmpty,
        open.isEmpty ? "\(tried) of \(tried) refused" : open.prefix(8).joined(separator: "; "))
    }
  }

  private static let own = Attack(
    "control", steps: "from inside each service: open its own store and connect to those it calls",
    expectation: "all allowed, or nothing below means anything"
  ) { range in
    let cells = try Cells(range)
    var (tried, refused) = (0, [String]())
    for (service, _) in range.ports {
      let callees = range.charters[service]?.calls.map(\.service) ?? []
      let ports = range.ports.filter { callees.contains($0.service) }.map { "connect=\($0.port)" }
      let outcomes = try await cells.run(
        ["read=\(storeFile(of: service, range.home))", "read=\(range.home.platformFile)"] + ports,
        as: service)
      tried += outcomes.count
      refused += outcomes.filter { $0.errno != 0 }
        .map { "\(service) \($0.attempt) \($0.target): \($0.error)" }
    }
    guard refused.isEmpty else { return .notTried(refused.joined(separator: "; ")) }
    return .held("\(tried) of \(tried) allowed")
  }

  /// The probes below run in cells made for them; this looks at the services themselves.
  private static let running = Attack(
    "running-services", steps: "ask the kernel how each running service is held",
    expectation: "no new privileges, no capabilities, a filter that is closed, a user as recorded"
  ) { range in
    var (read, free) = (0, [String]())
    var able: Set<Measure> = [.noNewPrivileges, .capabilities, .limits]
    if SystemCallFilter.isAvailable { able.insert(.seccomp) }
    for (service, pid) in range.processes {
      guard let seen = ProcessHold.of(pid) else { continue }
      read += 1
      guard let hold = HoldRecord.read(Unit(service), in: range.home) else {
        free.append("\(service) is left free")
        continue
      }
      free += seen.contradictions(of: hold).map { "\(service): \($0)" }
      // A record that asks for little is no contradiction: what this kernel can give must be in it.
      let lacks = able.subtracting(hold.held).map(\.rawValue).sorted()
      if !lacks.isEmpty {
        free.append("\(service) is not held by \(lacks.joined(separator: ", "))")
      }
    }
    guard read > 0 else { return .notTried("no process could be read") }
    return .when(
      free.isEmpty,
      free.isEmpty ? "\(read) services, each as recorded" : free.prefix(8).joined(separator: "; "))
  }

  private static let files = sweep(
    "foreign-files",
    "read and write every other store, the root key, launch records, charters, programs and the machine's own files"
  ) { service, range in
    foreignFiles(to: service, in: range)
  }

  /// What opens a service's store: its file, or its password for the server.
  private static func storeFile(of service: ServiceName, _ home: Home) -> String {
    let files = [
      home.storeFile(of: service), home.databaseFile("passfile", of: service),
      home.storeIdentityFile(of: service),
    ]
    return files.first { WholeFile.exists($0) } ?? files[0]
  }

  private static func foreignFiles(to service: ServiceName, in range: DrillRange) -> [String] {
    let home = range.home
    let program = range.charters[service]?.executable(of: Unit(service), in: home.executablesFolder)
    let stores = range.ports.filter { $0.service != service }.flatMap { other in
      [
        "read=\(storeFile(of: other.service, home))", "write=\(storeFile(of: other.service, home))",
        "list=\(home.dataFolder(of: other.service))",
      ]
    }
    // The authority is the one that seals with the root key and reads launch records.
    let keys =
      range.charters[service]?.role == .authority
      ? [] : ["read=\(home.rootKeyFile)", "list=\(home.launchFolder)"]
    // A name that nobody has used: a file that is there already would be "exists" instead of a refusal.
    let evil = "evil-\(hexText(range.randomness.bytes(8)))"
    let platform = [
      "write=\(home.platformFile)", "make=\(home.chartersFolder)/\(evil).yaml",
      "make=\(home.launchFolder)/\(evil).json", "make=\(home.path)/\(evil)",
      "write=\(program ?? home.path)", "make=\(home.executablesFolder)/\(evil)",
      "list=\(home.knownGoodFolder)", "read=\(home.knownGoodFolder)/platform.json",
      "list=\(home.quarantineFolder)",
    ]
    let machine = [
      "read=/etc/passwd", "read=/etc/shadow", "list=/root", "list=/tmp", "make=/tmp/\(evil)",
    ]
    return stores + keys + platform + machine
  }

  private static let ports = sweep(
    "foreign-ports",
    "connect to every port that its charter does not name, by TCP, Fast Open and MPTCP, and listen at others' ports"
  ) { service, range in
    let callees = range.charters[service]?.calls.map(\.service) ?? []
    let foreign = range.ports.filter { $0.service != service && !callees.contains($0.service) }
    // SSH, DNS, HTTPS, PostgreSQL, Redis, and the door: whether or not anybody listens there.
    // What the charters name outside, the way out may dial, and ask a resolver for.
    let outside =
      range.charters[service]?.role == .outside
      ? range.charters.charters.flatMap(\.egress).flatMap { [$0.port, 53] } : []
    let known =
      [22, 53, 443, 5_432, 6_379].filter { !outside.contains($0) }
      + (range.charters[service]?.role == .door ? [] : [range.platform.gatewayPort])
    return (foreign.map(\.port) + known).flatMap {
      ["connect=\($0)", "fast-open=\($0)", "multipath=\($0)"]
    } + foreign.map { "listen=\($0.port)" } + ["listen=31337"]
  }

  private static let sockets = sweep(
    "other-sockets", "make raw, packet, netlink and datagram sockets"
  ) { service, range in
    // Looking names up takes these two.
    let resolves =
      range.charters[service]?.role == .outside
      && range.charters.charters.contains { $0.egress.contains(where: \.isLookedUp) }
    return ["raw-socket=", "packet-socket="]
      + (resolves ? [] : ["netlink-socket=", "datagram-socket="])
  }
}

/// Places inside the running platform's services.
struct Cells {
  /// A probe that is still at it then is ended; what it did not come to counts as not tried.
  static let probeWithin: Duration = .seconds(60)

  private let confinement: ServiceConfinement
  private let probe: ExecutableFile
  private let home: Home
  private let charters: CharterSet

  /// Where this program and the services lie.
  static var binaries: String? {
    (try? ExecutableFile.ownPath()).map {
      URL(filePath: $0).deletingLastPathComponent().path(percentEncoded: false)
    }.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
  }

  init(_ range: DrillRange) throws {
    guard let binaries = Self.binaries else { throw LaunchFailure.noExecutable(path: "ourselves") }
    home = range.home
    charters = range.charters
    confinement = ServiceConfinement(
      stage: try ExecutableFile("\(binaries)/strongroom-confine"),
      machine: ServiceConfinement.machine(
        for: range.charters, platform: range.platform, home: home),
      home: home, platform: range.platform, charters: charters)
    probe = try ExecutableFile("\(binaries)/strongroom-probe")
  }

  /// What came of each attempt, from inside this service.
  func run(_ attempts: [String], as service: ServiceName) async throws -> [Outcome] {
    guard let charter = charters[service] else { return [] }
    let output = "\(home.logFolder)/drill-\(service)-\(getpid())"
    defer { unlink(output) }
    let child = try ChildProcess.spawn(
      probe, environment: [:], openFiles: charter.limits.openFiles,
      through: ChildProcess.Confining(
        stage: confinement.stage,
        plan: confinement.plan(for: charter, running: probe, arguments: attempts)))
    let log = try LogFile(output)
    let late = Task {
      try await Task.sleep(for: Self.probeWithin)
      child.signal(SIGKILL)
    }
    await withCheckedContinuation { ended in child.follow(into: log) { _, _ in ended.resume() } }
    late.cancel()
    return (try WholeFile.read(output) ?? []).split(separator: 0x0a).compactMap {
      try? StrictJSON.decode(Outcome.self, from: $0)
    }
  }
}
