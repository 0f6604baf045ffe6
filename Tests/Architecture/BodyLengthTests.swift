import Testing

/// A function is read in one look and a type in one sitting.
@Suite struct `Functions and types` {
  @Test(arguments: ["Sources", "Tests"])
  func `are short, or on a list that only shrinks`(folder: String) throws {
    var found: [String] = []
    var used: Set<String> = []
    for file in try Checkout.swiftFiles(folder) where !file.path.hasSuffix(".pb.swift") {
      for body in BodyLength.bodies(file.text) where body.lines > body.kind.linesMax {
        let place = "\(file.path): \(body.name)"
        used.insert(place)
        if let known = LongBodies.known[place], body.lines <= known { continue }
        found.append("\(place) has \(body.lines) lines; \(body.kind.linesMax) at most")
      }
    }
    let idle = LongBodies.known.keys.filter { $0.hasPrefix(folder + "/") && !used.contains($0) }
    found += idle.map { "\($0) is not too long any more; take it off the list" }
    #expect(found.isEmpty, "\(found.sorted().joined(separator: "\n"))")
  }

  @Test(arguments: [
    ("func", "func pay() {", 60), ("init", "package init(_ a: Int) throws {", 60),
    ("type", "package struct Payment: Sendable {", 250), ("type", "extension Payment {", 250),
  ])
  func `are seen to be too long`(kind: String, opening: String, most: Int) {
    func text(_ lines: Int) -> String {
      "  \(opening)\n" + String(repeating: "    let a = 1\n", count: lines - 2) + "  }\n"
    }
    #expect(BodyLength.bodies(text(most)).filter { $0.lines > $0.kind.linesMax }.isEmpty)
    #expect(BodyLength.bodies(text(most + 1)).filter { $0.lines > $0.kind.linesMax }.count == 1)
  }

  @Test func `are told apart from what only looks like one`() {
    let text = """
      // func far() {
      let words = ["class", "init"]
      func near() { 1 }
      func declared(
        _ a: Int
      ) -> Int {
        a
      }
      """
    #expect(BodyLength.bodies(text).map(\.lines) == [1, 5])
    #expect(BodyLength.bodies(text).map(\.name) == ["near", "declared"])
  }
}

/// Measures declarations by their indentation, which `swift format` keeps.
enum BodyLength {
  enum Kind {
    case function, type

    /// The longest that one look takes, lines with its first and last.
    var linesMax: Int { self == .function ? 60 : 250 }
  }

  struct Body {
    let kind: Kind
    let name: String
    let lines: Int
  }

  private static let types: Set<Substring> = [
    "struct", "class", "actor", "enum", "extension", "protocol",
  ]
  private static let functions: Set<Substring> = ["func", "init", "deinit", "subscript"]
  private static let modifiers: Set<Substring> = [
    "package", "private", "fileprivate", "internal", "static", "final", "override", "mutating",
    "nonmutating", "nonisolated", "indirect", "borrowing", "consuming", "convenience", "required",
  ]

  /// All declarations of a file that have a body, in its order.
  static func bodies(_ text: String) -> [Body] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.indices.compactMap { at in
      guard let (kind, name) = opening(lines[at]) else { return nil }
      return Body(kind: kind, name: name, lines: end(of: at, in: lines) - at + 1)
    }
  }

  private static func indent(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }

  private static func opening(_ line: Substring) -> (Kind, String)? {
    let words = line.split { $0 == " " || $0 == "(" || $0 == "<" }
    var rest = words.drop { $0.hasPrefix("@") || modifiers.contains($0) }
    // 'class func' and 'class var' are members; a class has a name behind the word.
    if rest.first == "class", let next = rest.dropFirst().first, functions.contains(next) {
      rest = rest.dropFirst()
    }
    guard let word = rest.first else { return nil }
    let kind: Kind
    if functions.contains(word), rest.count > 1 || !line.hasSuffix(",") {
      kind = .function
    } else if types.contains(word) {
      kind = .type
    } else {
      return nil
    }
    return (kind, name(word, line))
  }

  private static func name(_ word: Substring, _ line: Substring) -> String {
    guard word != "init", word != "deinit", word != "subscript",
      let range = line.firstRange(of: "\(word) ")
    else { return String(word) }
    let behind = line[range.upperBound...]
    if behind.first == "`" {
      return String(behind.dropFirst().prefix { $0 != "`" })
    }
    return String(behind.prefix { !" (<:{".contains($0) })
  }

  /// The line that closes it: the first with its indentation that begins with a brace, or itself.
  private static func end(of start: Int, in lines: [Substring]) -> Int {
    let (depth, first) = (indent(lines[start]), lines[start])
    if first.hasSuffix("}") { return start }
    for at in lines.indices[start...].dropFirst() where !lines[at].isEmpty {
      let here = indent(lines[at])
      if here == depth, lines[at].dropFirst(depth).first == "}" { return at }
      if here < depth { return start }
      // A requirement of a protocol has no body: what follows it is its neighbour.
      if here == depth, !")".contains(lines[at].dropFirst(depth).first ?? " ") {
        if !lines[at].hasSuffix("{") || opening(lines[at]) != nil { return start }
      }
    }
    return start
  }
}
