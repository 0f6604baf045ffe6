import ArgumentParser
import Demo
import Chassis
import Foundation
import Launcher
import NIOPosix
import PolicyClient
import PolicyEngine
import StrictJSON
import Telemetry
import Vocabulary

/// What `up` passes on to the launcher, and the launcher understands.
struct LaunchOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Checkout, or folder of charters.", valueName: "dir"))
  var charters: String?

  @Option(
    help: ArgumentHelp(
      "Folder of a service to add: its charter.yaml, grants.yaml and program. May be repeated.",
      valueName: "dir"))
  var with: [String] = []

  @Option(
    help: ArgumentHelp(
      "Folder with the access policies of a home that has none (default: the checkout's Policies).",
      valueName: "dir"))
  var policies: String?

  @Option(
    help: ArgumentHelp(
      "Open Policy Agent on this machine that decides about access instead of our own engine, or 'none'.",
      valueName: "url"))
  var policyURL: String?

  @Option(
    help: ArgumentHelp(
      "How long access policies decide that nobody confirms any more (default 300).",
      valueName: "seconds"))
  var policyStaleSeconds: Int?

  @Option(
    help: ArgumentHelp(
      "Added to every internal port (7100–7106); not to the gateway's.", valueName: "n"))
  var portOffset: Int?

  @Option(help: ArgumentHelp("The gateway's public port (default 8443).", valueName: "n"))
  var gatewayPort: Int?

  @Option(
    help: ArgumentHelp(
      "IPv4 address of the gateway's public port (default 127.0.0.1).", valueName: "ip"))
  var bind: String?

  @Option(
    help: ArgumentHelp("OTLP/HTTP collector for traces, or 'none'.", valueName: "url"))
  var otlp: String?

  @Option(
    help: ArgumentHelp("Multiplies the gateway's rate limits, for load tests.", valueName: "n"))
  var limitsFactor: Int?

  @Option(
    help: ArgumentHelp(
      "Where the ledger keeps its books: postgresql://USER@HOST/DATABASE?passfile=FILE&sslmode=verify-full.",
      discussion: """
        Kept for the next 'up'. All parameters of libpq are taken but passwords, which belong into the \
        passfile; HOST may be a list. Only the ledger may reach the server.
        """, valueName: "location"))
  var ledgerDatabase: String?

  #if DEBUG
    @Option(
      help: ArgumentHelp("Leave a defence out, for tests of the drills.", visibility: .hidden))
    var weaken: [Weakness] = []
  #endif

  @Flag(
    help: "Refuse to start where any measure of confinement is missing, root's too (exit code 78).")
  var requireConfinement = false

  func validate() throws {
    if let portOffset, !(0...50_000).contains(portOffset) {
      throw ValidationError("--port-offset must be from 0 to 50000")
    }
    if let policyURL, policyURL != "none" {
      do throws(RemotePolicyFailure) {
        let address = try RemotePolicyAddress(policyURL)
        guard address.isLoopback, !address.isEncrypted else {
          throw RemotePolicyFailure.misconfigured(
            "--policy-url must be http://127.0.0.1, localhost or [::1]: an agent runs beside those whom it serves"
          )
        }
      } catch {
        throw ValidationError("\(error)")
      }
    }
    if let policyStaleSeconds, !(1...86_400).contains(policyStaleSeconds) {
      throw ValidationError("--policy-stale-seconds must be from 1 to 86400")
    }
    if let gatewayPort, !(1...65_535).contains(gatewayPort) {
      throw ValidationError("--gateway-port must be from 1 to 65535")
    }
    if let bind {
      var address = in_addr()
      guard inet_pton(AF_INET, bind, &address) == 1 else {
        throw ValidationError("--bind must be an IPv4 address, for example 127.0.0.1 or 0.0.0.0")
      }
    }
    if let otlp, otlp != "none", CollectorEndpoint(otlp) == nil {
      throw ValidationError(
        "--otlp must be http://127.0.0.1, localhost or [::1], with an optional port and path: a "
          + "collector elsewhere is reached through an agent on this machine")
    }
    _ = try databaseLocation(ledgerDatabase, option: "--ledger-database")
    if let limitsFactor, !(1...1_000_000).contains(limitsFactor) {
      throw ValidationError("--limits-factor must be from 1 to 1000000")
    }
  }

  var wishes: LauncherRun.Wishes {
    var wishes = LauncherRun.Wishes()
    wishes.bind = bind
    wishes.portOffset = portOffset
    wishes.gatewayPort = gatewayPort
    wishes.otlpEndpoint = otlp
    wishes.limitsFactor = limitsFactor
    // The services need no names, so they resolve none.
    wishes.policyURL = policyURL?.replacing("//localhost", with: "//127.0.0.1")
    wishes.policyStaleSeconds = policyStaleSeconds
    // Validated before.
    wishes.ledgerDatabase = try? databaseLocation(ledgerDatabase, option: "--ledger-database")
    #if DEBUG
      if !weaken.isEmpty { wishes.weakened = weaken }
    #endif
    wishes.requiresConfinement = requireConfinement
    return wishes
  }

  func run(_ home: Home) throws -> LauncherRun {
    let own = try ExecutableFile.ownPath()
    return LauncherRun(
      home: home, charters: try chartersFolder(charters), added: addedFolders(with),
      policies: try policiesFolder(policies),
      binaries: URL(filePath: own).deletingLastPathComponent().path(percentEncoded: false),
      wishes: wishes, environment: ProcessInfo.processInfo.environment, clock: Clock.system,
      randomness: .system)
  }

  /// The same options as words for another process.
  var words: [String] {
    var words: [String] = []
    func add(_ name: String, _ value: (some CustomStringConvertible)?) {
      if let value { words += [name, value.description] }
    }
    add("--charters", charters)
    for folder in addedFolders(with) { add("--with", folder) }
    add("--policies", policies.map(absolutePath))
    add("--policy-url", policyURL)
    add("--policy-stale-seconds", policyStaleSeconds)
    add("--port-offset", portOffset)
    add("--gateway-port", gatewayPort)
    add("--bind", bind)
    add("--otlp", otlp)
    add("--limits-factor", limitsFactor)
    add("--ledger-database", ledgerDatabase)
    #if DEBUG
      for weakness in weaken { add("--weaken", weakness.rawValue) }
    #endif
    if requireConfinement { words.append("--require-confinement") }
    return words
  }
}

#if DEBUG
  extension Weakness: ExpressibleByArgument {}
#endif

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Start the platform and wait until it is ready.",
    discussion: """
      Every service becomes a process of its own, in the order of the charters; a launcher in the
      background restarts what ends, until 'strongroom down'. With --foreground the command stays
      until Ctrl-C, and then drains.
      """)

  @OptionGroup var place: PlaceOptions
  @OptionGroup var launch: LaunchOptions

  @Flag(name: .shortAndLong, help: "Stay in the foreground until Ctrl-C.")
  var foreground = false

  @Flag(name: .shortAndLong, help: "Go to the background once ready (the default).")
  var detach = false

  @Flag(help: "Do not put the demo bank (invented people, a demo login) into the platform.")
  var noDemo = false

  func run() async throws {
    try await reporting(json: place.json) {
      let home = try place.place()
      // Both faults that a person can mend at once are found before anything is written.
      let files = try CharterFolder.read(
        chartersFolder(launch.charters), with: addedFolders(launch.with))
      _ = try CharterFolder.check(files)
      let refusals = try DeployGate.of(chartersFolder(launch.charters), policies: launch.policies)?
        .judge(files)
      if let refusals, !refusals.isEmpty {
        throw DeployGate.refused(refusals, json: place.json)
      }
      if HomeLock.isHeld(home) { throw LaunchFailure.runsAlready(pid: HomeLock.launcherPid(home)) }
      try await requireAgent(launch.wishes.applied(to: PlatformSettings.load(home)))
      try await launchAll(home)
    }
  }

  /// Who is to decide about access must be there, or nothing would come up for a reason that nobody names.
  private func requireAgent(_ platform: Platform) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    guard let agent = try RemoteRules.client(platform, group: group) else { return }
    defer { agent.close() }
    do throws(RemotePolicyFailure) {
      _ = try await agent.decide(RemoteRules.path, input: .object(.empty))
    } catch {
      throw OperatorFailure(
        "the agent at \(agent.address) that is to decide about access does not answer: \(error). Start it, or give "
          + "--policy-url none", .unavailable)
    }
  }

  /// Starts what was checked before, and says what to try next.
  func launchAll(_ home: Home) async throws {
    let progress = Progress(home: home, json: place.json)
    let outcome =
      foreground
      ? Outcome.ended(try await launch.run(home).run(report: progress.show))
      : try detached(home, progress)
    switch outcome {
    case .up: try await sayWhatNext(home)
    case .standsBy, .ended(.success): return
    case .ended(let code): throw ArgumentParser.ExitCode(code.rawValue)
    }
  }

  private enum Outcome {
    case up
    /// The launcher goes on, and brings everything up when it is this platform's turn.
    case standsBy
    case ended(CommandExit)
  }

  /// The demo login, and the next thing to try.
  private func sayWhatNext(_ home: Home) async throws {
    guard !noDemo else { return place.json ? () : print("\nNext: ./strongroom status") }
    let (_, _, line) = try place.running()
    let seeding = DemoSeeding(
      desk: OperatorDesk(line: line, randomness: .system), home: home, randomness: .system)
    let (_, login) = try await seeding.seed(
      DemoSeeding.defaultSeed, residents: DemoSeeding.defaultResidents)
    guard !place.json else {
      return printLine(
        .object(["login": .string(login.login), "password": .string(login.password)]))
    }
    print(
      """
        demo login    \(login.login)  \(login.password)

      Next: \(Terminal.output.styled("./strongroom demo", .cyan)) pays the demo bank's standing orders and tells one payment's story.
      Then: ./strongroom status · ./strongroom logs -f · ./strongroom down
      """)
  }

  /// Starts ourselves again as the launcher, in a session of its own, and shows what it reports
  /// until it is up, or stands by.
  private func detached(_ home: Home, _ progress: Progress) throws -> Outcome {
    let launcher = try DetachedLauncher.start(
      ["launcher", "--home", home.path] + launch.words)
    let interrupts = launcher.stoppingOnInterrupt()
    for line in launcher.lines {
      guard let event = LauncherEvent(line: line) else { continue }
      progress.show(event)
      switch event.kind {
      case .up: return .up
      case .standby: return .standsBy
      case .failed: return .ended(event.exitCode.flatMap(CommandExit.init) ?? .software)
      case .starting, .ready, .restarting, .stopped, .down: continue
      }
    }
    guard !interrupts.haveCome else { return .ended(.interrupted) }
    complain("the launcher ended without a word; see \(home.logFolder)/launcher.log")
    return .ended(.software)
  }
}

/// What `up` runs in the background. Not for people, so it is not in the help.
struct LauncherCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "launcher", abstract: "Keep the services of a home running.", shouldDisplay: false)

  @OptionGroup var place: PlaceOptions
  @OptionGroup var launch: LaunchOptions

  func run() async throws {
    try await reporting {
      let code = try await launch.run(place.place()).run { event in
        // When `up` has gone its end of the pipe is closed; the launcher goes on without an
        // audience.
        _ = event.line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      }
      throw ArgumentParser.ExitCode(code.rawValue)
    }
  }
}
