extension Evaluator {
  /// Makes two terms equal in every way there is.
  func unify(_ left: Operand, _ right: Operand, _ next: () throws -> Bool) throws -> Bool {
    if !hasUnbound(right) {
      return try each(right) { try self.match(left, $0, next) }
    }
    if !hasUnbound(left) {
      return try each(left) { try self.match(right, $0, next) }
    }
    return try unify([(left, right)], next)
  }

  /// Solves the pair first that has a side with a value; two variables that are both unbound wait
  /// until another pair binds one of them.
  private func unify(_ pairs: [(Operand, Operand)], _ next: () throws -> Bool) throws -> Bool {
    guard !pairs.isEmpty else { return try next() }
    try context.charge(pairs.count)
    var rest = pairs
    if let index = pairs.firstIndex(where: { !hasUnbound($0.0) || !hasUnbound($0.1) }) {
      let (left, right) = rest.remove(at: index)
      return try unify(left, right) { try self.unify(rest, next) }
    }
    for (index, pair) in pairs.enumerated() {
      switch (pair.0.kind, pair.1.kind) {
      case (.array(let first), .array(let second)):
        guard first.count == second.count else { return true }
        rest.remove(at: index)
        return try unify(rest + zip(first, second), next)
      case (.object(let first), .object(let second)):
        guard first.count == second.count else { return true }
        rest.remove(at: index)
        for member in first {
          guard let key = try value(member.key),
            let other = try second.first(where: { try value($0.key) == key })
          else { return true }
          rest.append((member.value, other.value))
        }
        return try unify(rest, next)
      default: continue
      }
    }
    throw failure("eval_internal_error", "two unbound variables meet", nil)
  }

  /// Makes a term equal to a value, binding its variables.
  func match(_ pattern: Operand, _ value: Value, _ next: () throws -> Bool) throws -> Bool {
    switch pattern.kind {
    case .slot(let slot):
      let position = frame + slot
      if let bound = slots[position] { return bound == value ? try next() : true }
      slots[position] = value
      let goesOn = try next()
      slots[position] = nil
      return goesOn
    case .constant(let constant): return constant == value ? try next() : true
    case .array(let elements):
      guard case .array(let values) = value, values.count == elements.count else { return true }
      return try match(elements, values, 0, next)
    case .object(let members):
      guard case .object(let object) = value, object.count == members.count else { return true }
      return try match(members, object, 0, next)
    default:
      return try each(pattern) { $0 == value ? try next() : true }
    }
  }

  func match(
    _ patterns: [Operand], _ values: [Value], _ index: Int, _ next: () throws -> Bool
  ) throws -> Bool {
    guard index < patterns.count else { return try next() }
    return try match(patterns[index], values[index]) {
      try self.match(patterns, values, index + 1, next)
    }
  }

  private func match(
    _ members: [(key: Operand, value: Operand)], _ object: ObjectValue, _ index: Int,
    _ next: () throws -> Bool
  ) throws -> Bool {
    guard index < members.count else { return try next() }
    return try each(members[index].key) { key in
      guard let value = object[key] else { return true }
      return try self.match(members[index].value, value) {
        try self.match(members, object, index + 1, next)
      }
    }
  }

  /// Whether a variable stands unbound where a value is needed; those in the brackets of a
  /// reference are not counted, as the reference binds them.
  func hasUnbound(_ operand: Operand) -> Bool {
    switch operand.kind {
    case .slot(let slot): slots[frame + slot] == nil
    case .array(let elements), .set(let elements): elements.contains(where: hasUnbound)
    case .object(let members): members.contains { hasUnbound($0.key) || hasUnbound($0.value) }
    case .call(let call): call.arguments.contains(where: hasUnbound)
    case .access(let base, _): hasUnbound(base)
    case .constant, .input, .data, .document, .arrayComprehension, .setComprehension,
      .objectComprehension,
      .template:
      false
    }
  }
}
