import Charters
package import Chassis
package import Commands
import Dispatch
import Glibc
import Sandbox
import Synchronization
import Telemetry
package import Vocabulary
import Workload

/// One run of the launcher in this process, from taking the home's lock to the last service's end.
package struct LauncherRun: Sendable {
  /// Longest wait for processes that a killed launcher left behind to end by themselves, then after
  /// SIGTERM.
  static let strayLimit: Duration = .seconds(4)

  /// Longest wait at the end for the audit service to take what the guard found.
  static let journalLimit: Duration = .seconds(2)

  package let home: Home
  /// Folder with the charters, see `CharterFolder`.
  package let charters: String
  /// Folders of services that are added to them.
  package let added: [String]
  /// Folder with the access policies of a home that has none yet, see `PolicyFolder`.
  package let policies: String
  /// Folder of the build with the executables.
  package let binaries: String
  package let origin: LauncherCopy.Origin
  package let wishes: Wishes
  /// Where it is sealed under a passphrase, or is to be from the start.
  package let rootKey: HandedRootKey?
  package let environment: [String: String]
  package let clock: Clock
  package let randomness: Randomness

  package init(
    home: Home, charters: String, added: [String] = [], policies: String, binaries: String,
    origin: LauncherCopy.Origin, wishes: Wishes, rootKey: HandedRootKey? = nil,
    environment: [String: String], clock: Clock, randomness: Randomness
  ) {
    self.home = home
    self.charters = charters
    self.added = added
    self.policies = policies
    self.binaries = binaries
    self.origin = origin
    self.wishes = wishes
    self.rootKey = rootKey
    self.environment = environment
    self.clock = clock
    self.randomness = randomness
  }

  /// Runs until SIGTERM or SIGINT, or until it is clear that the platform will not come up.
  package func run(report: @escaping @Sendable (LauncherEvent) -> Void) async -> CommandExit {
    do throws(LaunchFailure) {
      if !wishes.trustsHomePath { try HomePath.require(home) }
      try HomeSetup.makeFolders(home)
      let lock = try HomeLock.take(home)
      defer { withExtendedLifetime(lock) {} }
      switch origin {
      case .build(let words): try LauncherCopy.become(in: home, from: binaries, words)
      case .home(let replaced): return try await runLocked(replaced, report)
      }
    } catch {
      report(
        LauncherEvent(.failed, detail: error.description, exitCode: error.exitCode.rawValue))
      return error.exitCode
    }
  }

  private func runLocked(
    _ replaced: String?, _ report: @escaping @Sendable (LauncherEvent) -> Void
  ) async throws(LaunchFailure) -> CommandExit {
    ChildProcess.forbidCoreFiles()
    signal(SIGPIPE, SIG_IGN)
    try WholeFile.write(Array("\(getpid())\n".utf8), to: home.pidFile)
    defer { unlink(home.pidFile) }
    let files = try CharterFolder.read(charters, with: added)
    let set = try CharterFolder.check(files)
    let earlier = try PlatformSettings.load(home)
    let platform = try StoreServers.lookedUp(
      for: wishes.applied(to: earlier, of: set), earlier: earlier, charters: set, home: home)
    try DoorPapers.check(platform, at: clock.now())
    let machine = try machine(for: set, platform)
    await endStrays()
    try PortCheck.check(Self.ports(set, platform), bind: platform.bind)
    if let door = set.holder(of: .door) {
      try PortCheck.check(
        [(service: door, port: platform.gatewayPort)], bind: platform.gatewayBind)
    }
    try StoreServers.settle(platform, home: home, randomness: randomness)
    let (confinement, pins, changes) = try layDown(files, set, platform, machine, replaced)
    try recordOperator()
    let logFile = try LogFile("\(home.logFolder)/launcher.log")
    let log = Log(service: "launcher", sink: LogSink { logFile.append($0) }, clock: clock)
    let line = OperatorLine(
      home: home, platform: platform, charters: set, log: log, clock: clock,
      firstFetchMax: .seconds(1))
    guard let witness = Witness(path: home.witnessSocket) else {
      throw .system(call: "listen at \(home.witnessSocket)", code: errno)
    }
    defer { witness.stop() }
    let journal = GuardJournal(
      home: home, line: line, log: log, clock: clock, randomness: randomness)
    let starting = Mutex<Launcher?>(nil)
    let immutableGuard = try ImmutableGuard(
      KnownGood(home), pins: pins, earlier: changes, clock: clock, randomness: randomness
    ) { event, finding in
      let launcher = finding.isReadAtStart ? starting.withLock { $0 } : nil
      Task {
        await journal.note(event)
        await launcher?.distrustStarting()
      }
    }
    let isGuarded = !platform.lacks(.immutability)
    let launcher = try Launcher(
      Launcher.Parts(
        home: home, charters: set, binaries: home.executablesFolder, environment: environment,
        clock: clock, log: log, confinement: confinement,
        immutableGuard: isGuarded ? immutableGuard : nil, rootKey: rootKey, witness: witness,
        isReady: { try await line.isReady($0) }, answers: { await line.answers($0) },
        report: report))
    starting.withLock { $0 = launcher }
    if isGuarded { try immutableGuard.start() }
    AddressHold.sweep()
    if let rules = confinement.addressRules {
      try AddressHold.apply(rules, earlierPort: earlier?.gatewayPort)
    }
    await journal.resume()
    if isGuarded { for change in changes { await journal.note(change) } }
    let code = await drive(launcher, report) { await journal.finish(within: Self.journalLimit) }
    immutableGuard.stop()
    if confinement.addressRules != nil { AddressHold.remove(gatewayPort: platform.gatewayPort) }
    return code
  }

  /// The operator's programs, by which the authority knows them: the command of the build, and this very process, which must
  /// be known also where its file was replaced under it, to tell of that. The lab's record is laid down by the command that
  /// becomes it; one from before speaks of an older build.
  private func recordOperator() throws(LaunchFailure) {
    func record(_ path: String, pid: Int32? = nil) throws(LaunchFailure) -> LaunchRecord {
      LaunchRecord(
        service: Charter.operatorName, pid: pid, executable: try ExecutableFile(path),
        startedAt: clock.now())
    }
    try record("\(binaries)/\(Program.strongroom.rawValue)").write(to: home)
    try record("/proc/self/exe", pid: getpid()).write(to: home, of: .launcher)
    unlink("\(home.launchFolder)/\(LaunchFolder.record(of: .lab, as: Charter.operatorName))")
  }

  /// Makes the home as it is to be, copies what will run, and pins it. After the checks: wishes that
  /// cannot come true must not be those of the next start.
  private func layDown(
    _ files: [CharterFile], _ charters: CharterSet, _ platform: Platform, _ machine: Machine,
    _ replaced: String?
  ) throws(LaunchFailure) -> (ServiceConfinement, [Pin], [PinEvent]) {
    let store = KnownGood(home)
    var inspection = Inspection(store, at: clock.now(), randomness: randomness)
    inspection.lookAtFiles()
    try HomeSetup.prepare(
      home, platform: platform, charters: files, rootKey: rootKey, randomness: randomness)
    try PolicyOffice(home, platform: platform, clock: clock, randomness: randomness)
      .prepare(from: policies, for: charters)
    let stage = "strongroom-confine"
    let services = Set(charters.charters.map(\.ownExecutable)).union([Unit.ownExecutable])
    let programs = try store.takePrograms(
      services.sorted() + [stage, LauncherCopy.name], from: binaries,
      found: replaced.map { [LauncherCopy.name: $0] } ?? [:]
    ) {
      inspection.changed(
        program: $0, pinned: $1, found: $2,
        isGone: replaced != nil && $0.hasSuffix("/\(LauncherCopy.name)"))
    }
    let confinement = ServiceConfinement(
      stage: try ExecutableFile("\(home.executablesFolder)/\(stage)"), machine: machine, home: home,
      platform: platform, charters: charters)
    // Modes and owners are pinned as they are from here on.
    try confinement.settleHome()
    let pins = try store.pins(
      programs: programs, charters: HomeSetup.named(files),
      settings: PlatformSettings.bytes(of: platform))
    return (confinement, pins, inspection.events)
  }

  /// What this machine can hold the services by.
  /// - Throws: `unconfinable` when more is required.
  private func machine(
    for charters: CharterSet, _ platform: Platform
  ) throws(LaunchFailure) -> Machine {
    let machine = ServiceConfinement.machine(for: charters, platform: platform, home: home)
    if wishes.requiresConfinement, !machine.lacks.isEmpty { throw .unconfinable(machine.lacks) }
    return machine
  }

  /// Starts, then waits for the signal to stop. A signal during the start stops what has started.
  private func drive(
    _ launcher: Launcher, _ report: @escaping @Sendable (LauncherEvent) -> Void,
    beforeStop: @escaping @Sendable () async -> Void
  ) async -> CommandExit {
    let (signals, sources) = Self.stopSignals()
    defer { for source in sources { source.cancel() } }
    let starting = Task { () -> LaunchFailure? in
      do throws(LaunchFailure) {
        try await launcher.start()
        return nil
      } catch {
        await launcher.stop()
        return error
      }
    }
    let stopping = Task {
      for await _ in signals {
        await beforeStop()
        await launcher.stop()
        return
      }
    }
    if let failure = await starting.value {
      stopping.cancel()
      report(
        LauncherEvent(.failed, detail: failure.description, exitCode: failure.exitCode.rawValue))
      return failure.exitCode
    }
    await stopping.value
    return .success
  }

  private static func stopSignals() -> (AsyncStream<Int32>, [any DispatchSourceSignal]) {
    let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingOldest(4))
    let sources = [SIGTERM, SIGINT, SIGHUP].map { number in
      // The default action must be off, or the process is gone before the source is heard.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
    return (stream, sources)
  }
}

extension LauncherRun {
  static func ports(
    _ set: CharterSet, _ platform: Platform
  ) -> [(service: ServiceName, port: Int)] {
    set.charters.compactMap { charter in
      charter.port.map { (service: charter.service, port: $0 + platform.portOffset) }
    }
  }

  /// A launcher that was killed leaves services behind, which notice and end; those that do not are
  /// ended here, and the records of processes removed. Only the very processes that the records
  /// name are touched.
  private func endStrays() async {
    let services = LaunchRecord.all(home).filter { $0.pid != nil }
    let programs = LaunchRecord.programs(home)
    let records = services + programs
    for (number, limit) in [
      (Int32(0), Self.strayLimit), (SIGTERM, Self.strayLimit), (SIGKILL, .seconds(2)),
    ] {
      let alive = records.filter(\.isAlive)
      if alive.isEmpty { break }
      for record in alive { if let pid = record.pid, number != 0 { kill(pid, number) } }
      let end = clock.now() + limit
      while clock.now() < end, records.contains(where: \.isAlive) {
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    for record in services { unlink(home.launchRecord(of: record.service)) }
    for record in programs { unlink(home.launchRecord(of: Unit(programOf: record.service))) }
    unlink(home.workloadSocket)
  }
}
