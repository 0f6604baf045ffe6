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

  @Test func `import all that Package.swift declares`() throws {
    let rows = try PackageRows.load()
    // Who has programs beside it has them built, and imports nothing of them.
    let programs = Set(rows.targets.filter { $0.type == "executable" }.map(\.name))
    var found: [String] = []
    for target in rows.targets where target.type != "test" {
      guard let path = target.path, path.hasPrefix("Sources/") else { continue }
      found += Gate.idleDeclarations(
        try Checkout.swiftFiles(path).map(\.text),
        declared: Set(target.dependencies.map(\.name)).subtracting(programs)
      ).map { "\(target.name) \($0)" }
    }
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

  @Test(arguments: [
    "Sources/Engines", "Sources/Contracts", "Sources/Fabric", "Sources/Services",
    "Sources/Executables",
  ])
  func `decide on a problem by its kind`(folder: String) throws {
    let found = try check(folder, "spelling") { Gate.spelling($0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func `replace files through DurableFile only`() throws {
    let found = try check("Sources", "replacing") { Gate.replacing(path: $0.path, $0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func `reach the database through Storage only`() throws {
    let found = try check("Sources", "storage") { Gate.storage(path: $0.path, $0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  /// What a service is to the others its charter says, or the contract of what is called.
  @Test(arguments: ["Sources/Fabric", "Sources/Engines/Charters"])
  func `know no service by its name`(folder: String) throws {
    let services = Checkout.folders(in: "Sources/Services")
    #expect(services.count >= 7)
    let found = try check(folder, "names") { Gate.serviceNames($0.text, among: services) }
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

  @Test func `refuses a declaration that nobody imports`() {
    let files = ["import Vocabulary\n", "package import Storage\n// import Tokens\n"]
    #expect(Gate.idleDeclarations(files, declared: ["Vocabulary", "Storage"]).isEmpty)
    #expect(Gate.idleDeclarations(files, declared: ["Vocabulary", "Tokens"]).count == 1)
    #expect(Gate.idleDeclarations([], declared: ["Storage"]).count == 1)
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

  @Test(arguments: [
    "  && !problem.slug.hasPrefix(\"transaction-token\")", "guard gone.contains(error.slug) else {",
    "if error.slug == Problem.notFound.slug {", "switch problem.slug {",
  ])
  func `refuses a decision by a problem's spelling`(line: String) {
    #expect(Gate.spelling(line).count == 1)
    #expect(Gate.spelling("reason: problem.slug)").isEmpty)
  }

  @Test(arguments: [
    "guard rename(draft, path) == 0 else {", "  Glibc.rename(draft, path)",
    "try data.write(to: url, options: .atomic)", "try data.write(to: url, options: [.atomic])",
    "try text.write(toFile: path, atomically: true, encoding: .utf8)",
    "let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)",
    "try FileManager.default.moveItem(atPath: draft, toPath: path)",
    "files.createFile(atPath: path, contents: data)",
  ])
  func `refuses another way to replace a file`(line: String) {
    #expect(Gate.replacing(path: "Sources/Services/A/A.swift", line).count == 1)
    #expect(Gate.replacing(path: "Sources/Fabric/DurableFiles/A.swift", line).isEmpty)
    #expect(Gate.replacing(path: "Sources/A.swift", "let unrenamed = prerename(a, b)").isEmpty)
  }

  @Test(arguments: [
    "let issuer: ServiceName = \"gateway\"", "case \"ledger\" where platform.hasDatabase:",
    "  - {service: ledger, operations: [a]}", "\"Sources/Services/Ledger/charter.yaml\"",
    "after: \"contract(\\\"Ledger\\\")\"",
  ])
  func `refuses a service's name`(line: String) {
    #expect(Gate.serviceNames(line, among: ["Gateway", "Ledger"]).count == 1)
    #expect(Gate.serviceNames("// \(line)", among: ["Gateway", "Ledger"]).isEmpty)
    #expect(Gate.serviceNames("\"gateway_port\"", among: ["Gateway"]).isEmpty)
    #expect(Gate.serviceNames("{service: \\(other)}", among: ["Gateway"]).isEmpty)
  }

  @Test func `refuses the database outside Storage`() {
    #expect(Gate.storage(path: "Sources/Services/Ledger/A.swift", "import GRDB").count == 1)
    #expect(Gate.storage(path: "Sources/Fabric/Storage/A.swift", "import GRDB").isEmpty)
  }
}
