extension ECMAPattern {
  /// Whether the whole of every text that matches is made of these characters. False also where that cannot be seen from the
  /// pattern's form: it must begin with `^` and end with `$`, for all of its alternatives together.
  package func isConfined(to alphabet: Set<Character>) -> Bool {
    // The last instruction tells of the match; before it stands the end of the text, and no way leads around that.
    let end = program.count - 2
    guard end > 0, case .assert(.start) = program[0], case .assert(.end) = program[end] else {
      return false
    }
    let allowed = Set(alphabet.flatMap { $0.unicodeScalars.map(\.value) })
    return program.allSatisfy { instruction in
      switch instruction {
      case .match, .assert: true
      case .scalar(let set): set.isWithin(allowed)
      case .jump(let target): target <= end
      case .split(let first, let second): first <= end && second <= end
      }
    }
  }
}

extension ScalarSet {
  /// Whether it holds nothing but these. Sets by property are taken to hold more.
  fileprivate func isWithin(_ allowed: Set<UInt32>) -> Bool {
    guard isPlain else { return false }
    return ranges.allSatisfy { $0.count <= allowed.count && $0.allSatisfy(allowed.contains) }
  }
}
