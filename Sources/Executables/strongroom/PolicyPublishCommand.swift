import ArgumentParser
import Charters
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import PolicyBundles
import StrictJSON
import Vocabulary

struct PolicyPublishCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish", abstract: CommandAbstract.policyPublish,
    discussion: """
      Reads access/*.rego and data.json. They must pass their own tests, which must reach every line, and the \
      gate's questions: no policies may allow what the charters do not, or lock out what keeps the platform running.
      Services take the new version between two requests; each says so with 'policy status' and in the audit log.
      Exit code 65 when the policies are refused, 69 when a service does not take them in time.
      """)

  @Argument(help: "Folder of policies (default: the checkout's Policies).")
  var folder: String?

  @OptionGroup var place: PlaceOptions

  @Flag(help: "Judge only; sign and publish nothing.")
  var check = false

  /// Longest wait for all services to take a version.
  static let takenMax: Duration = .seconds(15)

  func run() async throws {
    try await reporting(json: place.json) {
      let home = try place.place()
      let folder = try policiesFolder(folder)
      // What runs is what the home's copies say; a home that was never up has none.
      let charters = try CharterFolder.load(
        WholeFile.exists(home.platformFile) ? home.chartersFolder : chartersFolder(nil))
      if check {
        let faults = AccessGate(
          charters, at: Clock.system.now(), randomness: .system
        ).faults(of: try PolicyFolder.read(folder))
        guard faults.isEmpty else {
          throw LaunchFailure.badPolicies(folder: folder, faults: faults)
        }
        if !place.json { print("the gate has no objection to \(folder)") }
        return
      }
      guard WholeFile.exists(home.platformFile) else { throw LaunchFailure.notRunning }
      let published = try PolicyOffice.of(home).publish(from: folder, for: charters)
      guard HomeLock.isHeld(home) else {
        return tell(published, "the platform takes it at its next 'up'", taken: nil)
      }
      try await untilTaken(published)
    }
  }

  private func untilTaken(_ published: PolicyOffice.Published) async throws {
    let began = ContinuousClock.now
    let (_, charters, line) = try place.running()
    try await line.connect()
    var late = charters.startOrder
    while !late.isEmpty {
      let standings = await PolicyStanding.all(late, line)
      late = late.filter {
        standings[$0]?.sha256 != published.sha256 || standings[$0]?.trouble != nil
      }
      guard ContinuousClock.now - began < Self.takenMax else {
        let names = late.map(\.description).joined(separator: ", ")
        throw OperatorFailure(
          "version \(published.version) is published, and \(names) did not take it; see: \(place.printed.text("policy", "status"))",
          .unavailable)
      }
      if !late.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    tell(
      published,
      "in force at all \(charters.startOrder.count) services after \(String(format: "%.1f", seconds)) s",
      taken: charters.startOrder.count)
  }

  private func tell(_ published: PolicyOffice.Published, _ state: String, taken: Int?) {
    guard place.json else {
      return print(
        "version \(published.version) of the access policies is signed: \(state)\n  sha256 \(published.sha256)"
      )
    }
    printLine(
      .object([
        "version": .integer(Int64(published.version)), "sha256": .string(published.sha256),
        "services": taken.map { .integer(Int64($0)) } ?? .null,
      ]))
  }
}

struct PolicyStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: CommandAbstract.policyStatus,
    discussion:
      "Exit code 1 unless all services decide by the same version, and nothing newer was refused.")

  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await reporting(json: place.json) {
      let (home, charters, line) = try place.running()
      try await line.connect()
      let services = charters.startOrder
      let standings = await PolicyStanding.all(services, line)
      let published = try? PolicyOffice.of(home).current()
      if place.json {
        printLine(
          .object([
            "published": published.map { .integer(Int64($0.version)) } ?? .null,
            "services": .array(services.map { Self.json($0, standings[$0]) }),
          ]))
      } else {
        print(
          Terminal.output.table(
            [["SERVICE", "POLICIES", "NEWEST BUNDLE"]]
              + services.map { service in
                let standing = standings[service]
                return [
                  service.description, standing.map { "version \($0.version)" } ?? "unreachable",
                  standing.map { $0.trouble ?? $0.agent.map { "\($0) decides" } ?? "in force" }
                    ?? "–",
                ]
              }))
        print(
          "published: " + (published.map { "version \($0.version)" } ?? "nothing that is signed"))
      }
      let isEven = services.allSatisfy {
        standings[$0]?.version == published?.version && standings[$0]?.trouble == nil
      }
      guard isEven, published != nil else {
        throw ArgumentParser.ExitCode(CommandExit.failed.rawValue)
      }
    }
  }

  private static func json(_ service: ServiceName, _ standing: PolicyStanding?) -> JSON {
    .object([
      "service": .string(service.description),
      "version": standing.map { .integer(Int64($0.version)) } ?? .null,
      "refused": standing?.refused.map { .string($0) } ?? .null,
      "stale": standing.map { .bool($0.isStale) } ?? .null,
      "agent": standing?.agent.map { .string($0) } ?? .null,
    ])
  }
}

extension PolicyOffice {
  static func of(_ home: Home) -> PolicyOffice {
    PolicyOffice(
      home, platform: PlatformSettings.read(home), clock: Clock.system, randomness: .system)
  }
}

/// What a service says about the policies that it decides by.
struct PolicyStanding: Sendable {
  let version: Int
  /// The bundle's digest.
  let sha256: String?
  /// Why the newest bundle is not taken.
  let refused: String?
  let isStale: Bool
  /// Who decides in its place.
  let agent: String?

  var trouble: String? { isStale ? "STALE: nothing is decided" : refused }

  /// Services that do not answer are left out.
  static func all(_ services: [ServiceName], _ line: OperatorLine) async -> [ServiceName:
    PolicyStanding]
  {
    await withTaskGroup(of: (ServiceName, PolicyStanding?).self) { group in
      for service in services { group.addTask { (service, await ask(service, line)) } }
      var standings: [ServiceName: PolicyStanding] = [:]
      for await (service, standing) in group { standings[service] = standing }
      return standings
    }
  }

  private static func ask(_ service: ServiceName, _ line: OperatorLine) async -> PolicyStanding? {
    guard let answer = try? await line.send(.get, "/readyz", to: service, within: .seconds(3)),
      let body = try? JSON.parse(answer.body), let version = body["policy_version"]?.integer
    else { return nil }
    return PolicyStanding(
      version: Int(version), sha256: body["policy_sha256"]?.string,
      refused: body["policy_refused"]?.string, isStale: body["policy_stale"] == .bool(true),
      agent: body["policy_agent"]?.string)
  }
}
