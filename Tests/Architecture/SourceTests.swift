import Testing

@Suite struct `The sources` {
  @Test func `import only what Package.swift declares`() throws {
    let rows = try PackageRows.load()
    var found: [String] = []
    for target in rows.targets where target.type != "test" {
      guard let path = target.path, path.hasPrefix("Sources/") else { continue }
      let declared = Set(target.dependencies.map(\.name)).union([target.name])
      for file in try Checkout.swiftFiles(path) {
        found += Gate.undeclaredImports(file.text, declared: declared).map { "\(file.path) \($0)" }
      }
    }
    #expect(rows.targets.count > 30)
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test(arguments: ["Sources", "Tests"])
  func `keep files short, and no drawers`(folder: String) throws {
    let found =
      try check(folder, "length") { Gate.length($0.text) }
      + check(folder, "drawers") { Gate.drawers(path: $0.path, $0.text) }
      + check(folder, "visibility") { Gate.visibility($0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test(arguments: [
    "Sources/Vocabulary", "Sources/Engines", "Sources/Contracts", "Sources/Services",
  ])
  func `take clock, ids and environment through init`(folder: String) throws {
    let found =
      try check(folder, "taken") { Gate.taken($0.text) }
      + check(folder, "sleeping") { Gate.sleeping($0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func `reach the database through Storage only`() throws {
    let found = try check("Sources", "storage") { Gate.storage(path: $0.path, $0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  /// Findings of a gate over a folder. An exception that is not needed any more is a finding too.
  private func check(
    _ folder: String, _ gate: String, _ body: (Checkout.SourceFile) -> [String]
  ) throws -> [String] {
    let excused = Exceptions.all[gate] ?? [:]
    var found: [String] = []
    var used: Set<String> = []
    // The gates' own tests hold the bad samples.
    for file in try Checkout.swiftFiles(folder) where !file.path.hasPrefix("Tests/Architecture/") {
      let findings = body(file)
      if excused[file.path] == nil {
        found += findings.map { "\(file.path) \($0)" }
      } else if !findings.isEmpty {
        used.insert(file.path)
      }
    }
    let idle = excused.keys.filter { $0.hasPrefix(folder + "/") && !used.contains($0) }
    return found + idle.map { "\($0) needs no exception from '\(gate)' any more" }
  }
}

/// A gate that never refused anything proves nothing.
@Suite struct `Each gate` {
  @Test(arguments: [
    "import Storage", "package import Storage", "@preconcurrency import Storage",
    "import struct Storage.Row", "@_spi(x) public import Storage // why",
  ])
  func `refuses an undeclared import`(line: String) {
    #expect(
      Gate.undeclaredImports("import Vocabulary\n\(line)\n", declared: ["Vocabulary"]).count == 1)
    #expect(Gate.undeclaredImports(line, declared: ["Storage"]).isEmpty)
    #expect(Gate.undeclaredImports("// import Storage\nlet important = 1", declared: []).isEmpty)
  }

  @Test func `refuses line 401`() {
    let most = String(repeating: "x\n", count: Gate.linesMax)
    #expect(Gate.length(most).isEmpty)
    #expect(Gate.length(most + "x\n").count == 1)
  }

  @Test(arguments: [
    ("Sources/Fabric/Utils/A.swift", ""), ("Sources/A/PaymentManager.swift", ""),
    ("Sources/A/StringExtensions.swift", ""), ("Sources/A/A.swift", "struct LedgerHelper {"),
    ("Sources/A/A.swift", "package final class StoreImpl: Store {"),
  ])
  func `refuses a drawer`(path: String, text: String) {
    #expect(Gate.drawers(path: path, text).count == 1)
  }

  @Test(arguments: [
    "let now = Date()", "let id = UUID()", "clock_gettime(CLOCK_REALTIME, &time)",
    "let home = ProcessInfo.processInfo.environment[\"HOME\"]", "getenv(\"HOME\")",
    "Int.random(in: 0..<3)",
  ])
  func `refuses what is taken from the air`(line: String) {
    #expect(Gate.taken(line).count == 1)
    #expect(Gate.taken("  // \(line)").isEmpty)
    #expect(Gate.sleeping("let now = ContinuousClock.now").count == 1)
    #expect(Gate.sleeping("try await Task.sleep(for: .seconds(1))").count == 1)
    #expect(Gate.taken("CivilDate()").isEmpty)
  }

  @Test(arguments: [
    "public struct A {", "@testable import Ledger", "// TODO later", "  public let a = 1",
  ])
  func `refuses public, @testable and idle TODOs`(line: String) {
    #expect(Gate.visibility(line).count == 1)
  }

  @Test func `refuses the database outside Storage`() {
    #expect(Gate.storage(path: "Sources/Services/Ledger/A.swift", "import GRDB").count == 1)
    #expect(Gate.storage(path: "Sources/Fabric/Storage/A.swift", "import GRDB").isEmpty)
  }
}
