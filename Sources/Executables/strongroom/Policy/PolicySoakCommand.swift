import ArgumentParser
import Chassis
import Foundation
import Launcher
import PolicySoak

/// `soak policy`.
struct PolicySoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Drawn policies, decided by this engine and by regopy.",
    discussion: """
      Each seed gives a policy and inputs of the part of Rego that both claim. Ours decides plainly and
      prepared for its data, which must agree, too. Prints each policy that they see differently; who of
      them is right is for OPA's documentation to say. Exit codes: 0 no difference, 1 differences.
      """)

  @Option(help: "How many policies.")
  var seeds = 1_000

  @Option(help: "The first seed; the next are those after it.")
  var first: UInt64 = 1

  @Option(help: "Inputs for each policy.")
  var inputs = 4

  @Option(help: ArgumentHelp("A Python that has regopy.", valueName: "file"))
  var python: String

  @Option(help: ArgumentHelp("Checkout that has the peer's script.", valueName: "dir"))
  var charters: String?

  @Flag(help: "Only the figures.")
  var quiet = false

  func validate() throws {
    guard (1...10_000_000).contains(seeds) else {
      throw ValidationError("--seeds must be 1–10,000,000")
    }
    guard (1...100).contains(inputs) else { throw ValidationError("--inputs must be 1–100") }
  }

  func run() async throws {
    try await reporting(json: false) {
      let peer = PolicyPeer(
        python: python,
        script: "\(try chartersFolder(charters))/Sources/Drills/PolicySoak/peer.py")
      defer { peer.end() }
      var (decisions, disputes) = (0, 0)
      do {
        for seed in first..<(first + UInt64(seeds)) {
          let draw = PolicyDraw(seed: seed, inputs: inputs)
          let theirs = try peer.answers(draw)
          let all = zip(draw.inputs, zip(PolicyDispute.ours(draw), theirs))
          decisions += inputs
          let first = all.first { !PolicyDispute.isSame($0.1.0, $0.1.1) }
          guard let (input, (ours, other)) = first else { continue }
          disputes += 1
          guard !quiet else { continue }
          print(PolicyDispute(draw: draw, input: input, ours: ours, theirs: other))
        }
      } catch PolicyPeer.Failure.cannotStart(let reason) {
        throw OperatorFailure("\(reason)", .noInput)
      }
      print(
        "policies \(seeds) from seed \(first), decisions \(decisions), policies seen differently "
          + "\(disputes), peer died \(peer.crashes)")
      if disputes > 0 { throw ArgumentParser.ExitCode(1) }
    }
  }
}
