import Chassis
import Foundation
import LedgerSoak
import Testing
import Vocabulary

/// Public tools that know nothing of us, with their own arithmetic.
enum Bookkeeper: String, CaseIterable, CustomTestStringConvertible {
  case beancount, hledger, ledger

  var testDescription: String { rawValue }
  var format: String { self == .beancount ? "beancount" : "ledger" }

  func command(_ file: String) -> [String] {
    switch self {
    case .beancount: ["/usr/bin/bean-check", file]
    case .hledger: ["/usr/bin/hledger", "-f", file, "check"]
    case .ledger: ["/usr/bin/ledger", "-f", file, "balance"]
    }
  }
}

@Suite(.serialized) struct `Exported books` {
  @Test func `balance for public tools, which notice two cents`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/ledger-export-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await SoakWriter(folder: folder, callers: 4, clock: .system).run(batches: 40)
    let store = "\(folder)/ledger/ledger.sqlite"
    #expect(try run(["ledger", "verify", "--store", store]).code == 0)
    var checked = 0
    for bookkeeper in Bookkeeper.allCases {
      let text = try run(["ledger", "export", "--format", bookkeeper.format, "--store", store]).text
      let file = "\(folder)/books.\(bookkeeper.format)"
      guard FileManager.default.isExecutableFile(atPath: bookkeeper.command(file)[0]) else {
        print("skipped: \(bookkeeper.rawValue) is not installed")
        continue
      }
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let verdict = try start(bookkeeper.command(file))
      #expect(verdict.code == 0, "\(bookkeeper): \(verdict.text.suffix(500))")
      try twoCentsMore(text).write(toFile: file, atomically: true, encoding: .utf8)
      #expect(try start(bookkeeper.command(file)).code != 0, "\(bookkeeper) believes anything")
      checked += 1
    }
    print("exported books: \(checked) of \(Bookkeeper.allCases.count) public tools agree")
  }

  /// The same books with one posting, and its counterpart, two cents off: Beancount tolerates one.
  private func twoCentsMore(_ text: String) throws -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let title = try #require(lines.firstIndex { $0.contains(" * ") })
    let postings = lines.indices.filter { $0 > title && lines[$0].hasPrefix("  Liabilities:") }
    for line in postings.prefix(2) {
      let words = lines[line].split(separator: " ").map(String.init)
      let amount = try #require(Decimal(string: words[1]))
      let more = try #require(Decimal(string: "0.02"))
      let other = amount > 0 ? amount + more : amount - more
      lines[line] = "  \(words[0])  \(other) EUR"
    }
    return lines.joined(separator: "\n")
  }

  private func run(_ words: [String]) throws -> (code: Int32, text: String) {
    let checkout = #filePath.components(separatedBy: "/Tests/").first ?? "."
    return try start(["\(checkout)/.build/debug/strongroom"] + words)
  }

  private func start(_ words: [String]) throws -> (code: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(filePath: words[0])
    process.arguments = Array(words.dropFirst())
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    // Beancount keeps what it has read beside the file otherwise, and hledger wants a UTF-8 locale.
    process.environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}
