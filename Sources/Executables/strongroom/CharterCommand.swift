import ArgumentParser
import Charters
import Commands
import Foundation
import Launcher
import OperatorCommands
import StrictJSON
import Vocabulary

struct CharterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "charter", abstract: "Check all charters together, or begin a new service.",
    subcommands: [CharterCheckCommand.self, CharterNewCommand.self])
}

struct CharterCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read all charters together and name every fault, then ask the deploy gate.",
    discussion: """
      Each fault comes as file:line:column with a hint. Charters that hold together are judged by the \
      organisation's policies: Policies/deploy with the lists in Policies/data.json. Exit code 65 when there \
      is a fault or a refusal, and when the policies are missing or wrong. A purpose that no role allows is \
      a warning, with the line to add.
      """
  )

  @Argument(help: "Checkout, or folder of charters (default: found upwards from here).")
  var path: String?

  @Option(help: ArgumentHelp("The same as PATH.", valueName: "dir"))
  var charters: String?

  @Option(help: ArgumentHelp("Folder of a service to add. May be repeated.", valueName: "dir"))
  var with: [String] = []

  @Option(
    help: ArgumentHelp("Folder of policies (default: the checkout's Policies).", valueName: "dir"))
  var policies: String?

  @Option(
    help: ArgumentHelp(
      "Kubernetes manifests to judge by Policies/kubernetes. May be repeated.", valueName: "file"))
  var manifest: [String] = []

  @Flag(help: "One JSON document.")
  var json = false

  func run() async throws {
    try await reporting(json: false) {
      let folder = try chartersFolder(path ?? charters)
      do {
        let files = try CharterFolder.read(folder, with: addedFolders(with))
        let set = try CharterFolder.check(files)
        let gate = try gate(folder)
        let refusals = try gate.map { gate in
          try gate.judge(files, of: set) + manifest.flatMap { try gate.judge(manifests: $0) }
        }
        if let refusals, !refusals.isEmpty { throw refused(refusals) }
        let gaps = gate.map { PurposeGap.all(set, in: files, by: $0.data) } ?? []
        let edges = set.charters.flatMap(\.calls).map(\.operations.count).reduce(0, +)
        if json {
          printLine(
            .object([
              "charters": .integer(Int64(set.charters.count)), "faults": .array([]),
              "warnings": .array(gaps.map(Self.json)),
            ]))
        } else {
          print(
            "\(set.charters.count) charters hold together: \(edges) edges, "
              + "\(set.publicRoutes.count) public routes, start order "
              + set.startOrder.map(\.description).joined(separator: " → "))
          print(
            gate.map { "the deploy gate has no objection (\($0.policies) policy files)" }
              ?? "the deploy gate was not asked: this folder is no checkout, and --policies names none"
          )
          DeployGate.warn(of: gaps)
        }
      } catch LaunchFailure.badCharters(let faults) where json {
        printLine(.object(["faults": .array(faults.faults.map(Self.json))]))
        throw ArgumentParser.ExitCode(CommandExit.badInput.rawValue)
      } catch LaunchFailure.badCharters(let faults) {
        let here = FileManager.default.currentDirectoryPath + "/"
        print(faults.description.replacing(here, with: ""))
        complain("\(faults.faults.count) fault(s) in the charters")
        throw ArgumentParser.ExitCode(CommandExit.badInput.rawValue)
      }
    }
  }

  private func gate(_ folder: String) throws -> DeployGate? {
    try DeployGate.of(folder, policies: policies, isNeeded: !manifest.isEmpty)
  }

  private func refused(_ refusals: [DeployGate.Refusal]) -> any Error {
    DeployGate.refused(refusals, json: json)
  }

  private static func json(_ gap: PurposeGap) -> JSON {
    .object([
      "kind": .string("purpose-without-role"), "file": .string(gap.file),
      "line": .integer(Int64(gap.line)), "column": .integer(1), "purpose": .string(gap.purpose),
      "operations": .array(gap.operations.map { .string($0) }), "hint": .string(gap.hint),
    ])
  }

  private static func json(_ fault: CharterFault) -> JSON {
    var fields: [String: JSON] = [
      "kind": .string(fault.kind.rawValue), "file": .string(fault.place.file),
      "line": .integer(Int64(fault.place.line)), "column": .integer(Int64(fault.place.column)),
      "message": .string(fault.message),
    ]
    if let hint = fault.hint { fields["hint"] = .string(hint) }
    return .object(fields)
  }
}

extension DeployGate {
  /// A checkout without policies is refused; a plain folder of charters has none.
  static func of(_ charters: String, policies: String?, isNeeded: Bool = false) throws
    -> DeployGate?
  {
    if let policies { return try DeployGate(policies) }
    guard WholeFile.exists("\(charters)/Charters") || isNeeded else { return nil }
    return try DeployGate("\(charters)/\(PolicyFolder.name)")
  }

  /// Tells what will be refused to everybody, which is no fault: the purpose may be for later.
  static func warn(of gaps: [PurposeGap]) {
    let here = FileManager.default.currentDirectoryPath + "/"
    for gap in gaps { complain(gap.description.replacing(here, with: "")) }
  }

  /// Tells the refusals and ends the command.
  static func refused(_ refusals: [Refusal], json: Bool) -> any Error {
    if json {
      let values = refusals.map { refusal -> JSON in
        .object([
          "kind": .string(refusal.rule), "file": .string(refusal.file),
          "line": .integer(Int64(refusal.line)), "column": .integer(1),
          "message": .string(refusal.message),
        ])
      }
      printLine(.object(["faults": .array([]), "refusals": .array(values)]))
    } else {
      let here = FileManager.default.currentDirectoryPath + "/"
      for refusal in refusals { print(refusal.description.replacing(here, with: "")) }
      complain("the deploy gate has \(refusals.count) objection(s)")
    }
    return ArgumentParser.ExitCode(CommandExit.badInput.rawValue)
  }
}
