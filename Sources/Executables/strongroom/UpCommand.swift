import ArgumentParser
import Charters
import Chassis
import Commands
import Demo
import Foundation
import Launcher
import NIOPosix
import OperatorCommands
import PolicyBundles
import PolicyClient
import PolicyEngine
import StrictJSON
import Vocabulary

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Start the platform and wait until it is ready.",
    discussion: """
      Every service becomes a process of its own, in the order of the charters; a launcher in the \
      background restarts what ends, until 'strongroom down'. With --foreground the command stays \
      until Ctrl-C, and then drains.
      """)

  @OptionGroup var place: PlaceOptions
  @OptionGroup var launch: LaunchOptions

  @Flag(name: .shortAndLong, help: "Stay in the foreground until Ctrl-C.")
  var foreground = false

  @Flag(name: .shortAndLong, help: "Go to the background once ready (the default).")
  var detach = false

  @Flag(
    inversion: .prefixedNo,
    help: """
      Put the demo bank (invented people, a login whose password is printed) into the platform. Without \
      either, only the first 'up' of a home at a terminal does; never where --bind lets others in.
      """)
  var demo: Bool?

  func run() async throws {
    try await reporting(json: place.json) {
      let home = try place.place()
      // Both faults that a person can mend at once are found before anything is written.
      let files = try CharterFolder.read(
        chartersFolder(launch.charters), with: addedFolders(launch.with))
      let set = try CharterFolder.check(files)
      let gate = try DeployGate.of(chartersFolder(launch.charters), policies: launch.policies)
      let refusals = try gate?.judge(files, of: set)
      if let refusals, !refusals.isEmpty {
        throw DeployGate.refused(refusals, json: place.json)
      }
      if HomeLock.isHeld(home) { throw LaunchFailure.runsAlready(pid: HomeLock.launcherPid(home)) }
      let platform = try launch.wishes.applied(to: PlatformSettings.load(home), of: set)
      try DoorPapers.check(platform, at: Clock.system.now())
      try await requireAgent(platform)
      let choice = demoChoice(home, platform)
      guard choice != .refuse else { throw OperatorFailure(DemoChoice.refusal, .usage) }
      try warnOfGaps(set, files, gate, home, platform)
      tellFiles(set, platform)
      try await launchAll(home, demo: choice)
    }
  }

  /// Where there is a database for all stores: who keeps a file nevertheless, and why.
  private func tellFiles(_ charters: CharterSet, _ platform: Platform) {
    guard platform.database != nil, !place.json else { return }
    for charter in charters.charters where charter.port != nil && charter.store.server == .never {
      let why =
        charter.program == nil
        ? "its charter does not say 'store: {server: allowed}'" : "it is the sidecar of a program"
      complain("\(charter.service) keeps its store in a file: \(why)")
    }
  }

  /// What the policies that will decide refuse to everybody: those in force here, or the folder's where there are none yet.
  private func warnOfGaps(
    _ charters: CharterSet, _ files: [CharterFile], _ gate: DeployGate?, _ home: Home,
    _ platform: Platform
  ) throws {
    guard platform.policyURL == nil, !place.json else { return }
    // A bundle that is not as it was signed is the launcher's to tell of.
    let office = PolicyOffice(home, platform: platform, clock: .system, randomness: .system)
    let inForce = (try? office.current()) ?? nil
    guard let data = inForce?.draft.data ?? gate?.data else { return }
    let gaps = PurposeGap.all(charters, in: files, by: data)
    DeployGate.warn(of: gaps)
    if !gaps.isEmpty, inForce != nil {
      complain("then publish the change: \(place.printed.text("policy", "publish"))")
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

  /// Before anything is written: whether this is the first time is seen by what is there.
  private func demoChoice(_ home: Home, _ platform: Platform) -> DemoChoice {
    DemoChoice(
      DemoChoice.Facts(
        isFirst: !WholeFile.exists(home.platformFile), hasDemo: DemoLogin.read(home) != nil,
        isInteractive: Terminal.output.isTerminal && isatty(STDIN_FILENO) == 1 && !place.json,
        bind: platform.gatewayBind), asked: demo == true, declined: demo == false)
  }

  /// Starts what was checked before, and says what to try next.
  func launchAll(_ home: Home, demo: DemoChoice) async throws {
    let rootKey = try launch.keeping.rootKey(of: home, place)
    let words =
      ["--home", home.path] + launch.words + (rootKey == nil ? [] : ["--root-key-on-input"])
    let outcome =
      foreground
      ? Outcome.ended(
        try ForegroundLauncher.become(
          words + (place.json ? ["--json"] : []), input: rootKey?.handover ?? []))
      : try detached(home, words, rootKey)
    switch outcome {
    case .up: try await sayWhatNext(home, demo)
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
  private func sayWhatNext(_ home: Home, _ demo: DemoChoice) async throws {
    if demo == .warn { complain(DemoChoice.warning) }
    guard demo == .seed else {
      return place.json ? () : print("\nNext: \(place.printed.text("status"))")
    }
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

      Next: \(Terminal.output.styled(place.printed.text("demo"), .cyan)) pays the demo bank's standing orders and tells one payment's story.
      Then: \(place.printed.text("status"))
            \(place.printed.text("logs", "-f"))
            \(place.printed.text("down"))
      """)
  }

  /// Starts the launcher in a session of its own, and shows what it reports until it is up, or stands by.
  private func detached(
    _ home: Home, _ words: [String], _ rootKey: HandedRootKey?
  ) throws -> Outcome {
    let progress = LaunchProgress(of: home, place)
    let launcher = try DetachedLauncher.start(words, input: rootKey?.handover ?? [])
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
