import ArgumentParser
import Chassis
import Commands
import Foundation
import Launcher
import OperatorCommands
import PolicyBench
import PolicyBundles
import PolicyDocuments
import PolicyEngine
import Vocabulary

/// `bench policy`.
struct PolicyContestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "The policy engine beside others that can be had, with the same policies and inputs.",
    discussion: """
      One core, one decision after the other; policies are compiled beforehand. 'from JSON' begins each \
      decision with the input as JSON text. The others are called from Python, so that their figures hold \
      what their Python interface costs. A real Open Policy Agent takes part where the environment variable \
      OPA_BIN names its executable; its figures are those of its own timer, without HTTP and JSON. Each decision \
      of theirs is held against ours.
      """)

  @Option(help: "Seconds of each run.")
  var seconds = 3.0

  @Option(
    help: ArgumentHelp(
      "A Python that has regopy and cedarpy; without it only ours is measured.", valueName: "file"))
  var python: String?

  @Option(help: ArgumentHelp("Checkout whose deploy policies are measured.", valueName: "dir"))
  var charters: String?

  @Option(help: ArgumentHelp("Only workloads whose names begin so.", valueName: "name"))
  var only = ""

  @Flag(help: "One JSON document.")
  var json = false

  func validate() throws {
    guard (0.1...600).contains(seconds) else { throw ValidationError("--seconds must be 0.1–600") }
  }

  func run() async throws {
    try await reporting(json: json) {
      try countAllocations()
      let workloads =
        [
          .roleBased, .paths, .rules(100), .rules(1_000), .rules(10_000), try deployGate(),
        ] + (try serviceEdge())
      let chosen = workloads.filter { $0.name.hasPrefix(only) }
      guard !chosen.isEmpty else {
        let names = workloads.map(\.name).joined(separator: ", ")
        throw OperatorFailure("there is no workload \(only); there are: \(names)", .usage)
      }
      var figures: [ContestFigures] = []
      var documents: [Value] = []
      do {
        for workload in chosen {
          let contest = try PolicyContest(workload)
          documents.append(workload.document(expected: try contest.decisions()))
          for readsJSON in [false, true] {
            let ours = try contest.run(readsJSON: readsJSON, for: .seconds(seconds))
            figures.append(ours)
            if !json { print(Self.line(ours)) }
          }
        }
      } catch {
        throw OperatorFailure("\(error)", .software)
      }
      if let python {
        for others in try peers(python, .array(documents)) {
          figures.append(others)
          if !json { print(Self.line(others)) }
        }
      }
      if json { print(String(decoding: try JSONEncoder().encode(figures), as: UTF8.self)) }
    }
  }

  /// Goes on as a process in which allocations are counted; not where that library was not built.
  private func countAllocations() throws {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let library = URL(filePath: program).deletingLastPathComponent().appending(
      path: HeapCount.library)
    HeapCount.begin(
      program: program, library: library.path(percentEncoded: false),
      arguments: Array(CommandLine.arguments.dropFirst()))
  }

  /// What every service asks for every request: our access policies as they are shipped, for all that the charters let
  /// happen. With somebody's token and without, as these cost differently.
  private func serviceEdge() throws -> [PolicyWorkload] {
    let root = try chartersFolder(charters)
    let draft = try PolicyFolder.read("\(root)/\(PolicyFolder.name)").distributed
    let gate = AccessGate(
      try CharterFolder.load(root), at: Clock.system.now(), randomness: .system)
    let questions = gate.soundQuestions()
    let kinds: [(AccessEdge.Behalf, String)] = [(.nobody, "edge"), (.person, "edge, token")]
    return kinds.map { behalf, name in
      let chosen = questions.filter { $0.question.edge.behalf == behalf }
      return PolicyWorkload(
        name: name, modules: draft.modules, data: draft.data,
        query: "data.strongroom.access.decision", inputs: chosen.map(\.question.value),
        known: chosen.map(\.known))
    }
  }

  /// Our deploy policies over two hundred charters, half of which break rules.
  private func deployGate() throws -> PolicyWorkload {
    do {
      let root = try chartersFolder(charters)
      var files = PolicyFiles()
      try files.add(paths: ["\(root)/\(PolicyFolder.name)"])
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(root)/Sources/Services")
      let charters = try names.sorted().map { name in
        let path = "\(root)/Sources/Services/\(name)/"
        return try ["charter", "openapi"].map {
          try PolicyFiles.document(try PolicyFiles.read(path + $0 + ".yaml"), name: $0 + ".yaml")
        }
      }
      let inputs = (0..<200).map { number -> Value in
        let pair = charters[number % charters.count]
        var charter = pair[0]
        if case .object(var members) = charter, number % 2 == 1 {
          members[.string("secrets")] = .array([])
          members[.string("egress")] = .array([
            .object(
              ObjectValue([
                (.string("host"), .string("host\(number).example")),
                (.string("port"), .number(Number(Int64(443)))),
              ]))
          ])
          charter = .object(members)
        }
        return .object(
          ObjectValue([
            (.string("charter"), charter), (.string("contract"), pair[1]),
            (.string("stage"), .string("check")),
          ]))
      }
      return PolicyWorkload(
        name: "deploy gate",
        modules: files.modules.filter {
          $0.file.contains("/deploy/") && !$0.file.hasSuffix("_test.rego")
        },
        data: files.data, query: "data.strongroom.deploy.deny", inputs: inputs)
    } catch let error as PolicyFilesError {
      throw OperatorFailure("\(error)", .noInput)
    }
  }

  private func peers(_ python: String, _ documents: Value) throws -> [ContestFigures] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "policy-bench-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let work = folder.appending(path: "work.json").path(percentEncoded: false)
    try Data(documents.jsonText.utf8).write(to: URL(filePath: work))
    let script = "\(try chartersFolder(charters))/Sources/Drills/PolicyBench/peers.py"
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = [script, work, "\(seconds)"]
    let output = Pipe()
    process.standardOutput = output
    do {
      try process.run()
    } catch {
      throw OperatorFailure("\(python) cannot be started: \(error.localizedDescription)", .noInput)
    }
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return try bytes.split(separator: 0x0a).map {
      try JSONDecoder().decode(ContestFigures.self, from: Data($0))
    }
  }

  private static func line(_ figures: ContestFigures) -> String {
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    return padded(figures.workload, 13) + padded(figures.engine, 22)
      + String(
        format: "%10.0f decisions/s  p50 %9.2f µs  p99 %9.2f µs", figures.perSecond,
        figures.p50Microseconds, figures.p99Microseconds)
      + (figures.allocations.map { String(format: "%9.1f allocations", $0) } ?? "")
      + (figures.different > 0 ? "  \(figures.different) decided otherwise" : "")
  }
}
