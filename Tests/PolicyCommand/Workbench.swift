import Foundation
import PolicyEngine
import Testing

/// A folder of its own, and the built command in it.
struct Workbench {
  static let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."
  let folder: String

  init(_ files: [String: String] = [:]) throws {
    folder = NSTemporaryDirectory() + "policy-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, text) in files { try write(name, text) }
  }

  func write(_ name: String, _ text: String) throws {
    let file = URL(filePath: "\(folder)/\(name)")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/\(name)")), as: UTF8.self)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  struct Outcome {
    let code: Int32
    let output: String
    let errors: String

    var json: Value? { try? Value.parse(json: output.utf8) }
  }

  /// `strongroom policy WORDS` in the folder.
  func policy(_ words: String..., input: String? = nil) throws -> Outcome {
    try run(["\(Self.checkout)/.build/debug/strongroom", "policy"] + words, input: input)
  }

  func run(_ words: [String], input: String? = nil) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(filePath: words[0])
    process.arguments = Array(words.dropFirst())
    process.currentDirectoryURL = URL(filePath: folder)
    // Files rather than pipes: nobody reads one while the other fills.
    func handle(_ name: String, _ text: String = "") throws -> FileHandle {
      try write(name, text)
      return try FileHandle(forUpdating: URL(filePath: "\(folder)/\(name)"))
    }
    process.standardOutput = try handle(".stdout")
    process.standardError = try handle(".stderr")
    process.standardInput = try handle(".stdin", input ?? "")
    try process.run()
    process.waitUntilExit()
    defer {
      for name in [".stdin", ".stdout", ".stderr"] {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
    return Outcome(
      code: process.terminationStatus, output: try read(".stdout"), errors: try read(".stderr"))
  }
}

/// With a workbench that goes away afterwards.
func withWorkbench(_ files: [String: String] = [:], _ body: (Workbench) throws -> Void) throws {
  let bench = try Workbench(files)
  defer { bench.remove() }
  try body(bench)
}
