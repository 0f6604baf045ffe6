import ArgumentParser
import Charters
import Commands
import Foundation
import Launcher
import OperatorCommands
import Sandbox
import Vocabulary

struct DeployCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deploy",
    abstract: "Put a service in force, if the deploy gate and the build's digests allow it.",
    discussion: """
      CHARTER is a charter.yaml, or the folder that holds it: of this checkout, or of a service to add. All charters \
      are checked together; then Policies/deploy judges this one with what is to run and with what the build \
      made: a file as sha256sum writes it, built.sha256 beside the executables, or in the folder of a service that \
      is added. What is allowed is started like 'up' does it; a platform that runs is drained first.
      Exit code 65 when the gate refuses.
      """)

  @Argument(help: "charter.yaml, or its folder.")
  var charter: String

  @OptionGroup var up: UpCommand

  @Option(
    help: ArgumentHelp(
      "Digests of what was built, as sha256sum writes them (default: built.sha256).",
      valueName: "file"))
  var built: String?

  @Flag(help: "Judge only.")
  var check = false

  func run() async throws {
    try await reporting(json: up.place.json) {
      let checkout = try chartersFolder(up.launch.charters)
      let folder = try self.folder()
      let isAdded = !folder.hasPrefix(checkout + "/Sources/Services/")
      let added = up.launch.with + (isAdded ? [folder] : [])
      let files = try CharterFolder.read(checkout, with: addedFolders(added))
      let charters = try CharterFolder.check(files)
      guard let file = files.first(where: { $0.name == "\(folder)/charter.yaml" }),
        let charter = try charters[Charter.parse(file: file.name, text: file.text).service]
      else { throw LaunchFailure.noCharter(folder: folder) }
      guard let gate = try DeployGate.of(checkout, policies: up.launch.policies, isNeeded: true)
      else { return }
      var refusals = try gate.judge(
        [file], of: charters, artifacts: artifacts(of: charter, in: folder))
      for other in files where other.name != file.name {
        // What is added beside it runs as well.
        let added = addedFolders(added).first { other.name == "\($0)/charter.yaml" }
        let charter = try added.flatMap { _ in
          try charters[Charter.parse(file: other.name, text: other.text).service]
        }
        refusals += try gate.judge(
          [other], of: charters,
          artifacts: charter.flatMap { charter in
            try added.map { try artifacts(of: charter, in: $0) }
          })
      }
      guard refusals.isEmpty else { throw DeployGate.refused(refusals, json: up.place.json) }
      if !up.place.json { print("the deploy gate has no objection to \(charter.service)") }
      guard !check else { return }
      var next = up
      next.launch.with = added
      let home = try up.place.place()
      if HomeLock.isHeld(home) { try await DownCommand.stop(home, json: up.place.json) }
      try await next.launchAll(home, demo: .leave)
    }
  }

  private func folder() throws -> String {
    let path = absolutePath(charter)
    return path.hasSuffix("/charter.yaml") ? String(path.dropLast("/charter.yaml".count)) : path
  }

  /// What lies in an added service's folder besides its program.
  private static let papers: Set<String> = [
    "charter.yaml", "grants.yaml", "openapi.yaml", "built.sha256", "README.md",
  ]

  /// The digests of all that runs: our executables, or every file of the program's folder and what its command names
  /// elsewhere. The system's interpreters are the system's.
  private func artifacts(of charter: Charter, in folder: String) throws -> DeployGate.Artifacts {
    let binaries = URL(filePath: try ExecutableFile.ownPath()).deletingLastPathComponent()
      .path(percentEncoded: false)
    let base = charter.program == nil ? binaries : folder + "/"
    var present: [String: String] = [:]
    func digest(_ name: String, at path: String) throws {
      present[name] = "sha256:" + (try FileDigest.file(path))
    }
    if let program = charter.program {
      for name in try Self.files(below: folder) where !Self.papers.contains(name) {
        try digest(name, at: base + name)
      }
      for word in program.command
      where word.hasPrefix("/") && !word.hasPrefix("/usr/") && WholeFile.exists(word) {
        try digest(word, at: word)
      }
    } else {
      for name in WholeFile.names(in: binaries)
      where name.hasPrefix("strongroom") && access(base + name, X_OK) == 0 && !name.contains(".") {
        try digest(name, at: base + name)
      }
    }
    return DeployGate.Artifacts(
      present: present, built: try Self.digests(in: built ?? base + "built.sha256"))
  }

  /// Plain files by their path below the folder; a link, whose target may change, is refused.
  private static func files(below folder: String, _ prefix: String = "", depth: Int = 0) throws
    -> [String]
  {
    guard depth < 16 else { throw OperatorFailure("\(folder): folders nest too deeply", .badInput) }
    return try WholeFile.names(in: folder).flatMap { name -> [String] in
      guard let facts = FileFacts(at: "\(folder)/\(name)") else { return [] }
      if facts.isFile { return [prefix + name] }
      guard facts.isFolder else {
        throw OperatorFailure("\(folder)/\(name) is no plain file", .badInput)
      }
      return try files(below: "\(folder)/\(name)", "\(prefix)\(name)/", depth: depth + 1)
    }
  }

  /// `DIGEST  NAME` a line, as sha256sum writes it; nothing where there is no such file.
  private static func digests(in file: String) throws -> [String: String] {
    guard let bytes = try WholeFile.read(file) else { return [:] }
    var digests: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard words.count == 2, words[0].count == 64 else {
        throw OperatorFailure("\(file): '\(line.prefix(80))' is no line of sha256sum", .badInput)
      }
      digests[String(words[1].drop { $0 == "*" })] = "sha256:\(words[0].lowercased())"
    }
    return digests
  }
}
