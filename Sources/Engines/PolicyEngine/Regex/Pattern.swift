/// A regular expression in RE2's syntax (github.com/google/re2/wiki/Syntax), run as a set of
/// threads over the text (Thompson 1968, Pike): time grows with text × pattern and never beyond,
/// whatever either holds. Foundation's and Swift's own engines backtrack, and a policy's pattern
/// may come from anyone.
struct Pattern: Sendable {
  /// Longest source, in bytes; most instructions after repetitions are spelled out; largest count
  /// in `{n,m}`; most groups inside each other.
  static let bytesMax = 16_384
  static let instructionsMax = 20_000
  static let repeatMax = 1_000
  static let depthMax = 100

  enum Instruction: Sendable {
    case match
    case characters(CharacterSet)
    case any
    case anyButNewline
    /// Goes on at the first, and where that fails at the second.
    case split(Int, Int)
    case jump(Int)
    case save(Int)
    case assert(Assertion)
  }

  enum Assertion: Sendable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
  }

  let program: [Instruction]
  let groups: Int
  let groupNames: [String: Int]

  /// Where a match and its groups begin and end, in scalars; nil for a group that took no part.
  typealias Match = [Range<Int>?]

  init(_ source: String) throws(PatternFailure) {
    var parser = PatternParser(source)
    let tree = try parser.parse()
    var compiler = PatternCompiler()
    try compiler.emit(.group(tree, 0))
    compiler.finish()
    program = compiler.program
    groups = parser.groups
    groupNames = parser.names
  }

  private struct Thread {
    let instruction: Int
    let saved: [Int]
  }

  /// The leftmost match from a position on, with the priorities of Perl.
  func firstMatch(
    in text: [Unicode.Scalar], from start: Int = 0, _ context: inout BuiltinContext
  ) throws -> Match? {
    var current: [Thread] = []
    var following: [Thread] = []
    var seen = [Int](repeating: -1, count: program.count)
    var best: [Int]?
    let empty = [Int](repeating: -1, count: 2 * groups)
    var position = start
    while true {
      try context.charge(1 + current.count)
      if best == nil { add(0, empty, position, text, &seen, &current) }
      if current.isEmpty {
        // What cannot begin here, such as a line, may begin later.
        guard best == nil, position < text.count else { break }
        position += 1
        continue
      }
      following.removeAll(keepingCapacity: true)
      let scalar = position < text.count ? text[position] : nil
      threads: for thread in current {
        switch program[thread.instruction] {
        case .match:
          best = thread.saved
          // Threads after this one have lower priority.
          break threads
        case .characters(let set):
          if let scalar, set.contains(scalar) {
            add(thread.instruction + 1, thread.saved, position + 1, text, &seen, &following)
          }
        case .any:
          if scalar != nil {
            add(thread.instruction + 1, thread.saved, position + 1, text, &seen, &following)
          }
        case .anyButNewline:
          if let scalar, scalar != "\n" {
            add(thread.instruction + 1, thread.saved, position + 1, text, &seen, &following)
          }
        case .split, .jump, .save, .assert: break
        }
      }
      swap(&current, &following)
      guard scalar != nil else { break }
      position += 1
    }
    return best.map { saved in
      (0..<groups).map { group in
        let (low, high) = (saved[2 * group], saved[2 * group + 1])
        return low >= 0 && high >= low ? low..<high : nil
      }
    }
  }

  /// Adds a thread and all it reaches without reading, in order of priority.
  private func add(
    _ start: Int, _ saved: [Int], _ position: Int, _ text: [Unicode.Scalar], _ seen: inout [Int],
    _ threads: inout [Thread]
  ) {
    // A list of its own instead of recursion: a pattern may hold thousands of empty steps.
    var open = [Thread(instruction: start, saved: saved)]
    while let thread = open.popLast() {
      let index = thread.instruction
      if seen[index] == position { continue }
      seen[index] = position
      switch program[index] {
      case .jump(let target): open.append(Thread(instruction: target, saved: thread.saved))
      case .split(let first, let second):
        open.append(Thread(instruction: second, saved: thread.saved))
        open.append(Thread(instruction: first, saved: thread.saved))
      case .save(let slot):
        var saved = thread.saved
        saved[slot] = position
        open.append(Thread(instruction: index + 1, saved: saved))
      case .assert(let assertion):
        if holds(assertion, position, text) {
          open.append(Thread(instruction: index + 1, saved: thread.saved))
        }
      case .match, .characters, .any, .anyButNewline: threads.append(thread)
      }
    }
  }

  private func holds(_ assertion: Assertion, _ position: Int, _ text: [Unicode.Scalar]) -> Bool {
    func isWord(_ index: Int) -> Bool {
      text.indices.contains(index) && CharacterSet.word.contains(text[index])
    }
    switch assertion {
    case .textStart: return position == 0
    case .textEnd: return position == text.count
    case .lineStart: return position == 0 || text[position - 1] == "\n"
    case .lineEnd: return position == text.count || text[position] == "\n"
    case .wordBoundary: return isWord(position - 1) != isWord(position)
    case .noWordBoundary: return isWord(position - 1) == isWord(position)
    }
  }

  /// All matches that do not overlap, at most `limit`; an empty one right after another match is
  /// left out, as Go does.
  func matches(
    in text: [Unicode.Scalar], limit: Int, _ context: inout BuiltinContext
  ) throws -> [Match] {
    var found: [Match] = []
    var position = 0
    var lastEnd = -1
    while position <= text.count, found.count < limit {
      guard let match = try firstMatch(in: text, from: position, &context), let whole = match[0]
      else { break }
      if !(whole.isEmpty && whole.lowerBound == lastEnd) { found.append(match) }
      lastEnd = whole.upperBound
      position = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
    }
    return found
  }
}

/// Why a pattern was refused, in RE2's words.
struct PatternFailure: Error {
  let message: String
}

/// Scalars by range, or all others.
struct CharacterSet: Sendable {
  var ranges: [ClosedRange<UInt32>] = []
  var properties: [(category: Category, isNegated: Bool)] = []
  var isNegated = false

  enum Category: Sendable {
    case letter, lower, upper, number, digit, punctuation, symbol, space, mark, other
  }

  static let word = CharacterSet(ranges: [48...57, 65...90, 95...95, 97...122])
  static let digits = CharacterSet(ranges: [48...57])
  static let space = CharacterSet(ranges: [9...10, 12...13, 32...32])

  mutating func insert(_ set: CharacterSet) {
    guard set.isNegated else {
      ranges += set.ranges
      properties += set.properties
      return
    }
    var low: UInt32 = 0
    for range in set.ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > low { ranges.append(low...range.lowerBound - 1) }
      low = max(low, range.upperBound + 1)
    }
    ranges.append(low...0x10ffff)
  }

  /// Adds the other case of letters; ASCII, and what Swift maps to one scalar.
  mutating func foldCase() {
    var folded: [ClosedRange<UInt32>] = []
    for range in ranges where range.count <= 512 {
      for value in range {
        guard let scalar = Unicode.Scalar(value) else { continue }
        for mapping in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
          let scalars = mapping.unicodeScalars
          if scalars.count == 1, let other = scalars.first, other != scalar {
            folded.append(other.value...other.value)
          }
        }
      }
    }
    ranges += folded
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    let isInside =
      ranges.contains { $0.contains(scalar.value) }
      || properties.contains { $0.category.contains(scalar) != $0.isNegated }
    return isInside != isNegated
  }
}

extension CharacterSet.Category {
  init?(name: String) {
    switch name {
    case "L", "Letter": self = .letter
    case "Ll": self = .lower
    case "Lu": self = .upper
    case "N": self = .number
    case "Nd": self = .digit
    case "P": self = .punctuation
    case "S": self = .symbol
    case "Z", "Zs": self = .space
    case "M", "Mn": self = .mark
    case "C": self = .other
    default: return nil
    }
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    let category = scalar.properties.generalCategory
    return switch (self, category) {
    case (.letter, .uppercaseLetter), (.letter, .lowercaseLetter), (.letter, .titlecaseLetter),
      (.letter, .modifierLetter), (.letter, .otherLetter), (.lower, .lowercaseLetter),
      (.upper, .uppercaseLetter), (.number, .decimalNumber), (.number, .letterNumber),
      (.number, .otherNumber), (.digit, .decimalNumber), (.punctuation, .connectorPunctuation),
      (.punctuation, .dashPunctuation), (.punctuation, .openPunctuation),
      (.punctuation, .closePunctuation), (.punctuation, .initialPunctuation),
      (.punctuation, .finalPunctuation), (.punctuation, .otherPunctuation),
      (.symbol, .mathSymbol), (.symbol, .currencySymbol), (.symbol, .modifierSymbol),
      (.symbol, .otherSymbol), (.space, .spaceSeparator), (.space, .lineSeparator),
      (.space, .paragraphSeparator), (.mark, .nonspacingMark), (.mark, .spacingMark),
      (.mark, .enclosingMark), (.other, .control), (.other, .format), (.other, .surrogate),
      (.other, .privateUse):
      true
    default: false
    }
  }
}
