import Charters
import Chassis
import Foundation
import Launcher
import Probes
import Sandbox
import Testing
import Vocabulary

/// Each attempt runs twice: as code of `payments` in its confinement, and in the same stage with
/// Landlock and seccomp left out, where it must go through unless a second defence is named.
@Suite(.serialized, .enabled(if: Cell.holdsWithoutRoot))
struct `Code inside a compromised service` {
  enum Without {
    case goesThrough
    /// Dropped capabilities or file modes refuse it all the same.
    case isRefusedToo
  }
  struct Case {
    let attempt: String
    let errno: Int32
    var without = Without.goesThrough
  }

  func hold(_ cases: [Case], in cell: Cell) async throws {
    let attempts = cases.map(\.attempt)
    let held = try await cell.run(attempts)
    let free = try await cell.run(attempts, on: Cell.defenceless)
    #expect(held.outcomes.count == cases.count && free.outcomes.count == cases.count)
    for one in cases {
      #expect(held[one.attempt] == one.errno, "\(one.attempt), confined")
      switch one.without {
      case .goesThrough: #expect(free[one.attempt] == 0, "\(one.attempt), defenceless")
      case .isRefusedToo: #expect(free[one.attempt] != 0, "\(one.attempt), defenceless")
      }
    }
  }

  @Test func `reaches no file but its own`() async throws {
    let cell = try Cell()
    let home = cell.home
    try await hold(
      [
        Case(attempt: "read=\(home.storeFile(of: "ledger"))", errno: EACCES),
        Case(attempt: "write=\(home.storeFile(of: "ledger"))", errno: EACCES),
        Case(attempt: "list=\(home.dataFolder(of: "ledger"))", errno: EACCES),
        Case(attempt: "read=\(home.rootKeyFile)", errno: EACCES),
        Case(attempt: "list=\(home.launchFolder)", errno: EACCES),
        Case(attempt: "write=\(home.platformFile)", errno: EACCES),
        Case(attempt: "make=\(home.chartersFolder)/evil.yaml", errno: EACCES),
        Case(attempt: "make=\(home.path)/evil", errno: EACCES),
        Case(attempt: "read=/etc/passwd", errno: EACCES),
        Case(attempt: "list=/tmp", errno: EACCES),
        Case(attempt: "remove={own}", errno: EACCES),
      ], in: cell)
  }

  @Test(.enabled(if: geteuid() == 0)) func `does not read the passwords of the machine`()
    async throws
  {
    try await hold([Case(attempt: "read=/etc/shadow", errno: EACCES)], in: Cell())
  }

  @Test func `does its own work`() async throws {
    let cell = try Cell()
    let ledger = try Listener(port: cell.port(of: "ledger"))
    // What the probe makes it takes away itself.
    try WholeFile.write([1], to: "\(cell.home.dataFolder(of: "payments"))/old")
    let attempts = [
      "read=\(cell.home.storeFile(of: "payments"))", "write=\(cell.home.storeFile(of: "payments"))",
      "make=\(cell.home.dataFolder(of: "payments"))/new",
      "remove=\(cell.home.dataFolder(of: "payments"))/old",
      "read=\(cell.home.platformFile)", "list=\(cell.home.chartersFolder)", "read=/dev/urandom",
      "read=/proc/self/statm", "write=/dev/null", "connect=\(ledger.port)",
      "listen=\(cell.port(of: "payments"))",
    ]
    let run = try await cell.run(attempts)
    #expect(run.outcomes.map(\.errno) == attempts.map { _ in 0 }, "\(run.outcomes)")
  }

  @Test func `connects to nobody whom it does not call, and listens at no port of others`()
    async throws
  {
    let cell = try Cell()
    let stranger = try Listener()
    let name = "strongroom-test-\(getpid())"
    let abstract = try Listener(abstract: name)
    defer { withExtendedLifetime(abstract) {} }
    try await hold(
      [
        Case(attempt: "connect=\(stranger.port)", errno: EACCES),
        Case(attempt: "multipath=\(stranger.port)", errno: EPERM),
        Case(attempt: "fast-open=\(stranger.port)", errno: EPERM),
        Case(attempt: "listen=\(cell.port(of: "ledger"))", errno: EACCES),
        Case(attempt: "abstract-socket=\(name)", errno: EPERM),
      ], in: cell)
  }

  @Test func `makes no socket of another kind`() async throws {
    try await hold(
      [
        Case(attempt: "raw-socket=", errno: EPERM, without: .isRefusedToo),
        Case(attempt: "packet-socket=", errno: EPERM, without: .isRefusedToo),
        Case(attempt: "netlink-socket=", errno: EPERM),
        Case(attempt: "datagram-socket=", errno: EPERM),
      ], in: Cell())
  }

  @Test func `reaches no other process`() async throws {
    let cell = try Cell()
    let victim = try Victim(in: cell)
    let (pid, address) = (victim.pid, try victim.address())
    try await hold(
      [
        Case(attempt: "signal=\(pid)", errno: EPERM),
        Case(attempt: "thread-signal=\(pid)", errno: EPERM),
        Case(attempt: "environment=\(pid)", errno: EACCES),
        Case(attempt: "memory=\(pid):\(address)", errno: EPERM),
        Case(attempt: "trace=\(pid)", errno: EPERM),
      ], in: cell)
  }

  @Test func `gets no privileges, name spaces, children or code of its own making`() async throws {
    let cell = try Cell()
    try await hold(
      [
        Case(attempt: "mount=\(cell.path)", errno: EPERM, without: .isRefusedToo),
        Case(attempt: "user-namespace=", errno: EPERM),
        Case(attempt: "fork=", errno: EPERM),
        Case(attempt: "self-made-code=", errno: EPERM),
        Case(attempt: "shared-memory=", errno: EPERM),
      ], in: cell)
  }

  @Test(arguments: [
    "io_uring_setup", "memfd_create", "personality", "perf_event_open", "keyctl", "pidfd_open",
  ])
  func `is refused what reaches into the kernel`(call: String) async throws {
    let cell = try Cell()
    #expect(try await cell.run(["call=\(call)"])["call=\(call)"] == EPERM)
    // With zeros for arguments the kernel itself says something else, or does it.
    let free = try await cell.run(["call=\(call)"], on: Cell.defenceless)
    #expect(free["call=\(call)"] != EPERM)
  }

  @Test func `executes nothing: other programs never, itself until the lock closes`() async throws {
    let cell = try Cell()
    #expect(try await cell.run(["execute=/bin/sh"])["execute=/bin/sh"] == EACCES)
    let free = try await cell.run(["execute=/bin/sh"], on: Cell.defenceless)
    #expect(free["execute=/bin/sh"] == 0)
    // Run again by itself the probe is given words that it does not know, and ends with 64.
    #expect(try await cell.run(["execute={own}"]).status == 64)
    let locked = try await cell.run(["close-exec-lock=", "execute={own}"])
    #expect(locked["close-exec-lock="] == 0 && locked["execute={own}"] == EPERM)
  }

  @Test func `makes no file of its own into code once the lock is closed`() async throws {
    let cell = try Cell()
    let attempt = "file-code=\(cell.home.dataFolder(of: "payments"))/code"
    #expect(try await cell.run([attempt])[attempt] == 0)
    #expect(try await cell.run(["close-exec-lock=", attempt])[attempt] == EPERM)
  }
}

/// Users of their own, with Landlock and seccomp left out: the older wall holds by itself.
@Suite(.enabled(if: geteuid() == 0)) struct `A service with a user of its own` {
  static let machine = Machine(landlock: 0, hasSeccomp: false, ownUserLack: nil, addressesLack: nil)

  func settled() throws -> Cell {
    let cell = try Cell()
    let confinement = cell.confinement(Self.machine)
    try confinement.settleHome()
    for service in ["ledger", "payments"] as [ServiceName] {
      try confinement.settleData(of: try #require(cell.charters[service]))
    }
    return cell
  }

  @Test func `is kept out of what others own, and at home in what it owns`() async throws {
    let cell = try settled()
    let victim = try Victim(in: cell)
    let home = cell.home
    let refused = [
      ("read=\(home.storeFile(of: "ledger"))", EACCES), ("list=\(home.launchFolder)", EACCES),
      ("read=\(home.rootKeyFile)", EACCES), ("write=\(home.platformFile)", EACCES),
      ("make=\(home.chartersFolder)/evil.yaml", EACCES), ("make=\(home.path)/evil", EACCES),
      ("read=/etc/shadow", EACCES), ("remove={own}", EACCES), ("signal=\(victim.pid)", EPERM),
      ("environment=\(victim.pid)", EACCES), ("become-root=", EPERM),
    ]
    let free = [
      "read=\(home.platformFile)", "list=\(home.chartersFolder)",
      "write=\(home.storeFile(of: "payments"))", "make=\(home.dataFolder(of: "payments"))/new",
    ]
    let run = try await cell.run(refused.map(\.0) + free, on: Self.machine)
    for (attempt, code) in refused { #expect(run[attempt] == code, "\(attempt)") }
    for attempt in free { #expect(run[attempt] == 0, "\(attempt)") }
    // As root's own process it goes through: what refused it was the user.
    let signal = "signal=\(victim.pid)"
    #expect(try await cell.run([signal], on: Cell.defenceless)[signal] == 0)
  }

  @Test func `may ask the authority who it is, and a program behind a sidecar may not`()
    async throws
  {
    let cell = try settled()
    let socket = cell.home.workloadSocket
    let listener = try Listener(path: socket)
    let authority = try #require(cell.charters["authority"])
    let owner = try #require(
      cell.confinement(Self.machine).confinement(of: authority, running: "/x").user)
    // As the authority opens it.
    #expect(chown(socket, owner.user, owner.group) == 0 && chmod(socket, 0o660) == 0)
    let attempt = "unix-socket=\(socket)"
    #expect(try await cell.run([attempt], on: Self.machine)[attempt] == 0)
    let own = try await cell.runProgram([attempt, "list=\(cell.programFolder)"], on: Self.machine)
    #expect(own[attempt] == EACCES)
    // It does pass the home, to its own folder.
    #expect(own["list=\(cell.programFolder)"] == 0)
    withExtendedLifetime(listener) {}
  }

  @Test func `that is the door may listen below port 1024, and nobody else`() async throws {
    let cell = try Cell(gatewayPort: 1_021)
    let machine = Machine(
      landlock: Cell.machine.landlock, hasSeccomp: Cell.machine.hasSeccomp, ownUserLack: nil,
      addressesLack: nil)
    let confinement = cell.confinement(machine)
    try confinement.settleHome()
    for service in ["gateway", "payments"] as [ServiceName] {
      try confinement.settleData(of: try #require(cell.charters[service]))
      let run = try await cell.run(["listen=1021", "become-root="], as: service, on: machine)
      #expect(run["listen=1021"] == (service == "gateway" ? 0 : EACCES), "\(service)")
      #expect(run["become-root="] == EPERM, "\(service)")
    }
  }

  @Test func `gives everything back when users are no longer to be had`() async throws {
    let cell = try settled()
    let store = cell.home.storeFile(of: "payments")
    var facts = stat()
    #expect(stat(store, &facts) == 0 && facts.st_uid != 0)
    let confinement = cell.confinement(Cell.defenceless)
    try confinement.settleHome()
    try confinement.settleData(of: try #require(cell.charters["payments"]))
    #expect(stat(store, &facts) == 0 && facts.st_uid == 0)
    #expect(stat(cell.home.path, &facts) == 0 && facts.st_mode & 0o777 == 0o700)
  }
}

@Suite struct `The stage` {
  @Test func `starts nothing when it cannot confine`() async throws {
    let cell = try Cell()
    try FileManager.default.removeItem(atPath: cell.home.dataFolder(of: "payments"))
    do throws(any Error) {
      _ = try await cell.run(["read=/dev/null"])
      Issue.record("it was started")
    } catch {
      guard case LaunchFailure.notConfined(_, let reason) = error else { throw error }
      #expect(reason.contains(cell.home.dataFolder(of: "payments")))
    }
  }

  @Test func `sets the charter's limits, which the kernel then shows`() async throws {
    let cell = try Cell()
    let child = try cell.start(
      try ExecutableFile("/bin/sleep"), ["60"], on: Cell.defenceless)
    child.follow(into: try LogFile("\(cell.path)/sleep")) { _, _ in }
    defer { child.signal(SIGKILL) }
    let text = try String(contentsOfFile: "/proc/\(child.pid)/limits", encoding: .utf8)
    func hard(_ name: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
      return line?.dropFirst(name.count).split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
    let limits = try #require(cell.charters["payments"]).limits
    #expect(hard("Max data size") == limits.memoryMiB << 20 + ServiceConfinement.reserveBytes)
    #expect(hard("Max open files") == limits.openFiles && hard("Max core file size") == 0)
  }

  @Test func `knows every system call of its list by number`() {
    let unknown =
      SystemCallFilter.service(resolvesNames: true).unknownCalls
      + SystemCallFilter.program.unknownCalls
    #if arch(x86_64)
      #expect(unknown.isEmpty, "\(unknown)")
    #else
      // aarch64 never had the older spellings.
      #expect(!unknown.contains("openat") && !unknown.contains("clone"))
    #endif
  }
}
