/// Members of an input that are known before the rest of it is.
package struct KnownInput: Sendable {
  /// With their values.
  package let members: ObjectValue
  /// Those that are not there.
  package let absent: Set<Value>
  /// Paths to what is there and is not false, whatever it is.
  package let present: Set<[Value]>
  /// Paths to values further down, within members that are not known as a whole.
  package let values: [[Value]: Value]

  package init(
    members: ObjectValue, absent: Set<Value> = [], present: Set<[Value]> = [],
    values: [[Value]: Value] = [:]
  ) {
    self.members = members
    self.absent = absent
    self.present = present
    self.values = values
  }
}

/// What is left of a policy's rules once the data, and a part of the input, are known (partial
/// evaluation): references into them are what stands there, what always holds is left out, and so is
/// what never can.
///
/// It decides as the policy does, errors included: a step that might fail with an error is left in
/// its place, with all before it.
struct Specialisation {
  private let policy: CompiledPolicy
  private let data: Value
  private let input: KnownInput
  /// By group; those of which nothing changed are the policy's own.
  private(set) var groups: [RuleGroup]
  /// The documents that are known, by group.
  private(set) var known: [Value??]
  private var deadFunctions: Set<Int> = []
  private var hasChanged = false

  /// What is known of one rule may settle another; past this many rounds the rest is left.
  private static let roundsMax = 16

  /// - Parameters:
  ///   - groups: the policy's rules, as far as they are specialised already.
  ///   - known: documents that are known already, by group.
  init(
    _ policy: CompiledPolicy, _ groups: [RuleGroup], known: [Value??], data: Value,
    input: KnownInput = KnownInput(members: .empty)
  ) {
    self.policy = policy
    self.data = data
    self.input = input
    self.known = known
    self.groups = groups
    for _ in 0..<Self.roundsMax { guard settle() else { return } }
  }

  /// - Returns: whether something came to be known on which other rules may depend.
  private mutating func settle() -> Bool {
    var hasNews = false
    for index in groups.indices where known[index] == nil && !deadFunctions.contains(index) {
      guard let group = specialised(groups[index]) else { continue }
      groups[index] = group
      if case .function = group.kind {
        guard group.clauses.isEmpty, group.defaultClause == nil else { continue }
        deadFunctions.insert(index)
        hasNews = true
      } else if let document = document(of: group) {
        known[index] = document
        hasNews = true
      }
    }
    return hasNews
  }

  /// The document of a rule that needs no evaluation any more.
  private func document(of group: RuleGroup) -> Value?? {
    let node = policy.root.descendant(at: group.path.dropFirst())
    switch (group.kind, group.clauses.count) {
    case (.set, 0): return .some(.set(.empty))
    case (.object, 0): return node?.children.isEmpty == true ? .some(.object(.empty)) : nil
    case (.complete, 0):
      guard let clause = group.defaultClause else { return .some(nil) }
      return clause.branches[0].value.constant.map { .some($0) }
    case (.complete, let count) where count == 1 || group.isUniform:
      let clause = group.clauses[0]
      guard clause.branches[0].body.steps.isEmpty else { return nil }
      return clause.branches[0].value.constant.map { .some($0) }
    default: return nil
    }
  }

  /// Nil where nothing changes.
  private mutating func specialised(_ group: RuleGroup) -> RuleGroup? {
    hasChanged = false
    let clauses = group.clauses.compactMap { specialised($0) }
    guard hasChanged else { return nil }
    let copy = RuleGroup(
      id: group.id, path: group.path, kind: group.kind, location: group.location)
    copy.clauses = clauses
    copy.defaultClause = group.defaultClause
    copy.seal()
    return copy
  }

  /// Nil for a clause that never holds.
  private mutating func specialised(_ clause: Clause) -> Clause? {
    var branches: [Clause.Branch] = []
    for branch in clause.branches {
      guard let body = specialised(branch.body) else {
        hasChanged = true
        continue
      }
      branches.append(
        Clause.Branch(
          location: branch.location, value: specialised(branch.value) ?? branch.value, body: body))
      // The branches behind one that always holds are never tried.
      if body.steps.isEmpty, branch.value.constant != nil, branches.count < clause.branches.count {
        hasChanged = true
        break
      }
    }
    guard !branches.isEmpty else { return nil }
    return Clause(
      location: clause.location, slots: clause.slots, arguments: clause.arguments,
      keys: clause.keys.map { specialised($0) ?? $0 },
      member: clause.member.map { specialised($0) ?? $0 }, branches: branches)
  }

  // MARK: Steps

  enum Outlook {
    case unknown(Step)
    case always, never
  }

  /// Nil for a block that never holds.
  private mutating func specialised(_ block: Block) -> Block? {
    var steps: [Step] = []
    for step in block.steps {
      switch outlook(step) {
      case .unknown(let step): steps.append(step)
      case .always: hasChanged = true
      case .never:
        hasChanged = true
        guard !steps.allSatisfy(\.cannotFail) else { return nil }
        steps.append(Step(kind: .test(.constant(.bool(false))), location: step.location))
        return Block(steps: steps, own: block.own)
      }
    }
    return Block(steps: steps, own: block.own)
  }

  mutating func outlook(_ step: Step) -> Outlook {
    // Under `with` other data may stand there.
    guard step.withs.isEmpty else { return .unknown(step) }
    let kind: Step.Kind
    switch step.kind {
    case .test(let operand):
      if isPresent(operand) { return .always }
      guard let operand = specialised(operand) else { return .never }
      if let constant = operand.constant { return constant.isFalse ? .never : .always }
      kind = .test(operand)
    case .unify(let left, let right):
      guard let (left, right) = pair(left, right) else { return .never }
      kind = .unify(left, right)
    case .not(let inner, let needs): return outlook(inner, needs, step.location)
    case .someIn(let key, let value, let domain):
      guard let domain = specialised(domain), !Self.isEmpty(domain) else { return .never }
      kind = .someIn(key: key, value: value, domain: domain)
    case .every(let key, let value, let domain, let block):
      guard let domain = specialised(domain) else { return .never }
      if Self.isEmpty(domain), domain.constant?.count != nil { return .always }
      kind = .every(key: key, value: value, domain: domain, specialised(block) ?? .never)
    }
    return .unknown(Step(kind: kind, location: step.location))
  }

  func isPresent(_ operand: Operand) -> Bool {
    guard case .input(let path) = operand.kind else { return false }
    let constants = path.compactMap(\.constant)
    return constants.count == path.count && input.present.contains(constants)
  }

  /// Nil where one of them has no value, and the other cannot fail.
  private mutating func pair(_ left: Operand, _ right: Operand) -> (Operand, Operand)? {
    let (first, second) = (specialised(left), specialised(right))
    if first == nil, right.cannotFail { return nil }
    if second == nil, left.cannotFail { return nil }
    return (first ?? left, second ?? right)
  }

  /// A constant without members.
  private static func isEmpty(_ operand: Operand) -> Bool {
    guard let constant = operand.constant else { return false }
    return (constant.count ?? 0) == 0
  }

  // MARK: Terms

  /// Nil for a term that never has a value.
  private mutating func specialised(_ operand: Operand) -> Operand? {
    var kind = operand.kind
    switch operand.kind {
    case .constant, .slot, .template: return operand
    case .data(let reference):
      guard let found = resolved(reference) else { return operand }
      hasChanged = true
      guard let found = found.flatMap({ followed($0) }) else { return nil }
      kind = found
    case .input(let path):
      if let found = resolved(path) {
        hasChanged = true
        guard let found = found.flatMap({ followed($0) }) else { return nil }
        kind = found
      } else {
        guard let path = list(path) else { return nil }
        kind = .input(path)
      }
    case .document, .access:
      guard let found = followed(operand.kind) else { return nil }
      kind = found
    case .call(let call):
      if case .function(let group) = call.callee, deadFunctions.contains(group),
        call.arguments.allSatisfy(\.cannotFail)
      {
        hasChanged = true
        return nil
      }
      // It shows an undefined argument.
      if call.callee == .builtin("print") { return operand }
      guard let arguments = list(call.arguments) else { return nil }
      if let value = call.builtin?.folded(arguments) {
        hasChanged = true
        return .constant(value)
      }
      kind = .call(
        Call(
          callee: call.callee, arguments: arguments, location: call.location,
          builtin: call.builtin, folded: call.folded))
    case .array(let elements):
      guard let elements = list(elements) else { return nil }
      kind = .array(elements)
    case .set(let elements):
      guard let elements = list(elements) else { return nil }
      kind = .set(elements)
    case .object(let members):
      guard let keys = list(members.map(\.key)), let values = list(members.map(\.value)) else {
        return nil
      }
      kind = .object(zip(keys, values).map { (key: $0, value: $1) })
    case .arrayComprehension(let head, let block):
      kind = .arrayComprehension(specialised(head) ?? head, specialised(block) ?? .never)
    case .setComprehension(let head, let block):
      kind = .setComprehension(specialised(head) ?? head, specialised(block) ?? .never)
    case .objectComprehension(let key, let value, let block):
      kind = .objectComprehension(
        key: specialised(key) ?? key, value: specialised(value) ?? value,
        specialised(block) ?? .never)
    }
    var result = Operand(kind)
    result.isSingle = operand.isSingle
    return result
  }

  /// Nil where one has no value, and none before it may fail.
  mutating func list(_ operands: [Operand]) -> [Operand]? {
    var result: [Operand] = []
    for operand in operands {
      if let operand = specialised(operand) {
        result.append(operand)
      } else if result.allSatisfy(\.cannotFail) {
        return nil
      } else {
        result.append(operand)
      }
    }
    return result
  }

  // MARK: References

  /// A reference into a value, followed as far as its keys are constant; nil where it leads nowhere.
  private mutating func followed(_ kind: Operand.Kind) -> Operand.Kind? {
    switch kind {
    case .document(let value, let path):
      guard let path = list(path) else { return nil }
      let (found, rest) = walk(value, path[...]) { $0.baseMember($1) }
      guard let found, Self.canLead(found, rest) else { return nil }
      if rest.count < path.count { hasChanged = true }
      return rest.isEmpty ? .constant(found) : .document(found, Array(rest))
    case .access(let base, let path):
      guard let operands = list([base] + path) else { return nil }
      let path = operands.dropFirst()
      guard let value = operands[0].constant else { return .access(operands[0], Array(path)) }
      let (found, rest) = walk(value, path) { $0.member($1) }
      guard let found, Self.canLead(found, rest) else { return nil }
      if rest.count < path.count { hasChanged = true }
      return rest.isEmpty ? .constant(found) : .access(.constant(found), Array(rest))
    default: return kind
    }
  }

  /// From a value without members no key leads on; one that fails is an error all the same.
  private static func canLead(_ value: Value, _ rest: ArraySlice<Operand>) -> Bool {
    rest.isEmpty || (value.count ?? 0) > 0 || !rest.allSatisfy(\.cannotFail)
  }

  /// What a path into the input leads to; nil where that is not known, `.some(nil)` where it is
  /// nothing.
  private func resolved(_ path: [Operand]) -> Operand.Kind?? {
    guard let key = path.first?.constant else { return nil }
    if input.absent.contains(key) { return .some(nil) }
    if let member = input.members[key] {
      return .access(.constant(member), Array(path.dropFirst()))
    }
    guard !input.values.isEmpty else { return nil }
    let keys = path.prefix { $0.constant != nil }.compactMap(\.constant)
    guard let (known, value) = input.values.first(where: { keys.starts(with: $0.key) }) else {
      return nil
    }
    return .access(.constant(value), Array(path.dropFirst(known.count)))
  }

  /// What a reference leads to; nil where that is not known, `.some(nil)` where it is nothing.
  private func resolved(_ reference: DataReference) -> Operand.Kind?? {
    guard let node = reference.node else { return nil }
    let path = reference.path
    if let group = node.group, !node.isFunction {
      guard let document = known[group] else { return nil }
      guard let document else { return .some(nil) }
      return .access(.constant(document), Array(path[reference.nodeDepth...]))
    }
    // From here on there are no rules, only data.
    guard path.count > reference.nodeDepth, let key = path[reference.nodeDepth].constant,
      node.isFunction || node.children[key] == nil
    else { return nil }
    return .document(data, path)
  }

  /// Follows the keys that are constant.
  private func walk(
    _ value: Value, _ path: ArraySlice<Operand>, _ member: (Value, Value) -> Value?
  ) -> (Value?, ArraySlice<Operand>) {
    var current = value
    var rest = path
    while let key = rest.first?.constant {
      guard let next = member(current, key) else { return (nil, rest) }
      current = next
      rest = rest.dropFirst()
    }
    return (current, rest)
  }
}

extension Block {
  /// Holds for nothing.
  fileprivate static let never = Block(steps: [
    Step(
      kind: .test(.constant(.bool(false))), location: Location(file: "", line: 0, column: 0))
  ])
}

extension Step {
  /// Evaluating it ends in no error, whatever the input.
  var cannotFail: Bool {
    guard withs.isEmpty else { return false }
    return switch kind {
    case .test(let operand): operand.cannotFail
    case .unify(let left, let right): left.cannotFail && right.cannotFail
    case .not(let inner, let needs):
      inner.cannotFail && needs.operands.allSatisfy(\.cannotFail)
    case .someIn(let key, let value, let domain):
      [key, value, domain].compactMap(\.self).allSatisfy(\.cannotFail)
    case .every: false
    }
  }
}

extension Operand {
  /// Evaluating it ends in no error: it calls nothing but comparisons, and no rule.
  var cannotFail: Bool {
    switch kind {
    case .constant, .slot: true
    case .input(let path), .document(_, let path): path.allSatisfy(\.cannotFail)
    case .access(let base, let path): base.cannotFail && path.allSatisfy(\.cannotFail)
    case .array(let elements), .set(let elements): elements.allSatisfy(\.cannotFail)
    case .call(let call): call.comparison != nil && call.arguments.allSatisfy(\.cannotFail)
    case .data, .object, .arrayComprehension, .setComprehension, .objectComprehension, .template:
      false
    }
  }
}
