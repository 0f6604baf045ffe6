extension PolicyDraw {
  /// A negation of something that always has a value: regopy knows of no undefined argument there.
  mutating func definite() -> String {
    let known = scope.filter { [.number, .text].contains($0.kind) && $0.name != "arg" }
    guard let one = known.isEmpty ? nil : one(known) else { return "not data.none" }
    return "not \(one.name) == \(constant(one.kind))"
  }

  /// What may be undefined in as many ways as there are.
  mutating func negated() -> String {
    let (kind, other) = (one(Kind.allCases), one(Kind.allCases))
    let (left, right) = (reference(kind), reference(other))
    switch below(14) {
    case 0: return left
    case 1: return "input.o[\(reference(.text))]"
    case 2: return "data.o[\(term(.text))] == \(term(.number))"
    case 3: return "\(left) == \(term(kind))"
    case 4: return "[\(left), \(right)] == [\(term(kind)), \(term(other))]"
    case 5: return "{\"a\": \(left)} == {\"a\": \(term(kind))}"
    case 6: return "[\(left), \(right)]"
    case 7: return "$\"{\(left)}\" == \(term(.text))"
    case 8: return "\(left) in [\(term(kind)), \(right)]"
    case 9: return "count([1 | \(left) == \(term(kind))]) == \(below(2))"
    case 10: return "[\(left)][0] == \(term(kind))"
    case 11: return "count([1 | not \(condition())]) == \(below(2))"
    case 12: return "\(left) == \(term(kind)) with input.n as \(reference(.number))"
    default: return condition()
    }
  }
}
