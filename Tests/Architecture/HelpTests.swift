import Testing

/// The parser wraps what the help says at 80 columns and keeps every line break: a longer line that was broken by hand too
/// comes out ragged, and an example in two parts.
@Suite struct `The help of the command` {
  static let columns = 80

  /// Lines of discussions that come out broken.
  static func broken(_ source: String) -> [String] {
    var broken: [String] = []
    for part in source.split(separator: "discussion: \"\"\"\n").dropFirst() {
      guard let end = part.firstRange(of: "\"\"\"") else { continue }
      let lines = part[..<end.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
      let indent = lines.last?.count ?? 0
      var joined = [""]
      for line in lines.dropLast().map({ $0.dropFirst(indent) }) {
        // Two backslashes are one in the text; one alone takes the line break away.
        let goesOn = line.hasSuffix("\\") && !line.hasSuffix("\\\\")
        joined[joined.count - 1] += goesOn ? line.dropLast() : line
        if !goesOn { joined.append("") }
      }
      for (line, next) in zip(joined, joined.dropFirst()) where line.count > columns {
        // What is put in says nothing about its length here.
        guard !line.contains("\\(") else { continue }
        let isExample = line.hasPrefix(" ") || line.hasPrefix("{")
        let isCut = !next.isEmpty && line.last != "." && line.last != ":"
        if isExample || isCut { broken.append(line) }
      }
    }
    return broken
  }

  @Test func `is wrapped once`() throws {
    let files = try ["Sources/Executables", "Sources/Fabric/OperatorCommands"].flatMap {
      try Checkout.swiftFiles($0)
    }
    let found = files.flatMap { file in Self.broken(file.text).map { "\(file.path): \($0)" } }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func `is seen to be wrapped twice`() {
    let long = String(repeating: "word ", count: 20)
    func source(_ text: String) -> String {
      "abstract: \"\", discussion: \"\"\"\n  \(text)\n  \"\"\""
    }
    #expect(Self.broken(source("\(long)and\n  so on.")).count == 1)
    #expect(Self.broken(source("  ./strongroom \(long)")).count == 1)
    #expect(Self.broken(source("{\"a\": \"\(long)\"}")).count == 1)
    #expect(Self.broken(source("\(long)and \\\n  so on.")).isEmpty)
    #expect(Self.broken(source("\(long)and so on.\n  Another sentence.")).isEmpty)
  }
}
