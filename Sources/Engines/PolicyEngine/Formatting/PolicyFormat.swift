/// A policy in the one layout that `fmt` gives it: tabs, one space around operators, bodies on
/// lines of their own, at most one empty line.
///
/// It lays out the words of the source and never the parsed terms: what a policy means cannot
/// change, and comments stay where they are. Line breaks of the author stay, too. Two things are
/// rewritten: `;` between lines goes, and `=` in a rule's head becomes `:=`, which it means.
package enum PolicyFormat {
  /// - Throws: `PolicyError` where the source is no policy.
  package static func format(_ source: String, file: String) throws(PolicyError) -> String {
    let (tokens, comments) = try Lexer.words(of: source, file: file)
    let parser = try Parser.finished(tokens, file: file)
    var layout = Layout(
      bytes: Array(source.utf8), bodyBraces: parser.bodyBraces, headEquals: parser.headEquals)
    return layout.text(of: tokens, comments)
  }

  /// Whether two sources say the same, however they are laid out.
  /// - Throws: `PolicyError` where one is no policy.
  package static func isSamePolicy(_ left: String, _ right: String) throws(PolicyError) -> Bool {
    SyntaxShape.text(of: try Parser.module(left, file: ""))
      == SyntaxShape.text(of: try Parser.module(right, file: ""))
  }
}

/// A word or a comment, with what its place in the source says.
private struct Item {
  let kind: Token.Kind?
  let range: Range<Int>
  let line: Int
  /// Where it ends: a raw string may hold line breaks.
  let lastLine: Int
  let hasSpaceBefore: Bool

  var isComment: Bool { kind == nil }
  func isSymbol(_ symbol: String) -> Bool { kind == .symbol(symbol) }
  func isName(_ name: String) -> Bool { kind == .name(name) }
}

private struct Layout {
  /// An open bracket, and how far the line is indented on which it was opened.
  private struct Open {
    let isBody: Bool
    let lineIndent: Int
  }

  private let bytes: [UInt8]
  private let bodyBraces: Set<Int>
  private let headEquals: Set<Int>
  private var text = ""
  private var open: [Open] = []
  private var lineIndent = 0
  private var previous: Item?
  /// The word before, comments left out.
  private var previousWord: Item?
  private var isUnaryMinus = false
  private var needsBreak = false
  private var needsBlank = false
  /// The line before belongs to a METADATA block, of which each line but the first begins in column 1.
  private var isInMetadata = false

  init(bytes: [UInt8], bodyBraces: Set<Int>, headEquals: Set<Int>) {
    self.bytes = bytes
    self.bodyBraces = bodyBraces
    self.headEquals = headEquals
  }

  mutating func text(of tokens: [Token], _ comments: [Comment]) -> String {
    let items = items(tokens, comments)
    var packageWords = Self.packageWords(items)
    for (index, item) in items.enumerated() {
      if packageWords == 0, let previous, item.line > previous.lastLine || !item.isComment,
        !(item.isComment && goesOnWithMetadata(item))
      {
        // The package stands alone.
        needsBlank = true
        needsBreak = !item.isComment
      }
      if !item.isComment || needsBlank { packageWords -= 1 }
      let next = index + 1 < items.count ? items[index + 1] : nil
      if item.isSymbol(";"), open.last?.isBody ?? true, next?.isSymbol("-") != true {
        needsBreak = true
        previous = item
        continue
      }
      place(item, closes: closers(items, from: index))
    }
    return text.isEmpty ? "" : text + "\n"
  }

  /// How many words `package a.b["c"]` has.
  private static func packageWords(_ items: [Item]) -> Int {
    let words = items.filter { !$0.isComment }
    var count = 2
    while count < words.count {
      if words[count].isSymbol(".") {
        count += 2
      } else if words[count].isSymbol("[") {
        count += 3
      } else {
        break
      }
    }
    return count
  }

  private func items(_ tokens: [Token], _ comments: [Comment]) -> [Item] {
    let words = tokens.filter { $0.kind != .end }.map { token in
      let breaks = bytes[token.range].count { $0 == 0x0a }
      return Item(
        kind: token.kind, range: token.range, line: token.location.line,
        lastLine: token.location.line + breaks, hasSpaceBefore: token.hasSpaceBefore)
    }
    // A comment within a template string belongs to the string.
    var place = 0
    let remarks = comments.compactMap { comment -> Item? in
      while place < words.count, words[place].range.upperBound <= comment.range.lowerBound {
        place += 1
      }
      if place < words.count, words[place].range.contains(comment.range.lowerBound) { return nil }
      return Item(
        kind: nil, range: comment.range, line: comment.location.line,
        lastLine: comment.location.line, hasSpaceBefore: true)
    }
    return (words + remarks).sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// How many brackets the line that begins here closes at once.
  private func closers(_ items: [Item], from index: Int) -> Int {
    var count = 0
    while index + count < items.count, count < open.count {
      let item = items[index + count]
      guard item.isSymbol(")") || item.isSymbol("]") || item.isSymbol("}") else { break }
      // The brace of a body stands on a line of its own.
      if count > 0, item.line > items[index].line || open[open.count - 1 - count].isBody { break }
      count += 1
    }
    return count
  }

  private mutating func place(_ item: Item, closes: Int) {
    let isOpenBefore = previous.map { isBodyBrace($0) } ?? false
    if let previous {
      let isNewLine = item.line > previous.lastLine
      let closesBody = item.isSymbol("}") && (open.last?.isBody ?? false)
      let staysBehind = item.isComment && !isNewLine
      if !staysBehind, isNewLine || needsBreak || isOpenBefore || previous.isComment || closesBody {
        let isBlank = (item.line > previous.lastLine + 1 && !isOpenBefore && closes == 0)
        breakLine(item, closes: closes, isBlank: isBlank || needsBlank)
      } else if staysBehind || hasSpace(item) {
        text += " "
      }
    }
    write(item)
    isInMetadata = item.isComment && (beginsMetadata(item) || goesOnWithMetadata(item))
    previous = item
    if !item.isComment { previousWord = item }
  }

  private func isInFirstColumn(_ item: Item) -> Bool {
    item.range.lowerBound == 0 || bytes[item.range.lowerBound - 1] == UInt8(ascii: "\n")
  }

  private func beginsMetadata(_ comment: Item) -> Bool {
    let text = String(decoding: bytes[comment.range], as: UTF8.self).dropFirst()
    return text.drop(while: \.isWhitespace).hasPrefix("METADATA")
  }

  private func goesOnWithMetadata(_ comment: Item) -> Bool {
    guard isInMetadata, let previous else { return false }
    return comment.line == previous.lastLine + 1 && isInFirstColumn(comment)
  }

  private mutating func breakLine(_ item: Item, closes: Int, isBlank: Bool) {
    text += isBlank ? "\n\n" : "\n"
    (needsBreak, needsBlank) = (false, false)
    if closes > 0, closes <= open.count {
      lineIndent = open[open.count - closes].lineIndent
    } else {
      lineIndent = (open.last.map { $0.lineIndent + 1 } ?? 0) + (continues(item) ? 1 : 0)
    }
    if isInMetadata, item.isComment, let previous, item.line == previous.lastLine + 1 {
      lineIndent = isInFirstColumn(item) ? 0 : max(1, lineIndent)
    }
    text += String(repeating: "\t", count: lineIndent)
  }

  /// Whether a line that begins with this goes on with what the line before began.
  private func continues(_ item: Item) -> Bool {
    if item.isComment { return false }
    if item.isName("with") || item.isName("in") || isInfix(item) { return true }
    guard let previousWord else { return false }
    if case .name(let name) = previousWord.kind {
      return ["if", "not", "with", "as", "in", "some", "every", "contains"].contains(name)
    }
    return isInfix(previousWord)
  }

  /// Not `|`, which may begin the body of a comprehension.
  private func isInfix(_ item: Item) -> Bool {
    guard case .symbol(let symbol) = item.kind else { return false }
    return [
      ":=", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&",
    ].contains(symbol)
  }

  private func isBodyBrace(_ item: Item) -> Bool {
    item.isSymbol("{") && bodyBraces.contains(item.range.lowerBound)
  }

  /// Between this and the word before it on the same line.
  private func hasSpace(_ item: Item) -> Bool {
    guard let previous, case let kind? = item.kind else { return false }
    if case .symbol(let symbol) = kind {
      if [",", ";", ")", "]", "}", ":", "."].contains(symbol) { return false }
      if symbol == "(" || symbol == "[" { return hasSpaceBeforeBracket(item) }
    }
    if case .symbol(let symbol) = previous.kind {
      if ["(", "[", "{", "."].contains(symbol) || isUnaryMinus { return false }
    }
    return true
  }

  /// A bracket that follows a value at once belongs to it; with space between it does not.
  private func hasSpaceBeforeBracket(_ item: Item) -> Bool {
    switch previous?.kind {
    case .symbol("("), .symbol("["), .symbol("{"): false
    case .name, .number, .string, .template, .symbol(")"), .symbol("]"), .symbol("}"):
      item.hasSpaceBefore
    default: true
    }
  }

  private mutating func write(_ item: Item) {
    defer { isUnaryMinus = item.isSymbol("-") && beginsTerm() }
    switch item.kind {
    case nil:
      var end = item.range.upperBound
      while end > item.range.lowerBound, [0x20, 0x09, 0x0d].contains(bytes[end - 1]) { end -= 1 }
      text += String(decoding: bytes[item.range.lowerBound..<end], as: UTF8.self)
      return
    case .symbol("("), .symbol("["), .symbol("{"):
      open.append(Open(isBody: isBodyBrace(item), lineIndent: lineIndent))
    case .symbol(")"), .symbol("]"), .symbol("}"): _ = open.popLast()
    case .symbol("=") where headEquals.contains(item.range.lowerBound):
      text += ":="
      return
    default: break
    }
    text += String(decoding: bytes[item.range], as: UTF8.self)
  }

  /// Whether a minus here can only be a number's sign.
  private func beginsTerm() -> Bool {
    switch previousWord?.kind {
    case .symbol(let symbol): ![")", "]", "}"].contains(symbol)
    case .name(let name): Parser.keywords.contains(name)
    default: false
    }
  }
}
