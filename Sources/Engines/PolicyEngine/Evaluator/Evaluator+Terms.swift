extension Evaluator {
  /// The value of a term that has at most one; nil where it is undefined.
  func value(_ operand: Operand) throws -> Value? {
    switch operand.kind {
    case .constant(let value): return value
    case .slot(let slot):
      guard let value = slots[frame + slot] else {
        throw failure("eval_internal_error", "variable is unbound", nil)
      }
      return value
    case .input(let path):
      guard let input = environment.input else { return nil }
      return path.isEmpty ? input : try member(of: input, path)
    case .document(var value, let path) where operand.isSingle:
      for operand in path {
        guard let key = try self.value(operand), let next = value.baseMember(key) else {
          return nil
        }
        value = next
      }
      return value
    case .access(let base, let path) where operand.isSingle:
      guard let base = try value(base) else { return nil }
      return try member(of: base, path)
    case .array(let elements):
      guard let values = try values(elements) else { return nil }
      try context.allocate(32 * values.count)
      return .array(values)
    case .set(let elements):
      guard let values = try values(elements) else { return nil }
      try context.allocate(32 * values.count)
      return .set(SetValue(values))
    case .object(let members):
      guard let keys = try values(members.map(\.key)),
        let values = try values(members.map(\.value))
      else { return nil }
      return try object(zip(keys, values).map { ($0, $1) })
    case .call(let call):
      if environment.replacements.isEmpty {
        if let folded = call.folded { return folded }
        if let comparison = call.comparison { return try compared(comparison, call.arguments) }
      }
      guard let arguments = try values(call) else { return nil }
      return try self.call(call, arguments)
    case .data(let reference):
      if environment.shadows.isEmpty, let node = reference.node, let group = node.group,
        !node.isFunction
      {
        guard let value = try extent(group, node) else { return nil }
        guard reference.path.count > reference.nodeDepth else { return value }
      }
      return try first(operand)
    case .access, .document: return try first(operand)
    case .arrayComprehension(let head, let block):
      var elements: [Value] = []
      _ = try run(block) {
        try self.each(head) {
          try self.context.allocate(32)
          elements.append($0)
          return true
        }
      }
      return .array(elements)
    case .setComprehension(let head, let block):
      var members: Set<Value> = []
      _ = try run(block) {
        try self.each(head) {
          try self.context.allocate(64)
          members.insert($0)
          return true
        }
      }
      return .set(SetValue(sorted: members.sorted()))
    case .objectComprehension(let key, let value, let block):
      return try objectComprehension(key, value, block)
    case .template(let parts): return try template(parts)
    }
  }

  private func first(_ operand: Operand) throws -> Value? {
    var result: Value?
    _ = try each(operand) {
      result = $0
      return false
    }
    return result
  }

  func compared(_ comparison: Call.Comparison, _ arguments: [Operand]) throws -> Value? {
    guard let left = try value(arguments[0]), let right = try value(arguments[1]) else {
      return nil
    }
    return switch comparison {
    case .equal: .bool(left == right)
    case .notEqual: .bool(left != right)
    case .less: .bool(left.compared(to: right) < 0)
    case .lessOrEqual: .bool(left.compared(to: right) <= 0)
    case .more: .bool(left.compared(to: right) > 0)
    case .moreOrEqual: .bool(left.compared(to: right) >= 0)
    }
  }

  /// Whether both have a value, and the same one. An array of what is at hand is compared without
  /// being made.
  func areEqual(_ left: Operand, _ right: Operand) throws -> Bool {
    if case .array(let elements) = left.kind, elements.allSatisfy(\.isAtHand) {
      guard let value = try value(right) else { return false }
      return try isEqual(elements, value)
    }
    guard let value = try value(left) else { return false }
    if case .array(let elements) = right.kind, elements.allSatisfy(\.isAtHand) {
      return try isEqual(elements, value)
    }
    if case .constant(let constant) = right.kind { return constant == value }
    guard let other = try self.value(right) else { return false }
    return value == other
  }

  private func isEqual(_ elements: [Operand], _ value: Value) throws -> Bool {
    guard case .array(let values) = value, values.count == elements.count else { return false }
    for (index, element) in elements.enumerated() {
      if case .constant(let constant) = element.kind {
        guard constant == values[index] else { return false }
      } else {
        guard let other = try self.value(element), other == values[index] else { return false }
      }
    }
    return true
  }

  private func objectComprehension(_ key: Operand, _ value: Operand, _ block: Block) throws
    -> Value
  {
    var members: [Value: Value] = [:]
    _ = try run(block) {
      try self.each(key) { key in
        try self.each(value) { value in
          try self.context.allocate(96)
          if let earlier = members.updateValue(value, forKey: key), earlier != value {
            throw self.failure(
              "eval_conflict_error", "object keys must be unique", block.steps.first?.location)
          }
          return true
        }
      }
    }
    return .object(ObjectValue(members.map { ($0.key, $0.value) }))
  }

  private func object(_ pairs: [(Value, Value)]) throws -> Value {
    try context.allocate(64 * pairs.count)
    let object = ObjectValue(pairs)
    guard object.count < pairs.count else { return .object(object) }
    for (key, value) in pairs where object[key] != value {
      throw failure("eval_conflict_error", "object keys must be unique", nil)
    }
    return .object(object)
  }

  private func template(_ parts: [TemplateOperand]) throws -> Value {
    var text = ""
    for part in parts {
      switch part {
      case .text(let piece): text += piece
      case .expression(let result, let block):
        var found: Value?
        _ = try run(block) {
          found = try self.value(result)
          return false
        }
        if case .string(let piece) = found {
          text += piece
        } else {
          text += found?.regoText ?? "<undefined>"
        }
      }
    }
    try context.allocate(text.utf8.count)
    return .string(text)
  }

  func values(_ operands: [Operand]) throws -> [Value]? {
    var values: [Value] = []
    values.reserveCapacity(operands.count)
    for operand in operands {
      guard let value = try value(operand) else { return nil }
      values.append(value)
    }
    return values
  }

  /// `print` shows an undefined argument; every other call is undefined with it.
  private func values(_ call: Call) throws -> [Value]? {
    guard call.callee == .builtin("print") else { return try values(call.arguments) }
    return try call.arguments.map { try value($0) ?? .string("<undefined>") }
  }

  private func member(of value: Value, _ path: [Operand]) throws -> Value? {
    var current = value
    for operand in path {
      guard let key = try self.value(operand), let next = current.member(key) else { return nil }
      current = next
    }
    return current
  }

  /// Every value of a term.
  func each(_ operand: Operand, _ next: (Value) throws -> Bool) throws -> Bool {
    switch operand.kind {
    case .data(let reference):
      return try eachDocument(reference, next)
    case _ where operand.isSingle:
      guard let value = try value(operand) else { return true }
      return try next(value)
    case .input(let path):
      guard let input = environment.input else { return true }
      return try walk(input, path, 0, next)
    case .document(let value, let path):
      return try walk(value, path, 0, isBase: true, next)
    case .access(let base, let path):
      return try each(base) { try self.walk($0, path, 0, next) }
    case .array(let elements):
      return try eachList(elements, []) { try next(.array($0)) }
    case .set(let elements):
      return try eachList(elements, []) { try next(.set(SetValue($0))) }
    case .object(let members):
      return try eachList(members.flatMap { [$0.key, $0.value] }, []) { values in
        let pairs = stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
        return try next(try self.object(pairs))
      }
    case .call(let call):
      return try eachList(call.arguments, []) { arguments in
        if call.callee == .builtin("walk"), self.environment.replacements[call.callee] == nil {
          return try self.walkAll(arguments[0], [], next)
        }
        guard let value = try self.call(call, arguments) else { return true }
        return try next(value)
      }
    case .constant, .slot, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      guard let value = try value(operand) else { return true }
      return try next(value)
    }
  }

  private func eachList(
    _ operands: [Operand], _ values: [Value], _ next: ([Value]) throws -> Bool
  ) throws -> Bool {
    guard values.count < operands.count else {
      try context.allocate(32 * values.count)
      return try next(values)
    }
    return try each(operands[values.count]) { try self.eachList(operands, values + [$0], next) }
  }

  /// `walk`: every value inside a value, itself first, as `[path, value]`.
  private func walkAll(_ value: Value, _ path: [Value], _ next: (Value) throws -> Bool) throws
    -> Bool
  {
    try context.allocate(32 * (path.count + 2))
    guard try next(.array([.array(path), value])) else { return false }
    return try forEachMember(value) { key, member in
      try self.walkAll(member, path + [key], next)
    }
  }

  // MARK: References

  /// Whether a key of a path is to be found rather than given.
  private func isOpen(_ operand: Operand) -> Bool {
    switch operand.kind {
    case .slot, .array, .object: hasUnbound(operand)
    default: false
    }
  }

  /// Follows a path from a value.
  func walk(
    _ value: Value, _ path: [Operand], _ index: Int, isBase: Bool = false,
    _ next: (Value) throws -> Bool
  ) throws -> Bool {
    guard index < path.count else { return try next(value) }
    let operand = path[index]
    if isOpen(operand) {
      return try forEachMember(value) { key, member in
        try self.match(operand, key) {
          try self.walk(member, path, index + 1, isBase: isBase, next)
        }
      }
    }
    return try each(operand) { key in
      guard let member = isBase ? value.baseMember(key) : value.member(key) else {
        return true
      }
      return try self.walk(member, path, index + 1, isBase: isBase, next)
    }
  }

  private func eachDocument(_ reference: DataReference, _ next: (Value) throws -> Bool) throws
    -> Bool
  {
    guard environment.shadows.isEmpty, let node = reference.node else {
      return try walk(policy.root, environment.data, reference.path, 0, next)
    }
    if let group = node.group, !node.isFunction {
      guard let value = try extent(group, node) else { return true }
      return try walk(value, reference.path, reference.nodeDepth, next)
    }
    var base: Value? = environment.data
    for operand in reference.path[..<reference.nodeDepth] {
      guard let key = operand.constant else { break }
      base = base?.member(key)
    }
    return try walk(node, base, reference.path, reference.nodeDepth, next)
  }

  /// Follows a path through rules and base documents together.
  private func walk(
    _ node: RuleNode, _ base: Value?, _ path: [Operand], _ index: Int,
    _ next: (Value) throws -> Bool
  ) throws -> Bool {
    let isBaseOnly = node.isFunction || environment.isShadowed(node)
    if isBaseOnly {
      guard let base else { return true }
      return try walk(base, path, index, isBase: true, next)
    }
    if let group = node.group {
      guard let value = try extent(group, node) else { return true }
      return try walk(value, path, index, next)
    }
    guard index < path.count else { return try next(try document(node, base)) }
    let operand = path[index]
    func descend(_ key: Value) throws -> Bool {
      if let child = node.children[key] {
        return try walk(child, base?.member(key), path, index + 1, next)
      }
      guard let member = base?.baseMember(key) else { return true }
      return try walk(member, path, index + 1, isBase: true, next)
    }
    guard isOpen(operand) else { return try each(operand, descend) }
    var keys = Set(node.children.keys)
    if let base { _ = try forEachMember(base) { key, _ in keys.insert(key).inserted || true } }
    for key in keys.sorted() {
      try context.charge(1)
      guard try match(operand, key, { try descend(key) }) else { return false }
    }
    return true
  }

  /// Everything at and below a node: base documents with what the rules make of them.
  func document(_ node: RuleNode, _ base: Value?) throws -> Value {
    var object = ObjectValue.empty
    if case .object(let present) = base { object = present }
    for (key, child) in node.sortedChildren where !child.isFunction {
      let base = object[key]
      if environment.isShadowed(child) { continue }
      if let group = child.group {
        if let value = try extent(group, child) { object[key] = value }
      } else {
        object[key] = try document(child, base)
      }
    }
    return .object(object)
  }
}
