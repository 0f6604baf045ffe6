import ArgumentParser
import Charters
import Commands
import DurableFiles
import Foundation
import Launcher
import OperatorCommands
import StrictJSON
import Vocabulary

struct CharterNewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Begin a service: it builds, runs, and is refused everything else.",
    discussion: """
      Writes a service that works as a whole, to be made another one: three operations, one of them \
      public, a table and a machine, with charter, OpenAPI document, contract, migrations and tests. \
      Besides new files there is one line, at the end of Package.swift, and the list of services, which \
      is written anew. Nothing is written when the charters would not hold together afterwards. With \
      --program it is a service in another language (Python to begin \
      with): a folder of its own in the current one, nothing else is changed and nothing is built; \
      'strongroom sidecar --help' tells what the program sees.
      """)

  @Argument(help: "Name of the service ([a-z][a-z0-9]*), for example 'loans'.")
  var name: String

  @Option(help: ArgumentHelp("The checkout (default: found upwards from here).", valueName: "dir"))
  var charters: String?

  @Flag(help: "Begin a program behind a sidecar, in the folder NAME.")
  var program = false

  @Flag(help: "One JSON document.")
  var json = false

  func run() async throws {
    try await reporting(json: json) {
      let root = try chartersFolder(charters)
      do {
        let written = try program ? writeProgram(root) : write(root)
        if json {
          printLine(.object(["written": .array(written.map { .string($0) })]))
        } else {
          let command = PrintedCommand(program: calledAs, home: nil)
          for path in written { print("  \(Terminal.output.styled("✓", .green)) \(path)") }
          print(
            program
              ? "Next: \(command.text("down")), then \(command.text("up", "--with", name))"
              : "Next: \(command.text("charter", "check")), then \(command.text("down")) && \(command.text("up"))"
          )
        }
      } catch let refusal as ServiceSkeleton.Refusal {
        throw OperatorFailure(refusal.description, .badInput)
      }
    }
  }

  /// Paths that were written, sorted.
  private func write(_ root: String) throws -> [String] {
    let charters = try CharterFolder.load(root)
    let skeleton = try ServiceSkeleton(name, among: charters)
    guard let package = try WholeFile.read("\(root)/\(ServiceSkeleton.packageFile)") else {
      throw OperatorFailure(
        "\(root)/\(ServiceSkeleton.packageFile) is missing: is this a checkout?", .noInput)
    }
    var files = skeleton.newFiles
    for path in files.keys where WholeFile.exists("\(root)/\(path)") {
      throw OperatorFailure("\(path) is there already; nothing was written", .badInput)
    }
    try check(files, root)
    files[ServiceSkeleton.packageFile] =
      String(decoding: package, as: UTF8.self) + skeleton.row
    let present = WholeFile.names(in: "\(root)/Sources/Services").filter {
      WholeFile.exists("\(root)/Sources/Services/\($0)/charter.yaml")
    }
    files[ServiceSkeleton.listFile] = ServiceSkeleton.list(
      of: ServiceSkeleton.shared(present, among: charters) + [skeleton.module])
    for (path, text) in files.sorted(by: { $0.key < $1.key }) {
      let file = URL(filePath: "\(root)/\(path)")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try DurableFile.write(
        Array(text.utf8), to: file.path(percentEncoded: false), .asFound)
    }
    return files.keys.sorted()
  }

  /// The files of a program's folder, once the charters hold together with them.
  private func writeProgram(_ root: String) throws -> [String] {
    let files = try ProgramSkeleton(name, among: CharterFolder.load(root)).files
    let folder = URL(filePath: name)
    guard !FileManager.default.fileExists(atPath: folder.path(percentEncoded: false)) else {
      throw OperatorFailure("\(name) is there already; nothing was written", .badInput)
    }
    _ = try CharterFolder.check(
      CharterFolder.read(root)
        + files.filter { $0.key.hasSuffix(".yaml") }.map {
          CharterFile(name: "\(name)/\($0.key)", text: $0.value)
        })
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    for (path, text) in files {
      try DurableFile.write(
        Array(text.utf8), to: folder.appending(path: path).path(percentEncoded: false), .asFound)
    }
    return files.keys.sorted().map { "\(name)/\($0)" }
  }

  /// The charters as they would be afterwards.
  private func check(_ files: [String: String], _ root: String) throws {
    let new = files.filter { $0.key.hasSuffix("charter.yaml") }
    _ = try CharterFolder.check(
      CharterFolder.read(root) + new.map { CharterFile(name: $0.key, text: $0.value) })
  }
}
