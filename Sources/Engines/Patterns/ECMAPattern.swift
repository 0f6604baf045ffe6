/// A regular expression as ECMA-262 writes them (with the `u` flag), which is what JSON Schema means by `pattern`.
///
/// It is run as a set of threads over the text (Thompson 1968): time grows with text × pattern and never beyond, whoever wrote either.
/// What cannot be run so, looking ahead or back and references to groups, is valid in `format: regex` and refused as a pattern.
package struct ECMAPattern: Sendable {
  /// Longest source, in bytes; most instructions once repetitions are spelled out; most groups inside each other.
  package static let bytesMax = 4_096
  static let instructionsMax = 10_000
  static let depthMax = 64
  /// Largest count in `{n,m}`.
  static let repeatMax = 5_000

  enum Instruction: Sendable {
    case match
    case scalar(ScalarSet)
    case split(Int, Int)
    case jump(Int)
    case assert(Assertion)
  }

  enum Assertion: Sendable { case start, end, boundary, noBoundary }

  let program: [Instruction]
  /// No match can begin anywhere but at the start.
  private let isAnchored: Bool
  private let table: PatternTable?

  /// - Throws: `PatternFault`, where the source is no expression, is too large, or asks for what takes more than linear time.
  package init(_ source: String) throws(PatternFault) {
    var parser = ECMAPatternParser(source)
    let tree = try parser.parse()
    var compiler = PatternProgram()
    try compiler.emit(tree)
    program = compiler.finished()
    if case .assert(.start)? = program.first { isAnchored = true } else { isAnchored = false }
    table = PatternTable(program, isAnchored: isAnchored)
  }

  /// Whether a text is an expression at all, the parts that this engine does not run included.
  package static func isValid(_ source: String) -> Bool {
    var parser = ECMAPatternParser(source)
    return (try? parser.parse()) != nil
  }

  /// Whether it matches anywhere in a text.
  package func matches(_ text: String) -> Bool { matches(text.utf8) }

  /// Whether it matches anywhere in a text of well-formed UTF-8.
  package func matches(_ text: some Collection<UInt8>) -> Bool {
    table?.matches(text) ?? matchesByThreads(text)
  }

  /// The threads, for texts beyond ASCII and patterns without a table.
  package func matchesByThreads(_ text: some Collection<UInt8>) -> Bool {
    var current = ThreadList(program.count)
    var following = ThreadList(program.count)
    var before: UInt32?
    var rest = text.makeIterator()
    var next = Self.scalar(&rest)
    var isFirst = true
    while true {
      if isFirst || !isAnchored {
        if reach(0, &current, before, next, isFirst) { return true }
      } else if current.isEmpty {
        return false
      }
      isFirst = false
      guard let scalar = next else { return false }
      next = Self.scalar(&rest)
      following.clear()
      var matched = false
      for at in 0..<current.count where !matched {
        let index = current[at]
        if case .scalar(let set) = program[index], set.contains(scalar) {
          matched = reach(index + 1, &following, scalar, next, false)
        }
      }
      if matched { return true }
      swap(&current, &following)
      before = scalar
    }
  }

  /// Adds an instruction and all that it reaches without reading. True where that is a match.
  private func reach(
    _ start: Int, _ threads: inout ThreadList, _ before: UInt32?, _ next: UInt32?, _ isStart: Bool
  ) -> Bool {
    var open = threads.open
    open.removeAll(keepingCapacity: true)
    open.append(start)
    defer { threads.open = open }
    while let index = open.popLast() {
      guard threads.insert(index) else { continue }
      switch program[index] {
      case .match: return true
      case .scalar: break
      case .jump(let target): open.append(target)
      case .split(let first, let second):
        open.append(second)
        open.append(first)
      case .assert(let assertion):
        if Self.holds(assertion, before, next, isStart) { open.append(index + 1) }
      }
    }
    return false
  }

  private static func holds(
    _ assertion: Assertion, _ before: UInt32?, _ next: UInt32?, _ isStart: Bool
  ) -> Bool {
    func isWord(_ scalar: UInt32?) -> Bool { scalar.map(ScalarSet.word.contains) ?? false }
    return switch assertion {
    case .start: isStart
    case .end: next == nil
    case .boundary: isWord(before) != isWord(next)
    case .noBoundary: isWord(before) == isWord(next)
    }
  }

  private static func scalar(_ bytes: inout some IteratorProtocol<UInt8>) -> UInt32? {
    guard let first = bytes.next() else { return nil }
    guard first >= 0x80 else { return UInt32(first) }
    let (tail, bits): (Int, UInt8) =
      first >= 0xf0 ? (3, first & 0x07) : first >= 0xe0 ? (2, first & 0x0f) : (1, first & 0x1f)
    var value = UInt32(bits)
    for _ in 0..<tail {
      guard let byte = bytes.next() else { return 0xfffd }
      value = value << 6 | UInt32(byte & 0x3f)
    }
    return value
  }
}

/// Why an expression was refused.
package struct PatternFault: Error, Hashable, Sendable {
  /// What is wrong, for a person.
  package let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// Instructions that wait at one position, each once. Briggs and Torczon's sparse set: emptied without touching its memory.
private struct ThreadList {
  private var dense: [Int]
  private var sparse: [Int]
  private(set) var count = 0
  /// Work that `reach` has left, kept for its memory.
  var open: [Int] = []

  init(_ size: Int) {
    dense = [Int](repeating: 0, count: size)
    sparse = dense
  }

  var isEmpty: Bool { count == 0 }
  subscript(_ at: Int) -> Int { dense[at] }

  mutating func clear() { count = 0 }

  mutating func insert(_ index: Int) -> Bool {
    let at = sparse[index]
    if at < count, dense[at] == index { return false }
    dense[count] = index
    sparse[index] = count
    count += 1
    return true
  }
}
