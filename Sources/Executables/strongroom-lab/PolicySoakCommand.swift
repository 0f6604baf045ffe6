import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import PolicySoak

/// `soak policy`.
struct PolicySoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Drawn policies, decided by this engine, by regopy and by Open Policy Agent.",
    discussion: """
      Each seed gives a policy and inputs of the part of Rego that both claim; beside Open Policy Agent with \
      members of the input left out, inside 'not' above all. Ours decides plainly and \
      prepared for its data, which must agree, too. Prints each policy that they see differently, cut down \
      to what makes the difference; who of them is right is for OPA's documentation to say. What the peer \
      is known to have wrong is not drawn; those faults are asked of both first, and ours must have them \
      right. Exit codes: 0 no difference, 1 differences.
      """)

  @Option(help: "How many policies.")
  var seeds = 1_000

  @Option(help: "The first seed; the next are those after it.")
  var first: UInt64 = 1

  @Option(help: "Inputs for each policy.")
  var inputs = 4

  @Option(help: ArgumentHelp("A Python that has regopy.", valueName: "file"))
  var python: String

  @Option(
    help: ArgumentHelp(
      "Folder with Open Policy Agent's Python bindings; without it regopy alone is asked.",
      valueName: "dir"))
  var opa: String?

  @Flag(help: "Open Policy Agent alone.")
  var opaOnly = false

  @Option(help: ArgumentHelp("Checkout that has the peer's script.", valueName: "dir"))
  var charters: String?

  @Flag(help: "Also what the peer dies of.")
  var deaths = false

  @Flag(help: "Policies as they were drawn, and not cut down to what makes the difference.")
  var whole = false

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
      let folder = "\(try chartersFolder(charters))/Sources/Drills/PolicySoak"
      var disputes = 0
      do {
        for kind in [PolicyPeerKind.openPolicyAgent, .regopy] {
          guard kind == .regopy ? !opaOnly : opa != nil else { continue }
          let peer = PolicyPeer(
            python: python, script: "\(folder)/\(kind.script)",
            modules: kind == .openPolicyAgent ? opa : nil)
          defer { peer.end() }
          if kind == .regopy { try checkFaults(peer) }
          let figures = try soak(peer, kind)
          disputes += figures.disputes
          print(
            """
            \(kind.rawValue): policies \(seeds) from seed \(first), decisions \(seeds * inputs), of which both \
            decided \(figures.compared), policies seen differently \(figures.disputes), peer died \
            \(figures.deaths)
            """)
        }
        if disputes > 0 { throw ArgumentParser.ExitCode(1) }
      } catch PolicyPeer.Failure.cannotStart(let reason) {
        throw OperatorFailure("\(reason)", .noInput)
      }
    }
  }

  /// What the peer has wrong is not drawn; ours must have it right.
  private func checkFaults(_ peer: PolicyPeer) throws {
    var holding = 0
    for fault in PeerFault.all {
      let ours = PolicyDispute.ours(fault.question)[0]
      guard fault.isDocumented(ours) else {
        throw OperatorFailure(
          "\(fault.name): \(ours), documented (\(fault.rule)): \(fault.documented)", .failed)
      }
      if fault.isDocumented(try peer.answers(fault.question)[0]) {
        print("the peer has it right now: \(fault.name)")
      } else {
        holding += 1
      }
    }
    print("known faults of the peer that still hold: \(holding) of \(PeerFault.all.count)")
  }

  private func soak(_ peer: PolicyPeer, _ kind: PolicyPeerKind) throws -> (
    compared: Int, disputes: Int, deaths: Int
  ) {
    var (compared, disputes, died) = (0, 0, 0)
    for seed in first..<(first + UInt64(seeds)) {
      let question = PolicyDraw(seed: seed, inputs: inputs, beside: kind).question
      let answers = Array(
        zip(PolicyDispute.ours(question, beside: kind), try peer.answers(question)))
      compared += answers.count { PolicyDispute.isCompared($0.0, $0.1) }
      if answers.contains(where: { $0.1 == .died }) { died += 1 }
      let place = answers.firstIndex {
        if kind == .openPolicyAgent, PolicyDispute.isUncertain($0.0, $0.1) { return false }
        return !PolicyDispute.isSame($0.0, $0.1) || deaths && $0.1 == .died
      }
      guard let place else { continue }
      let (ours, theirs) = answers[place]
      if theirs != .died { disputes += 1 }
      guard !quiet else { continue }
      let one = PolicyQuestion(
        source: question.source, data: question.data, inputs: [question.inputs[place]])
      let dispute = PolicyDispute(seed: seed, question: one, ours: ours, theirs: theirs)
      print(whole ? dispute : try dispute.shrunk(beside: kind, peer.answers))
      fflush(nil)
    }
    return (compared, disputes, died)
  }
}
