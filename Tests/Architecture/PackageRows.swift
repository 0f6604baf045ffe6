import Foundation
import Synchronization

/// What Package.swift declares, as SwiftPM itself reads it.
struct PackageRows: Sendable {
  struct Target: Decodable, Sendable {
    let name: String
    let type: String
    let path: String?
    let dependencies: [Dependency]
  }
  /// `{"byName": ["X", null]}` or `{"product": ["X", "package", null, null]}`.
  struct Dependency: Decodable, Sendable {
    let name: String
    init(from decoder: any Decoder) throws {
      let fields = try decoder.singleValueContainer().decode([String: [Name?]].self)
      guard let name = fields.values.first?.first??.text else {
        throw DecodingError.dataCorrupted(
          .init(codingPath: decoder.codingPath, debugDescription: "a dependency without a name"))
      }
      self.name = name
    }
    /// Some places of the list hold objects (conditions); only text is a name.
    struct Name: Decodable {
      let text: String?
      init(from decoder: any Decoder) throws {
        text = try? decoder.singleValueContainer().decode(String.self)
      }
    }
  }
  private struct Dump: Decodable { let targets: [Target] }

  let targets: [Target]

  private static let cached = Mutex<PackageRows?>(nil)

  /// Asks SwiftPM once. A scratch folder of its own, because the test run holds the lock of the
  /// usual one.
  static func load() throws -> PackageRows {
    try cached.withLock { cached in
      if let cached { return cached }
      let scratch = FileManager.default.temporaryDirectory
        .appending(path: "strongroom-architecture-\(ProcessInfo.processInfo.processIdentifier)")
      defer { try? FileManager.default.removeItem(at: scratch) }
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [
        "swift", "package", "--package-path", Checkout.root.path(percentEncoded: false),
        "--scratch-path", scratch.path(percentEncoded: false), "dump-package",
      ]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      let bytes = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      let rows = PackageRows(targets: try JSONDecoder().decode(Dump.self, from: bytes).targets)
      cached = rows
      return rows
    }
  }

  /// Services by their folder's name, with the contracts of others that the row declares.
  var services: [(name: String, calls: Set<String>)] {
    targets.filter { $0.path?.hasPrefix("Sources/Services/") == true }.map { target in
      let contracts = target.dependencies.map(\.name).filter {
        $0.hasSuffix("API") && !["\(target.name)API", "WorkloadAPI", "OpenAPI"].contains($0)
      }
      return (target.name, Set(contracts.map { String($0.dropLast(3)).lowercased() }))
    }
  }
}
