import Charters
import Chassis
import Commands
import Foundation
import Launcher
import Synchronization
import Telemetry
import Testing
import Vocabulary

@Suite struct `A service's process` {
  @Test func `knows its home and nothing else of us`() async throws {
    let scratch = try Scratch()
    let script = try scratch.script(
      "strongroom-books",
      """
      echo "arguments: $0 $*"; /usr/bin/env | sort; read -r line || echo "nothing to read"
      ls -l /proc/$$/fd | wc -l; ulimit -n; ulimit -c; echo broken >&2; printf 'no line feed'; exit 3
      """)
    let log = try LogFile("\(scratch.path)/books.log")
    ChildProcess.forbidCoreFiles()
    let child = try ChildProcess.spawn(
      ExecutableFile(script), arguments: ["--home", scratch.home.path],
      environment: ["PATH": "/usr/bin:/bin", "TZ": "UTC", "SECRET": "x", "LD_PRELOAD": "y"],
      openFiles: 77)
    let (status, last) = await withCheckedContinuation { continuation in
      child.follow(into: log) { continuation.resume(returning: ($0, $1)) }
    }
    #expect(status == 3)
    #expect(last.suffix(2) == ["broken", "no line feed"])
    let lines = String(
      decoding: try WholeFile.read("\(scratch.path)/books.log") ?? [], as: UTF8.self
    )
    .split(separator: "\n").map(String.init)
    #expect(lines.first?.hasSuffix("--home \(scratch.home.path)") == true)
    // What bash itself adds is not ours.
    let names = lines.filter { $0.contains("=") }.map { String($0.prefix { $0 != "=" }) }
    #expect(
      Set(names).subtracting(["PWD", "SHLVL", "_", "OLDPWD"]) == ["PATH", "TZ", "SWIFT_BACKTRACE"])
    #expect(lines.contains("nothing to read"))
    #expect(lines.contains("77") && lines.contains("0"))
  }

  @Test func `is stated by a record that names it for ever`() throws {
    let scratch = try Scratch()
    try HomeSetup.makeFolders(scratch.home)
    let own = try ExecutableFile("/proc/self/exe")
    let record = LaunchRecord(
      service: "books", pid: getpid(), executable: own, startedAt: Instant(seconds: 1))
    try record.write(to: scratch.home)
    #expect(LaunchRecord.all(scratch.home) == [record])
    #expect(record.isAlive && record.sha256.count == 64 && record.uid == geteuid())
    #expect(try Scratch.mode(scratch.home.launchRecord(of: "books")) == 0o600)
    let other = LaunchRecord(
      service: "books", pid: 1, executable: own, startedAt: Instant(seconds: 1))
    #expect(other.pidStartTicks != record.pidStartTicks)
    #expect(
      !LaunchRecord(service: "x", pid: nil, executable: own, startedAt: Instant(seconds: 1)).isAlive
    )
  }

  @Test func `of others is registered up to one less than the authority reads`() throws {
    let scratch = try Scratch()
    try HomeSetup.makeFolders(scratch.home)
    func program(_ number: Int) throws -> LaunchRecord {
      LaunchRecord(
        service: try #require(ServiceName("robot-\(number)")), pid: nil,
        executable: try ExecutableFile(scratch.script("robot-\(number)", "exit")),
        startedAt: Instant(seconds: 1))
    }
    // The launcher's own records take no room.
    let own = LaunchRecord(
      service: "books", pid: getpid(), executable: try ExecutableFile("/proc/self/exe"),
      startedAt: Instant(seconds: 1))
    try own.write(to: scratch.home)
    for number in 1...LaunchFolder.registrationsKept {
      try program(number).register(in: scratch.home)
    }
    #expect(LaunchFolder.registrationsKept == LaunchFolder.registrationsMax - 1)
    let next = LaunchFolder.registrationsKept + 1
    #expect(throws: RegistrationRefusal.tooMany) { try program(next).register(in: scratch.home) }
    // One of those that lie there may be the operator's: then there is room for one more.
    let platform: Set<ServiceName> = ["robot-2"]
    try program(next).register(in: scratch.home, besides: platform)
    try LaunchRecord.withdraw(try program(next).service, from: scratch.home)
    #expect(RegistrationRefusal.tooMany.text.contains("workload remove"))
    // In the place of itself, and of one that went.
    try program(1).register(in: scratch.home)
    try LaunchRecord.withdraw("robot-1", from: scratch.home)
    try program(next).register(in: scratch.home)
    #expect(throws: RegistrationRefusal.none) {
      try LaunchRecord.withdraw("robot-1", from: scratch.home)
    }
    #expect(throws: RegistrationRefusal.none) {
      try LaunchRecord.withdraw("books", from: scratch.home)
    }
  }

  @Test func `of others has one name, for with two it would get neither`() throws {
    let scratch = try Scratch()
    try HomeSetup.makeFolders(scratch.home)
    let file = try ExecutableFile(scratch.script("robot", "exit"))
    func named(_ name: ServiceName) -> LaunchRecord {
      LaunchRecord(service: name, pid: nil, executable: file, startedAt: Instant(seconds: 1))
    }
    try named("robot").register(in: scratch.home)
    #expect(throws: RegistrationRefusal.twice("robot")) {
      try named("android").register(in: scratch.home)
    }
    try named("robot").register(in: scratch.home)
    #expect(LaunchRecord.all(scratch.home).map(\.service) == ["robot"])
    // The operator's further programs have theirs, and are no services.
    let lab = LaunchRecord(
      service: "operator", pid: nil, executable: try ExecutableFile("/proc/self/exe"),
      startedAt: Instant(seconds: 1))
    try lab.write(to: scratch.home, of: .lab)
    #expect(LaunchRecord.all(scratch.home).map(\.service) == ["robot"])
    #expect(throws: RegistrationRefusal.twice("operator")) {
      try LaunchRecord(
        service: "android", pid: nil, executable: ExecutableFile("/proc/self/exe"),
        startedAt: Instant(seconds: 1)
      ).register(in: scratch.home)
    }
  }

  @Test func `whose executable is missing is named`() {
    #expect { try ExecutableFile("/nowhere/strongroom-x") } throws: {
      "\($0)".contains("/nowhere/strongroom-x")
    }
  }
}

@Suite(.serialized) struct `The launcher` {
  /// Two services as shell scripts: `shop` calls `books`. Each says that it is ready by making a
  /// file.
  struct Stand {
    let scratch: Scratch
    let launcher: Launcher
    let events = Events()

    /// - Parameter isGuarded: whether programs are copied, and looked at before each start; nobody
    ///   watches in between.
    init(books: String, shop: String, isGuarded: Bool = false) throws {
      scratch = try Scratch()
      let home = scratch.home
      try HomeSetup.makeFolders(home)
      // One program for both, as ours: which of them it is stands in its fourth word.
      _ = try scratch.script(
        Unit.ownExecutable, "if [ $4 = books ]; then\n\(books)\nelse\n\(shop)\nfi")
      let limits = "limits: {memory_mib: 64, open_files: 64, connections: 8}"
      let set = try CharterSet.load([
        CharterFile(
          name: "books.yaml",
          text: """
            {apiVersion: strongroom/v1, service: books, summary: Keeps., port: 7109, \(limits),
             operations: [{id: read, method: GET, path: /v1/x, callers: [shop]}]}
            """),
        CharterFile(
          name: "shop.yaml",
          text: """
            {apiVersion: strongroom/v1, service: shop, summary: Sells., port: 7110, \(limits),
             calls: [{service: books, operations: [read]}]}
            """),
      ])
      let clock = Clock.system
      let log = Log(service: "launcher", sink: LogSink { _ in }, clock: clock)
      let events = events
      var immutableGuard: ImmutableGuard?
      if isGuarded {
        let store = KnownGood(home)
        try PlatformSettings.write(Platform(), to: home)
        let programs = try store.takePrograms([Unit.ownExecutable], from: scratch.path)
        let pins = try store.pins(
          programs: programs, charters: [:], settings: PlatformSettings.bytes(of: Platform()))
        immutableGuard = try ImmutableGuard(
          store, pins: pins, clock: clock, randomness: .system, tell: { _, _ in })
      }
      launcher = try Launcher(
        Launcher.Parts(
          home: home, charters: set, binaries: isGuarded ? home.executablesFolder : scratch.path,
          environment: ["PATH": "/usr/bin:/bin"], clock: clock, log: log,
          immutableGuard: immutableGuard,
          isReady: { WholeFile.exists("\(home.path)/\($0).ready") },
          // Those of the stand answer while a file says so.
          answers: { WholeFile.exists("\(home.path)/\($0).hangs") ? .silent : .answered },
          livenessPause: .milliseconds(20),
          report: { events.add($0) }))
    }

    func pid(_ service: ServiceName) -> Int32? {
      LaunchRecord.all(scratch.home).first { $0.service == service }?.pid ?? nil
    }
  }

  final class Events: Sendable {
    private let held = Mutex<[LauncherEvent]>([])
    func add(_ event: LauncherEvent) { held.withLock { $0.append(event) } }
    var all: [LauncherEvent] { held.withLock { $0 } }
    var words: [String] { all.map { "\($0.kind.rawValue) \($0.service?.description ?? "")" } }
    func wait(_ count: Int, _ word: String) async throws -> Bool {
      for _ in 0..<400 {
        if words.filter({ $0 == word }).count >= count { return true }
        try await Task.sleep(for: .milliseconds(25))
      }
      return false
    }
  }

  static func service(_ name: String) -> String {
    """
    trap 'echo "{\\"bye\\":\\"\(name)\\"}"; rm -f "$2/\(name).ready"; exit 0' TERM
    touch "$2/\(name).ready"; while :; do sleep 0.02; done
    """
  }

  @Test func `starts callees first, restarts what dies, and drains callers first`() async throws {
    let stand = try Stand(books: Self.service("books"), shop: Self.service("shop"))
    try await stand.launcher.start()
    #expect(
      stand.events.words == [
        "starting books", "ready books", "starting shop", "ready shop", "up ",
      ])
    let first = try #require(stand.pid("books"))
    kill(first, SIGKILL)
    #expect(try await stand.events.wait(2, "ready books"))
    let second = try #require(stand.pid("books"))
    #expect(second != first)
    #expect(stand.events.words.contains("restarting books"))
    await stand.launcher.stop()
    #expect(stand.events.words.suffix(3) == ["stopped shop", "stopped books", "down "])
    #expect(ProcessTable.startTicks(second) == nil)
    #expect(LaunchRecord.all(stand.scratch.home).isEmpty)
    let log = try WholeFile.read(stand.scratch.home.logFile(of: "books")) ?? []
    #expect(String(decoding: log, as: UTF8.self) == "{\"bye\":\"books\"}\n")
  }

  @Test func `ends and starts anew what was ready and does not answer any more`() async throws {
    let stand = try Stand(books: Self.service("books"), shop: Self.service("shop"))
    try await stand.launcher.start()
    let (first, other) = (try #require(stand.pid("books")), stand.pid("shop"))
    // It runs and holds its port, but for nobody; a request to end would not be heard.
    kill(first, SIGSTOP)
    let silence = "\(stand.scratch.home.path)/books.hangs"
    try WholeFile.write([], to: silence)
    #expect(try await stand.events.wait(1, "restarting books"))
    unlink(silence)
    #expect(try await stand.events.wait(2, "ready books"))
    #expect(stand.pid("books") != first && stand.pid("shop") == other)
    await stand.launcher.stop()
  }

  @Test func `knows a service that hangs by its silence alone`() {
    var liveness = Liveness()
    let silence = [Liveness.Answer](repeating: .silent, count: Liveness.silentMax - 1)
    let hangs = (silence + [.answered] + silence + [.unknown, .silent]).map {
      liveness.hangs(after: $0)
    }
    #expect(hangs.last == true && !hangs.dropLast().contains(true))
  }

  @Test func `starts nothing but what was pinned`() async throws {
    let stand = try Stand(
      books: Self.service("books"), shop: Self.service("shop"), isGuarded: true)
    try await stand.launcher.start()
    let (home, program) = (stand.scratch.home, Unit.ownExecutable)
    let evil = try stand.scratch.script("evil", "touch \(stand.scratch.path)/evil-ran; sleep 60")
    let good = try WholeFile.read("\(home.executablesFolder)/\(program)")
    #expect(rename(evil, "\(home.executablesFolder)/\(program)") == 0)
    kill(try #require(stand.pid("books")), SIGKILL)
    #expect(try await stand.events.wait(2, "ready books"))
    #expect(try WholeFile.read("\(home.executablesFolder)/\(program)") == good)
    #expect(!WholeFile.exists("\(stand.scratch.path)/evil-ran"))
    // With no good copy left it is not started at all.
    for folder in [home.executablesFolder, "\(home.knownGoodFolder)/executables"] {
      try WholeFile.write(Array("#!/bin/false\n".utf8), to: "\(folder)/\(program)", mode: 0o700)
    }
    kill(try #require(stand.pid("books")), SIGKILL)
    #expect(try await stand.events.wait(2, "restarting books"))
    try await Task.sleep(for: .seconds(1))
    #expect(stand.pid("books") == nil)
    await stand.launcher.stop()
  }

  @Test func `tries again where a launch record cannot be written for a while`() async throws {
    let stand = try Stand(books: Self.service("books"), shop: Self.service("shop"))
    try await stand.launcher.start()
    let (launch, aside) = (stand.scratch.home.launchFolder, stand.scratch.path + "/aside")
    let first = try #require(stand.pid("books"))
    // As on a full disk: nothing can be made there.
    #expect(rename(launch, aside) == 0)
    try WholeFile.write([], to: launch)
    kill(first, SIGKILL)
    #expect(try await stand.events.wait(2, "restarting books"))
    unlink(launch)
    #expect(rename(aside, launch) == 0)
    for _ in 0..<400 where stand.pid("books") == first {
      try await Task.sleep(for: .milliseconds(25))
    }
    let second = try #require(stand.pid("books"))
    #expect(second != first && ProcessTable.startTicks(second) != nil)
    await stand.launcher.stop()
    #expect(stand.events.words.last == "down ")
  }

  @Test func `tries again where its program is not as pinned for a while`() async throws {
    let stand = try Stand(
      books: Self.service("books"), shop: Self.service("shop"), isGuarded: true)
    try await stand.launcher.start()
    let folder = stand.scratch.home.executablesFolder
    // Neither side can be mended from the other.
    let sides = [folder, "\(stand.scratch.home.knownGoodFolder)/executables"].map {
      "\($0)/\(Unit.ownExecutable)"
    }
    let good = try #require(try WholeFile.read(sides[0]))
    for side in sides { try WholeFile.write(Array("#!/bin/false\n".utf8), to: side, mode: 0o700) }
    kill(try #require(stand.pid("books")), SIGKILL)
    #expect(try await stand.events.wait(1, "restarting books"))
    try await Task.sleep(for: .seconds(1))
    #expect(stand.pid("books") == nil)
    for side in sides { try WholeFile.write(good, to: side, mode: 0o500) }
    #expect(try await stand.events.wait(2, "ready books"))
    await stand.launcher.stop()
  }

  @Test func `starts anew again one that refuses, once it was ready`() async throws {
    // Status 78 at its second start, as a service says whose authority is out of reach.
    let stand = try Stand(
      books: "[ -e $2/once ] && [ ! -e $2/twice ] && { touch $2/twice; exit 78; }; touch $2/once; "
        + Self.service("books"),
      shop: Self.service("shop"))
    try await stand.launcher.start()
    unlink("\(stand.scratch.home.path)/books.ready")
    kill(try #require(stand.pid("books")), SIGKILL)
    for _ in 0..<600 where stand.events.words.filter({ $0 == "ready books" }).count < 2 {
      try await Task.sleep(for: .milliseconds(25))
    }
    #expect(stand.events.words.filter { $0 == "ready books" }.count == 2)
    await stand.launcher.stop()
  }

  @Test func `starts anew who may have read what was changed, and nobody else`() async throws {
    let stand = try Stand(
      books: Self.service("books"),
      shop: "[ -e $2/once ] || { touch $2/once; sleep 60; }; \(Self.service("shop"))")
    let launcher = stand.launcher
    let starting = Task { try await launcher.start() }
    for _ in 0..<400 where !WholeFile.exists("\(stand.scratch.home.path)/once") {
      try await Task.sleep(for: .milliseconds(25))
    }
    let books = stand.pid("books")
    await stand.launcher.distrustStarting()
    try await starting.value
    #expect(stand.events.words.filter { $0 == "restarting shop" }.count == 1)
    #expect(stand.pid("books") == books && books != nil)
    await stand.launcher.stop()
  }

  @Test func `gives up with the last words of a service that refuses to start`() async throws {
    let stand = try Stand(
      books: "echo 'the store is corrupt: restore your backup'; exit 65",
      shop: Self.service("shop"))
    do throws(LaunchFailure) {
      try await stand.launcher.start()
      Issue.record("it came up")
    } catch {
      #expect(error.exitCode == .unavailable)
      #expect(error.description.contains("books did not get ready: it ended with status 65"))
      #expect(error.description.contains("restore your backup"))
    }
    await stand.launcher.stop()
    #expect(!stand.events.words.contains("starting shop"))
  }

  @Test func `tries three times before it gives up on one that crashes`() async throws {
    let stand = try Stand(books: "kill -SEGV $$", shop: Self.service("shop"))
    await #expect(throws: LaunchFailure.self) { try await stand.launcher.start() }
    await stand.launcher.stop()
    let starts = stand.events.words.filter { $0 == "starting books" }
    #expect(starts.count == RestartMachine.firstAttemptsMax)
  }
}

@Suite struct `The launcher's patience` {
  @Test func `grows with what a service keeps, for a migration may rewrite all of it`() throws {
    let scratch = try Scratch()
    try HomeSetup.makeFolders(scratch.home)
    let folder = scratch.home.dataFolder(of: "books")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    #expect(Patience.limit(for: Unit("books"), in: scratch.home) == .seconds(45))
    // With a hole: it takes no room.
    let file = open("\(folder)/books.sqlite", O_CREAT | O_WRONLY, 0o600)
    #expect(ftruncate(file, 1 << 30) == 0)
    close(file)
    #expect(Patience.limit(for: Unit("books"), in: scratch.home) == .seconds(45 + 256))
  }
}
