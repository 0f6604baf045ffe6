/// Finds what the variables of one body can be, in the order in which its steps run, and the steps
/// that can never hold.
struct BodyTypes {
  private let rules: RuleTypes
  private let names: [String]
  private var slots: [Int: PolicyType] = [:]
  private(set) var errors: [PolicyError] = []
  /// What was looked at already, nil where it was refused; else each level of nesting would be looked
  /// at once for each alternative of the level around it.
  private var known: [ObjectIdentifier: PolicyType?] = [:]
  private var location: Location
  /// `with` puts something else in the place of a rule, of which others may depend.
  private var replacesRules = false
  private let stack = StackGuard()

  init(rules: RuleTypes, names: [String], location: Location) {
    self.rules = rules
    self.names = names
    self.location = location
  }

  // MARK: Steps

  mutating func check(_ block: Block) {
    for step in block.steps { check(step) }
  }

  private mutating func check(_ step: Step) {
    guard !stack.isSpent else { return }
    let outer = (location, replacesRules)
    location = step.location
    defer { (location, replacesRules) = outer }
    for with in step.withs {
      if case .value(let operand) = with.replacement { _ = type(of: operand) }
      if case .data = with.target { replacesRules = true }
    }
    switch step.kind {
    case .test(let operand):
      // As a line of its own it is what `=` is.
      if case .call(let call) = operand.kind, call.comparison == .equal {
        unify(call.arguments[0], call.arguments[1])
      } else {
        _ = type(of: operand)
      }
    case .unify(let left, let right): unify(left, right)
    case .not(let inner, _): check(inner)
    case .someIn(let key, let value, let domain):
      if isOpen(domain) { _ = assign(domain, .anything) }
      let type = type(of: domain) ?? .anything
      guard let keys = type.keys, let values = type.values else {
        fail("undefined ref: \(text(domain))[_]", ["have: \(type)"])
        return
      }
      if let key, !assign(key, keys) { mismatch(self.type(of: key), keys) }
      if !assign(value, values) { mismatch(self.type(of: value), values) }
    case .every(let key, let value, let domain, let block):
      _ = type(of: domain)
      enclosed { types in
        if let key { types.slots[key] = .anything }
        types.slots[value] = .anything
        types.check(block)
      }
    }
  }

  /// What a closure finds out of variables around it holds within it only.
  private mutating func enclosed<Result>(_ look: (inout BodyTypes) -> Result) -> Result {
    let outer = slots
    defer { slots = outer }
    return look(&self)
  }

  private mutating func unify(_ left: Operand, _ right: Operand) {
    switch (isOpen(left), isOpen(right)) {
    case (false, false):
      guard let first = type(of: left), let second = type(of: right), !first.unifies(second)
      else { return }
      mismatch(first, second)
    case (true, false):
      guard let type = type(of: right), !assign(left, type) else { return }
      mismatch(self.type(of: left), type)
    case (false, true): unify(right, left)
    case (true, true): unifyOpen(left, right)
    }
  }

  private mutating func unifyOpen(_ left: Operand, _ right: Operand) {
    switch (left.kind, right.kind) {
    case (.array(let first), .array(let second)):
      guard first.count == second.count else {
        mismatch(type(of: left), type(of: right))
        return
      }
      for (own, other) in zip(first, second) { unify(own, other) }
    case (.object(let first), .object(let second)):
      for member in first {
        let other = second.first { $0.key.constant == member.key.constant }
        if let other, member.key.constant != nil { unify(member.value, other.value) }
      }
    default:
      _ = assign(left, .anything)
      _ = assign(right, .anything)
    }
  }

  /// A pattern with variables of which nothing is known yet.
  private func isOpen(_ operand: Operand) -> Bool {
    switch operand.kind {
    case .slot(let slot): slots[slot] == nil
    case .array(let elements): elements.contains(where: isOpen)
    case .object(let members): members.contains { isOpen($0.value) }
    default: false
    }
  }

  /// Whether the operand can have a value of the type; its unknown variables are then known.
  /// - Parameter adds: one of several types that are tried: a variable may be each.
  private mutating func assign(_ operand: Operand, _ type: PolicyType, adds: Bool = false) -> Bool {
    guard !stack.isSpent else { return true }
    if case .slot(let slot) = operand.kind {
      guard let known = slots[slot] else {
        slots[slot] = type
        return true
      }
      if adds { slots[slot] = known.union(type) }
      return adds || known.unifies(type)
    }
    guard operand.isLiteral else { return self.type(of: operand)?.unifies(type) ?? true }
    switch type {
    case .any(let types) where types.isEmpty:
      operand.forEachElement { _ = assign($0, .anything, adds: true) }
      return true
    case .any(let types):
      // Each alternative is tried, for each may say something of a variable.
      return types.reduce(false) { assign(operand, $1, adds: true) || $0 }
    case .array(let first, let rest):
      guard let elements = operand.elements, elements.count == first.count || rest != nil else {
        return false
      }
      return elements.enumerated().allSatisfy { index, element in
        guard let wanted = index < first.count ? first[index] : rest else { return false }
        return assign(element, wanted, adds: adds)
      }
    case .set(let wanted):
      return operand.setMembers?.allSatisfy { assign($0, wanted, adds: adds) } ?? false
    case .object(let members, let others):
      guard let own = operand.objectMembers, own.count == members.count || others != nil else {
        return false
      }
      return own.allSatisfy { member in
        guard let key = member.key.constant else {
          return assign(member.value, .anything, adds: adds)
        }
        return type.selected(key).map { assign(member.value, $0, adds: adds) } ?? false
      }
    default: return false
    }
  }

  // MARK: Terms

  /// Nil where it was refused, or is a variable of which nothing is known.
  mutating func type(of operand: Operand) -> PolicyType? {
    guard !stack.isSpent else { return .anything }
    switch operand.kind {
    case .constant(let value): return PolicyType(of: value)
    case .slot(let slot): return slots[slot]
    case .input(let path): return members(of: .anything, path[...], operand)
    case .document(_, let path): return members(of: .anything, path[...], operand)
    case .data(let reference):
      return remembered(reference) { $0.type(of: reference, operand) }
    case .access(let base, let path):
      if isOpen(base) { _ = assign(base, .anything) }
      return type(of: base).flatMap { members(of: $0, path[...], operand) }
    case .call(let call): return remembered(call) { $0.type(of: call) }
    case .array(let elements):
      return PolicyType.array(first: elements.map { type(of: $0) ?? .anything }, rest: nil).limited
    case .set(let elements):
      return PolicyType.set(PolicyType(of: elements.map { type(of: $0) ?? .anything })).limited
    case .object(let pairs): return object(pairs).limited
    case .arrayComprehension(let head, let block):
      return closure(block) { .array($0.type(of: head) ?? .anything) }
    case .setComprehension(let head, let block):
      return closure(block) { .set($0.type(of: head) ?? .anything) }
    case .objectComprehension(let key, let value, let block):
      return closure(block) {
        .object(keys: $0.type(of: key) ?? .anything, values: $0.type(of: value) ?? .anything)
      }
    case .template(let parts):
      for case .expression(let result, let block) in parts {
        enclosed { types in
          types.check(block)
          _ = types.type(of: result)
        }
      }
      return .string
    }
  }

  private mutating func remembered(
    _ object: AnyObject, _ find: (inout BodyTypes) -> PolicyType?
  ) -> PolicyType? {
    if let found = known[ObjectIdentifier(object)] { return found }
    let found = find(&self)
    known[ObjectIdentifier(object)] = .some(found)
    return found
  }

  private mutating func closure(
    _ block: Block, _ result: (inout BodyTypes) -> PolicyType
  ) -> PolicyType? {
    guard let first = block.steps.first else { return result(&self).limited }
    return remembered(first) { types in
      let count = types.errors.count
      let found = types.enclosed { types in
        types.check(block)
        return result(&types).limited
      }
      return types.errors.count == count ? found : nil
    }
  }

  private mutating func object(_ pairs: [(key: Operand, value: Operand)]) -> PolicyType {
    var members: [Value: PolicyType] = [:]
    var others: PolicyType.Others?
    for (key, value) in pairs {
      let type = type(of: value) ?? .anything
      if let key = key.constant {
        members[key] = type
      } else {
        let key = self.type(of: key) ?? .anything
        others = .init(
          key: others?.key.union(key) ?? key, value: others?.value.union(type) ?? type)
      }
    }
    return .object(members: members, others: others)
  }

  private mutating func type(of call: Call) -> PolicyType? {
    let count = errors.count
    // What they refer to is looked at before the call says anything of their variables.
    for argument in call.arguments where argument.isReference { _ = type(of: argument) }
    guard let function = function(call.callee) else {
      for argument in call.arguments where !assign(argument, .anything) { return nil }
      return errors.count == count ? .anything : nil
    }
    var fits = true
    for (argument, wanted) in zip(call.arguments, function.arguments) {
      fits = assign(argument, wanted) && fits
    }
    if errors.count == count, !fits {
      let have = call.arguments.map { type(of: $0)?.description ?? "???" }
      let want = function.arguments.map(\.description)
      fail(
        "\(name(call.callee)): invalid argument(s)",
        ["have: (\(have.joined(separator: ", ")))", "want: (\(want.joined(separator: ", ")))"],
        at: call.location)
    }
    return errors.count == count ? function.result : nil
  }

  private func function(_ callee: Callee) -> FunctionType? {
    guard let type = rules.function(callee) else { return nil }
    // A function may give what `with` replaces.
    guard replacesRules, case .function = callee else { return type }
    return FunctionType(arguments: type.arguments, result: .anything)
  }

  // MARK: References

  private mutating func type(of reference: DataReference, _ whole: Operand) -> PolicyType? {
    var node = rules.root
    var rest = reference.path[...]
    while let key = rest.first {
      if let constant = key.constant {
        if let child = node.children[constant] {
          node = child
          rest = rest.dropFirst()
          continue
        }
      } else if node.group == nil {
        // Packages and base documents have names; `p[0] := 1` makes a path with a number.
        let keys = PolicyType(of: [.string] + node.children.keys.map { PolicyType(of: $0) })
        guard member(key, of: .object(keys: keys, values: .anything), whole) != nil else {
          return nil
        }
        return members(of: .anything, rest.dropFirst(), whole)
      }
      break
    }
    if node.isFunction {
      fail("function \(text(whole)) used as reference, not called", [], at: reference.location)
      return nil
    }
    guard let group = node.group, !replacesRules else {
      return rest.isEmpty && !replacesRules
        ? .object(keys: .string, values: .anything) : members(of: .anything, rest, whole)
    }
    // Rules below a rule add members that its own type does not tell of.
    let type = node.children.isEmpty ? rules.values[group] ?? .anything : .anything
    return members(of: type, rest, whole, at: reference.location)
  }

  private mutating func members(
    of type: PolicyType, _ path: ArraySlice<Operand>, _ whole: Operand, at place: Location? = nil
  ) -> PolicyType? {
    var type = type
    for key in path {
      guard let next = member(key, of: type, whole, at: place) else { return nil }
      type = next
    }
    return type
  }

  private mutating func member(
    _ key: Operand, of type: PolicyType, _ whole: Operand, at place: Location? = nil
  ) -> PolicyType? {
    let found: PolicyType?
    if let keys = type.keys {
      if let constant = key.constant, !key.isLiteral {
        found = type.selected(constant)
      } else {
        found = assign(key, keys) ? type.values : nil
      }
    } else {
      found = nil
    }
    guard found == nil else { return found }
    var details = ["have: \(type)"]
    if let keys = type.keys {
      let have = key.constant?.regoText ?? "\(self.type(of: key) ?? .anything)"
      details = ["have: \(have)", "want: \(wanted(type, keys))"]
    }
    fail("undefined ref: \(text(whole))", details, at: place)
    return nil
  }

  private func wanted(_ type: PolicyType, _ keys: PolicyType) -> String {
    guard case .object(let members, nil) = type, members.count <= 16 else { return "\(keys)" }
    return "one of " + members.keys.sorted().map(\.regoText).joined(separator: ", ")
  }

  // MARK: Errors

  private mutating func mismatch(_ left: PolicyType?, _ right: PolicyType?) {
    fail(
      "match error",
      ["left : \(left?.description ?? "???")", "right: \(right?.description ?? "???")"])
  }

  private mutating func fail(_ message: String, _ details: [String], at place: Location? = nil) {
    let error = PolicyError(
      code: "rego_type_error", message: message, location: place ?? location,
      details: details.map { $0.count > 300 ? $0.prefix(300) + " …" : $0 })
    if !errors.contains(error) { errors.append(error) }
  }

  private func name(_ callee: Callee) -> String {
    switch callee {
    case .builtin(let name): name
    case .function(let group): rules.groups[group].name
    }
  }

  /// As the source has it, as far as a message needs it.
  private func text(_ operand: Operand) -> String {
    switch operand.kind {
    case .constant(let value): value.regoText
    case .slot(let slot): names[slot]
    case .input(let path): "input" + text(path)
    case .data(let reference): "data" + text(reference.path)
    case .access(let base, let path): text(base) + text(path)
    case .call(let call): "\(name(call.callee))(…)"
    default: "…"
    }
  }

  private func text(_ path: [Operand]) -> String {
    path.map { key in
      key.constant.map { String(dottedPath([.string("x"), $0]).dropFirst()) } ?? "[\(text(key))]"
    }.joined()
  }
}
