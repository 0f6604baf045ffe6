import Foundation

/// The rules of the house that a machine can hold. Each takes a file and names what is wrong in it,
/// so that each can be shown a bad sample.
enum Gate {
  /// Longest file, lines.
  static let linesMax = 400

  /// Modules that come with the toolchain.
  static let toolchain: Set<String> = [
    "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "PackageDescription", "Swift",
    "Synchronization", "Testing",
  ]

  /// The modules a file imports, by line.
  static func imports(_ text: String) -> [(line: Int, module: String)] {
    lines(text, with: "import ").compactMap { number, line in
      var words = line.split(separator: " ").map(String.init)
      let access: Set = ["package", "public", "internal", "private", "fileprivate"]
      while let first = words.first, first.hasPrefix("@") || access.contains(first) {
        words.removeFirst()
      }
      guard words.first == "import" else { return nil }
      words.removeFirst()
      let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      if let first = words.first, kinds.contains(first) { words.removeFirst() }
      let module = words.first.map { String($0.prefix { $0 != "." }) }
      // Code that is written by code (a skeleton's text) names no module.
      return module.flatMap { $0.hasPrefix("\\") ? nil : (number, $0) }
    }
  }

  /// Imports that the target's row in Package.swift does not declare.
  static func undeclaredImports(_ text: String, declared: Set<String>) -> [String] {
    imports(text).filter { !declared.contains($0.module) && !toolchain.contains($0.module) }
      .map { "line \($0.line): imports \($0.module), which Package.swift does not declare" }
  }

  /// What a target's row declares and no file of it imports: it is built, and linked, for nobody.
  static func idleDeclarations(_ texts: [String], declared: Set<String>) -> [String] {
    declared.subtracting(texts.flatMap { imports($0).map(\.module) }).sorted()
      .map { "declares \($0), which none of its files imports" }
  }

  static func length(_ text: String) -> [String] {
    let count = text.split(separator: "\n", omittingEmptySubsequences: false).count - 1
    return count > linesMax ? ["has \(count) lines; \(linesMax) at most"] : []
  }

  /// Drawers in the names of files, folders, types and functions.
  static func drawers(path: String, _ text: String) -> [String] {
    let parts = path.split(separator: "/").map { $0.replacing(".swift", with: "") }
    let inPath = parts.filter {
      $0.contains(/(Manager|Helpers?|Utils?|Common|Misc|Impl|Extensions)$/)
    }
    .map { "'\($0)' is a drawer's name" }
    let kinds: Set = ["struct", "class", "enum", "actor", "protocol", "typealias", "func"]
    let inText = ["Manager", "Helper", "Util", "Common", "Misc", "Impl"].flatMap { drawer in
      lines(text, with: drawer).compactMap { number, line -> String? in
        let words = line.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" })
        let names = zip(words, words.dropFirst()).filter { kinds.contains(String($0.0)) }.map(\.1)
        return names.first { $0.hasSuffix(drawer) }.map {
          "line \(number): '\($0)' is a drawer's name"
        }
      }
    }
    return inPath + inText
  }

  /// Clock, identifiers and environment taken from the air instead of through `init`.
  static func taken(_ text: String) -> [String] {
    find(
      text,
      [
        "Date()", "UUID()", "getenv(", "processInfo.environment",
        "clock_gettime(", "SystemRandomNumberGenerator", ".random(in:",
      ]
    ).map { "\($0) is not passed in" }
  }

  /// Pauses and their measure, which belong to Fabric and to the loops of runners.
  static func sleeping(_ text: String) -> [String] {
    find(text, ["Task.sleep", "ContinuousClock"]).map { "\($0) outside Fabric" }
  }

  static func visibility(_ text: String) -> [String] {
    let open = lines(text, with: "public ").filter {
      $0.line.drop { $0 == " " }.hasPrefix("public ") && !$0.line.contains("import ")
    }
    return open.map { "line \($0.number): nobody outside imports us, say 'package'" }
      + find(text, ["@testable"]).map { "\($0): 'package' is enough" }
      + ["TODO", "FIXME"].flatMap { lines(text, with: $0) }.filter { !$0.line.contains("#") }
      .map { "line \($0.number): to do, without an issue's number" }
  }

  static func storage(path: String, _ text: String) -> [String] {
    guard !path.hasPrefix("Sources/Fabric/Storage/") else { return [] }
    return imports(text).filter { ["GRDB", "SQLite3", "CSQLite"].contains($0.module) }
      .map { "line \($0.line): only Storage may import \($0.module)" }
  }

  /// The files of one `Migrations` folder: `0001-initial.sql`, its text in another dialect `0001-initial.postgres.sql`.
  static func migrations(_ names: [String]) -> [String] {
    let spelled = names.filter { $0.wholeMatch(of: /[0-9]{4}(-[a-z]+)+(\.postgres)?\.sql/) == nil }
    let numbers = names.filter { !$0.hasSuffix(".postgres.sql") }.map { $0.prefix(4) }.sorted()
    let gaps = zip(numbers, 1...).filter { Int($0) != $1 }
    return spelled.map { "'\($0)' is not spelled like 0001-initial.sql" }
      + gaps.map { "'\($0)' stands where \($1) comes next" }
  }

  /// Files that are replaced as a whole, past the one function that does it durably.
  static func replacing(path: String, _ text: String) -> [String] {
    guard !path.hasPrefix("Sources/Fabric/DurableFiles/") else { return [] }
    return find(
      text,
      [
        "rename(", "renameat(", "renameat2(", "O_TRUNC", "O_TMPFILE", ".atomic]", ".atomic)",
        "atomically:", ".moveItem(", ".replaceItem", ".createFile(",
      ]
    ).map { "\($0) replaces a file; DurableFile does that" }
  }

  /// Decisions by how a problem's type is spelled; `kind` is there for that.
  static func spelling(_ text: String) -> [String] {
    find(
      text,
      [
        "slug.hasPrefix(", "slug.hasSuffix(", "slug.contains(", "slug ==", "slug !=",
        ".contains(error.slug)", ".contains(problem.slug)", "switch error.slug",
        "switch problem.slug",
      ]
    ).map { "\($0) decides by spelling; a problem has a kind" }
  }

  /// Services that are known by name: as a text of its own, as a charter's `service`, or as a folder of services.
  static func serviceNames(_ text: String, among services: [String]) -> [String] {
    services.map { $0.lowercased() }.flatMap { name in
      text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        .compactMap { offset, line -> String? in
          guard !line.drop(while: { $0 == " " }).hasPrefix("//") else { return nil }
          let words = line.lowercased()
          let known = ["\"\(name)\"", "\"\(name)\\\"", "services/\(name)/"].contains {
            words.contains($0)
          }
          let declared = words.components(separatedBy: "service: ").dropFirst().contains {
            $0.prefix { $0.isLetter || $0.isNumber || $0 == "-" } == name
          }
          return known || declared ? "line \(offset + 1): knows \(name) by its name" : nil
        }
    }
  }

  /// Texts of migrations in one dialect without the other's beside them.
  static func migrationTwins(_ names: [String]) -> [String] {
    let (sqlite, postgres) = (".sql", ".postgres.sql")
    func stem(_ name: String, _ ending: String) -> String {
      String(name.dropLast(ending.count))
    }
    let texts = names.filter { $0.hasSuffix(sqlite) }
    let there = Set(texts.filter { $0.hasSuffix(postgres) }.map { stem($0, postgres) })
    let known = Set(texts.filter { !$0.hasSuffix(postgres) }.map { stem($0, sqlite) })
    return known.subtracting(there).sorted().map { "\($0)\(sqlite) has no \($0)\(postgres)" }
      + there.subtracting(known).sorted().map { "\($0)\(postgres) has no \($0)\(sqlite)" }
  }

  /// Where one of the words stands, not as the end of a longer name, outside comments.
  private static func find(_ text: String, _ words: [String]) -> [String] {
    words.flatMap { word in
      lines(text, with: word).compactMap { number, line -> String? in
        guard !line.drop(while: { $0 == " " }).hasPrefix("//"),
          let range = line.firstRange(of: word)
        else { return nil }
        let before = line[..<range.lowerBound].last
        let isTail = before.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
        return isTail && word.first?.isLetter == true ? nil : "line \(number): \(word)"
      }
    }
  }

  /// The lines that hold the word, with their numbers; quick when there is none.
  private static func lines(
    _ text: String, with word: String
  ) -> [(number: Int, line: Substring)] {
    guard text.range(of: word, options: .literal) != nil else { return [] }
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .filter { $0.element.range(of: word, options: .literal) != nil }
      .map { ($0.offset + 1, $0.element) }
  }
}
