import ArgumentParser
import Foundation
import PolicyDocuments
import PolicyEngine

/// Where policies and data come from; the same for `eval`, `bench` and `test`.
struct PolicySources: ParsableArguments {
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Policy or data, file or folder.", valueName: "path"))
  var data: [String] = []

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Bundle: archive or folder.", valueName: "path"))
  var bundle: [String] = []

  func load(_ more: [String] = []) throws -> PolicyFiles {
    var files = PolicyFiles()
    try files.add(paths: data + more)
    try files.add(bundles: bundle, verification: nil)
    return files
  }
}

/// The input document of a query.
struct PolicyInput: ParsableArguments {
  @Option(name: .shortAndLong, help: ArgumentHelp("Input document.", valueName: "file"))
  var input: String?

  @Flag(name: [.customShort("I"), .long], help: "Input document from standard input.")
  var stdinInput = false

  func validate() throws {
    guard input == nil || !stdinInput else {
      throw ValidationError("--input and --stdin-input exclude each other")
    }
  }

  func load() throws -> Value? {
    if stdinInput {
      let bytes = try FileHandle.standardInput.readToEnd() ?? Data()
      return try PolicyFiles.document(bytes, name: "standard input")
    }
    return try input.map { try PolicyFiles.document(try PolicyFiles.read($0), name: $0) }
  }
}
