/// A pattern's program as a table over ASCII: one look-up a byte (Rabin and Scott's subsets). Made when the pattern is, so that asking
/// needs no memory; a pattern whose table would be large, or that looks at words' boundaries, has none.
struct PatternTable: Sendable {
  /// Most states; beyond, the pattern is run as it is.
  static let statesMax = 256
  private static let symbols = 128
  /// The entry for "it matches, whatever follows".
  private static let matched = UInt16.max

  /// A state's 128 followers, one state after another.
  private var followers: [UInt16] = []
  /// States in which the end of the text is a match.
  private var matchesAtEnd: [Bool] = []
  private var matchesAtOnce = false

  /// Nil where there is none.
  init?(_ program: [ECMAPattern.Instruction], isAnchored: Bool) {
    var subsets = Subsets(program: program)
    guard let first = subsets.number([0], isStart: true) else {
      matchesAtOnce = true
      return
    }
    precondition(first == 0)
    var state = 0
    while state < subsets.all.count {
      guard subsets.all.count <= Self.statesMax, !subsets.asksForBoundary else { return nil }
      let subset = subsets.all[state]
      matchesAtEnd.append(subset.matchesAtEnd)
      for symbol in 0..<UInt32(Self.symbols) {
        var next = isAnchored ? [] : [0]
        for index in subset.readers {
          if case .scalar(let set) = program[index], set.contains(symbol) { next.append(index + 1) }
        }
        let number = subsets.number(next, isStart: false)
        followers.append(number.map { UInt16($0) } ?? Self.matched)
      }
      state += 1
    }
  }

  /// Whether it matches; nil where the text is not ASCII.
  func matches(_ text: some Collection<UInt8>) -> Bool? {
    if matchesAtOnce { return true }
    var state = 0
    for byte in text {
      guard byte < Self.symbols else { return nil }
      let next = followers[state * Self.symbols + Int(byte)]
      // What follows may be what this table does not know; the answer stands all the same.
      if next == Self.matched { return true }
      state = Int(next)
    }
    return matchesAtEnd[state]
  }
}

/// Sets of instructions that a text may have led to, by number.
private struct Subsets {
  struct Subset {
    /// Instructions that read a scalar.
    let readers: [Int]
    let matchesAtEnd: Bool
  }

  private struct Key: Hashable {
    let from: [Int]
    let isStart: Bool
  }

  let program: [ECMAPattern.Instruction]
  private(set) var all: [Subset] = []
  private(set) var asksForBoundary = false
  private var known: [Key: Int] = [:]

  init(program: [ECMAPattern.Instruction]) { self.program = program }

  /// The number of what is reached from some instructions; nil where that is a match.
  mutating func number(_ from: [Int], isStart: Bool) -> Int? {
    let key = Key(from: Array(Set(from)).sorted(), isStart: isStart)
    if let number = known[key] { return number }
    let here = reached(key.from, isStart: isStart, isEnd: false)
    if here.isMatch { return nil }
    let atEnd = reached(key.from, isStart: isStart, isEnd: true)
    all.append(Subset(readers: here.readers, matchesAtEnd: atEnd.isMatch))
    known[key] = all.count - 1
    return all.count - 1
  }

  private mutating func reached(
    _ from: [Int], isStart: Bool, isEnd: Bool
  ) -> (readers: [Int], isMatch: Bool) {
    var (open, seen, readers, isMatch) = (from, Set<Int>(), [Int](), false)
    while let index = open.popLast() {
      guard seen.insert(index).inserted else { continue }
      switch program[index] {
      case .match: isMatch = true
      case .scalar: readers.append(index)
      case .jump(let target): open.append(target)
      case .split(let first, let second): open += [first, second]
      case .assert(.start): if isStart { open.append(index + 1) }
      case .assert(.end): if isEnd { open.append(index + 1) }
      case .assert(.boundary), .assert(.noBoundary): asksForBoundary = true
      }
    }
    return (readers, isMatch)
  }
}
