/// An expression as written.
indirect enum PatternTree {
  case empty
  case scalar(ScalarSet)
  case assert(ECMAPattern.Assertion)
  case sequence([PatternTree])
  case choice([PatternTree])
  /// Nil for no upper bound.
  case repeated(PatternTree, Int, Int?)
  /// Valid, and not run: the word says what.
  case beyond(String)
}

/// Spells a tree out as instructions.
struct PatternProgram {
  private var program: [ECMAPattern.Instruction] = []

  private mutating func append(_ instruction: ECMAPattern.Instruction) throws(PatternFault) -> Int {
    guard program.count < ECMAPattern.instructionsMax else {
      throw PatternFault("the pattern is too large once its repetitions are spelled out")
    }
    program.append(instruction)
    return program.count - 1
  }

  consuming func finished() -> [ECMAPattern.Instruction] { program + [.match] }

  mutating func emit(_ tree: PatternTree) throws(PatternFault) {
    switch tree {
    case .empty: break
    case .scalar(let set): _ = try append(.scalar(set))
    case .assert(let assertion): _ = try append(.assert(assertion))
    case .sequence(let items): for item in items { try emit(item) }
    case .choice(let branches):
      var jumps: [Int] = []
      for branch in branches.dropLast() {
        let split = try append(.split(0, 0))
        try emit(branch)
        jumps.append(try append(.jump(0)))
        program[split] = .split(split + 1, program.count)
      }
      if let last = branches.last { try emit(last) }
      for jump in jumps { program[jump] = .jump(program.count) }
    case .repeated(let inner, let low, let high):
      for _ in 0..<low { try emit(inner) }
      guard let high else {
        let split = try append(.split(0, 0))
        try emit(inner)
        _ = try append(.jump(split))
        program[split] = .split(split + 1, program.count)
        return
      }
      var splits: [Int] = []
      for _ in low..<high {
        splits.append(try append(.split(0, 0)))
        try emit(inner)
      }
      for split in splits { program[split] = .split(split + 1, program.count) }
    case .beyond(let what):
      throw PatternFault(
        "\(what) cannot be run in time that grows with the text alone; write the pattern without")
    }
  }
}
