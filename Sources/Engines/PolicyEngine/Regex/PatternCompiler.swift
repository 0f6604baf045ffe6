/// Spells a tree out as instructions.
struct PatternCompiler {
  private(set) var program: [Pattern.Instruction] = []

  private mutating func append(_ instruction: Pattern.Instruction) throws(PatternFailure) -> Int {
    guard program.count < Pattern.instructionsMax else {
      throw PatternFailure(message: "error parsing regexp: expression too large")
    }
    program.append(instruction)
    return program.count - 1
  }

  mutating func finish() { program.append(.match) }

  mutating func emit(_ tree: PatternTree) throws(PatternFailure) {
    switch tree {
    case .empty: break
    case .characters(let set): _ = try append(.characters(set))
    case .any: _ = try append(.any)
    case .anyButNewline: _ = try append(.anyButNewline)
    case .assert(let assertion): _ = try append(.assert(assertion))
    case .sequence(let items): for item in items { try emit(item) }
    case .group(let inner, let number):
      _ = try append(.save(2 * number))
      try emit(inner)
      _ = try append(.save(2 * number + 1))
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
    case .repeated(let inner, let low, let high, let isLazy):
      for _ in 0..<low { try emit(inner) }
      guard let high else {
        let split = try append(.split(0, 0))
        try emit(inner)
        _ = try append(.jump(split))
        program[split] =
          isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
        return
      }
      var splits: [Int] = []
      for _ in low..<high {
        splits.append(try append(.split(0, 0)))
        try emit(inner)
      }
      for split in splits {
        program[split] =
          isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
      }
    }
  }
}
