extension Evaluator {
  /// The document that a rule makes, once per environment; nil where it is undefined.
  func extent(_ index: Int, _ node: RuleNode) throws -> Value? {
    let environment = environment
    if index < fixed.count, case .some(let known) = fixed[index], isSpecial {
      return known
    }
    let group = group(index)
    switch environment.extents[index] {
    case .done(let value): return value
    case .running:
      throw failure(
        "rego_recursion_error", "rule \(group.name) is recursive", group.location)
    case nil: break
    }
    environment.extents[index] = .running
    let value: Value?
    switch group.kind {
    case .complete, .function: value = try complete(group, [])
    case .set: value = try set(group)
    case .object: value = try object(group, node)
    }
    environment.extents[index] = .done(value)
    return value
  }

  /// Runs something with a new frame for a clause.
  func withFrame<Result>(_ clause: Clause, _ run: () throws -> Result) throws -> Result {
    guard depth < input.budget.depthMax else {
      throw failure("eval_budget_error", "rules are nested too deeply", clause.location)
    }
    // A rule without a body has no step that would look.
    try checkStack()
    let outer = frame
    frame = slots.count
    depth += 1
    slots.append(contentsOf: repeatElement(nil, count: clause.slots))
    defer {
      slots.removeLast(slots.count - frame)
      frame = outer
      depth -= 1
    }
    return try run()
  }

  /// Visits the clauses that may hold, in order, while it is told to go on.
  private func forEachClause(
    _ group: RuleGroup, _ arguments: [Value] = [], _ visit: (Clause) throws -> Bool
  ) throws {
    // A comparison that `with` replaced finds other things equal.
    guard let index = group.index, environment.replacements.isEmpty else {
      for clause in group.clauses { guard try visit(clause) else { return } }
      return
    }
    for candidate in index.candidates(input: environment.input, arguments: arguments) {
      guard try visit(group.clauses[candidate]) else { return }
    }
  }

  /// The one value of a complete rule, or of a function for given arguments.
  private func complete(_ group: RuleGroup, _ arguments: [Value]) throws -> Value? {
    var result: Value?
    try forEachClause(group, arguments) { clause in
      let isAlone = clause.branches.count == 1 && clause.arguments.isEmpty
      guard let start = try isAlone ? afterGuards(clause) : 0 else { return true }
      try withFrame(clause) {
        func decide() throws {
          try self.branches(clause, from: start) { value in
            if let result, result != value { throw self.conflict(group, clause) }
            result = value
          }
        }
        guard !clause.arguments.isEmpty else { return try decide() }
        _ = try match(clause.arguments, arguments, 0) {
          try decide()
          return true
        }
      }
      return result == nil || !group.isUniform
    }
    if result == nil, let clause = group.defaultClause {
      try withFrame(clause) {
        _ = try match(clause.arguments, arguments, 0) {
          try self.branches(clause) { result = $0 }
          return false
        }
      }
    }
    return result
  }

  private func conflict(_ group: RuleGroup, _ clause: Clause) -> PolicyError {
    let message =
      group.kind == .complete
      ? "complete rules must not produce multiple outputs"
      : "functions must not produce multiple outputs for same inputs"
    return failure("eval_conflict_error", message, clause.location)
  }

  /// Most clauses fail at their first steps, and those mostly need no frame.
  /// - Returns: where the body goes on, or nil where it does not hold.
  private func afterGuards(_ clause: Clause) throws -> Int? {
    let body = clause.branches[0].body
    guard reached == nil, body.guards > 0 else { return 0 }
    return try hold(body, ..<body.guards) ? body.guards : nil
  }

  /// The values of the first branch that has any. One that is constant is asked for once only.
  /// - Parameter start: where the first body goes on.
  private func branches(
    _ clause: Clause, from start: Int = 0, _ take: (Value) throws -> Void
  ) throws {
    for (index, branch) in clause.branches.enumerated() {
      let start = index == 0 ? start : 0
      if branch.body.isPlain, reached == nil {
        guard try hold(branch.body, start...) else { continue }
        if branch.value.isSingle {
          guard let value = try value(branch.value) else { continue }
          return try take(value)
        }
      }
      var found = false
      _ = try run(branch.body, from: start) {
        if self.reached != nil { self.reached?.reach(branch.location) }
        if let constant = branch.value.constant {
          found = true
          try take(constant)
          return false
        }
        return try self.each(branch.value) {
          found = true
          try take($0)
          return true
        }
      }
      if found { return }
    }
  }

  private func set(_ group: RuleGroup) throws -> Value {
    var members: Set<Value> = []
    try forEachClause(group) { clause in
      guard let member = clause.member, let start = try afterGuards(clause) else { return true }
      try withFrame(clause) {
        _ = try run(clause.branches[0].body, from: start) {
          if self.reached != nil { self.reached?.reach(clause.location) }
          return try self.each(member) {
            try self.context.allocate(64)
            members.insert($0)
            return true
          }
        }
      }
      return true
    }
    return .set(SetValue(sorted: members.sorted()))
  }

  // MARK: Partial objects

  private func object(_ group: RuleGroup, _ node: RuleNode) throws -> Value {
    let partial = PartialObject()
    try forEachClause(group) { clause in
      try withFrame(clause) {
        _ = try run(clause.branches[0].body) {
          if self.reached != nil { self.reached?.reach(clause.location) }
          return try self.eachKey(clause.keys, []) { path in
            try self.each(clause.member ?? clause.branches[0].value) { value in
              try self.context.allocate(96 * path.count)
              let isStored =
                clause.member == nil
                ? partial.store(value, at: path[...]) : partial.insert(value, at: path[...])
              guard isStored else { throw self.keyConflict(clause.location) }
              return true
            }
          }
        }
      }
      return true
    }
    try store(node, [], partial)
    return partial.value
  }

  private func keyConflict(_ location: Location?) -> PolicyError {
    failure("eval_conflict_error", "object keys must be unique", location)
  }

  private func eachKey(
    _ keys: [Operand], _ path: [Value], _ next: ([Value]) throws -> Bool
  ) throws -> Bool {
    guard path.count < keys.count else { return try next(path) }
    return try each(keys[path.count]) { try self.eachKey(keys, path + [$0], next) }
  }

  /// Adds the rules with constant keys below a partial object.
  private func store(_ node: RuleNode, _ path: [Value], _ partial: PartialObject) throws {
    for (key, child) in node.sortedChildren
    where !child.isFunction && !environment.isShadowed(child) {
      let place = path + [key]
      if let group = child.group {
        guard let value = try extent(group, child) else { continue }
        guard partial.store(value, at: place[...]) else {
          throw keyConflict(policy.groups[group].location)
        }
      } else {
        try store(child, place, partial)
      }
    }
  }

  // MARK: Calls

  func call(_ call: Call, _ arguments: [Value]) throws -> Value? {
    if let replacement = environment.replacements[call.callee] {
      switch replacement {
      case .value(let value): return value
      case .callee(let other):
        // Inside the replacement the name means the original again.
        let outer = environment
        environment = outer.without(call.callee)
        defer { environment = outer }
        return try self.call(
          Call(
            callee: other.callee, arguments: [], location: call.location, builtin: other.builtin),
          arguments)
      }
    }
    switch call.callee {
    case .function(let index): return try function(group(index), arguments)
    case .builtin(let name): return try builtin(name, call, arguments)
    }
  }

  private func function(_ group: RuleGroup, _ arguments: [Value]) throws -> Value? {
    try context.charge(1)
    let environment = environment
    let key = FunctionCall(group: group.id, arguments: arguments)
    if let known = environment.results[key] { return known }
    let result = try complete(group, arguments)
    if environment.results.count < Self.functionResultsMax {
      environment.results[key] = .some(result)
    }
    return result
  }

  private func builtin(_ name: String, _ call: Call, _ arguments: [Value]) throws -> Value? {
    switch name {
    case "print", "trace":
      let line = arguments.map { value in
        if case .string(let text) = value { text } else { value.regoText }
      }.joined(separator: " ")
      try context.allocate(line.utf8.count + 64)
      printed.append("\(call.location.file):\(call.location.line): \(line)")
      return .bool(true)
    default: break
    }
    guard let builtin = call.builtin else {
      throw failure(
        "eval_builtin_error",
        "\(name) is refused: a policy decides from its input and data and does no I/O",
        call.location)
    }
    do {
      let result = try builtin.run(&context, arguments)
      if let result { try context.allocate(result.shallowBytes) }
      return result
    } catch let error as BuiltinFailure {
      guard input.isStrict || error.endsEvaluation else { return nil }
      let message = error.isBare ? error.message : "\(builtin.shownName): \(error.message)"
      throw failure(
        error.isType ? "eval_type_error" : "eval_builtin_error", message, call.location)
    }
  }
}

/// A partial object while its rules run: a tree, since heads may have several keys.
private final class PartialObject {
  private enum Content {
    case leaf(Value)
    case set(Set<Value>)
    case tree
  }
  private var content = Content.tree
  private var children: [Value: PartialObject] = [:]
  private var isNew = true

  private func child(_ key: Value) -> PartialObject? {
    guard case .tree = content else { return nil }
    isNew = false
    if let child = children[key] { return child }
    let child = PartialObject()
    children[key] = child
    return child
  }

  /// False where another value, or a tree, has the place.
  func store(_ value: Value, at path: ArraySlice<Value>) -> Bool {
    guard let key = path.first else {
      if isNew {
        content = .leaf(value)
        isNew = false
        return true
      }
      switch (content, value) {
      case (.leaf(let present), _): return present == value
      case (.set(let present), .set(let added)):
        content = .set(present.union(added.members))
        return true
      default: return false
      }
    }
    return child(key)?.store(value, at: path.dropFirst()) ?? false
  }

  /// Adds a member to the set at a place.
  func insert(_ member: Value, at path: ArraySlice<Value>) -> Bool {
    guard let key = path.first else {
      if isNew {
        content = .set([member])
        isNew = false
        return true
      }
      guard case .set(var present) = content else { return false }
      content = .tree
      present.insert(member)
      content = .set(present)
      return true
    }
    return child(key)?.insert(member, at: path.dropFirst()) ?? false
  }

  var value: Value {
    switch content {
    case .leaf(let value): value
    case .set(let members): .set(SetValue(members))
    case .tree: .object(ObjectValue(children.map { ($0.key, $0.value.value) }))
    }
  }
}
