/// Orders the steps of a body so that each finds what it needs bound, and refuses a body where no
/// order does (OPA policy language, "Safety"; `rego_unsafe_var_error`).
struct Safety {
  let resolver: Resolver
  private var slotNames: [String] { resolver.slotNames }

  /// Orders a block and all blocks within it; adds what it binds.
  func ordered(_ block: Block, bound: inout Set<Int>) throws(PolicyError) -> Block {
    var remaining = block.steps
    var steps: [Step] = []
    var apart: Set<ObjectIdentifier> = []
    while !remaining.isEmpty {
      var waiting: [Step] = []
      var hasProgress = false
      for step in remaining {
        if let outputs = outputs(of: step, bound: bound) {
          // A variable that one part of it needs may be found by another part only.
          guard usedAndFound(step).isSubset(of: bound) else {
            let parts =
              apart.contains(ObjectIdentifier(step))
              ? [step] : References.apart(step) { resolver.newSlot("_") }
            hasProgress = hasProgress || parts.count > 1
            apart.formUnion(parts.map { ObjectIdentifier($0) })
            waiting += parts
            continue
          }
          hasProgress = true
          steps.append(try annotated(step, bound: bound))
          bound.formUnion(outputs)
        } else {
          waiting.append(step)
        }
      }
      guard hasProgress else { throw unsafe(waiting[0], bound: bound) }
      remaining = waiting
    }
    return Block(steps: steps, own: block.own)
  }

  /// A term of a rule's head: all it needs must be bound by the body or by its own references.
  func head(_ operand: Operand, bound: inout Set<Int>, at location: Location)
    throws(PolicyError) -> Operand
  {
    let (needs, outputs) = analyze(operand)
    let missing = needs.subtracting(bound).subtracting(outputs)
    if let slot = missing.min() { throw unsafe(slot, location) }
    let result = try annotated(operand, bound: bound)
    bound.formUnion(outputs)
    return result
  }

  private func unsafe(_ slot: Int, _ location: Location) -> PolicyError {
    PolicyError(
      code: "rego_unsafe_var_error", message: "var \(slotNames[slot]) is unsafe",
      location: location)
  }

  private func unsafe(_ step: Step, bound: Set<Int>) -> PolicyError {
    var slots: Set<Int> = []
    collectSlots(step, into: &slots)
    let missing = slots.subtracting(bound)
    let named = missing.filter { slotNames[$0] != "_" }.min() ?? missing.min()
    guard let named else {
      return PolicyError(
        code: "rego_unsafe_var_error", message: "expression is unsafe", location: step.location)
    }
    return unsafe(named, step.location)
  }

  // MARK: What a step needs and binds

  /// Nil while something it needs is not bound.
  private func outputs(of step: Step, bound: Set<Int>) -> Set<Int>? {
    for with in step.withs {
      guard case .value(let operand) = with.replacement else { continue }
      let (needs, outputs) = analyze(operand)
      guard needs.subtracting(outputs).isSubset(of: bound) else { return nil }
    }
    switch step.kind {
    case .test(let operand):
      let (needs, outputs) = analyze(operand)
      return needs.subtracting(outputs).isSubset(of: bound) ? outputs : nil
    case .unify(let left, let right):
      var known = bound
      guard solve([(left, right)], &known) else { return nil }
      return known.subtracting(bound)
    case .not(let inner, _):
      var slots: Set<Int> = []
      collectSlots(inner, into: &slots)
      return slots.isSubset(of: bound) ? [] : nil
    case .someIn(let key, let value, let domain):
      let (needs, outputs) = analyze(domain)
      guard needs.subtracting(outputs).isSubset(of: bound) else { return nil }
      var known = bound.union(outputs)
      for pattern in [key, value].compactMap(\.self) {
        pattern.collectPatternSlots(into: &known)
        guard analyze(pattern).needs.isSubset(of: known) else { return nil }
      }
      return known.subtracting(bound)
    case .every(_, _, let domain, let block):
      let (needs, outputs) = analyze(domain)
      guard needs.subtracting(outputs).isSubset(of: bound) else { return nil }
      let outer = outerSlots(of: block, heads: [])
      return outer.isSubset(of: bound.union(outputs)) ? outputs : nil
    }
  }

  /// Slots that something in a step needs, and that a reference or a pattern in it binds.
  private func usedAndFound(_ step: Step) -> Set<Int> {
    var needs: Set<Int> = []
    var outputs: Set<Int> = []
    step.forEachOperand { analyze($0, &needs, &outputs) }
    var found = needs.intersection(outputs)
    let patterns = step.patterns
    var named: Set<Int> = []
    for pattern in patterns { pattern.collectPatternSlots(into: &named) }
    for pattern in patterns { found.formUnion(computedNeeds(pattern).intersection(named)) }
    return found
  }

  /// What the parts of a pattern need that are no variables.
  private func computedNeeds(_ pattern: Operand) -> Set<Int> {
    switch pattern.kind {
    case .constant, .slot: []
    case .array(let elements): elements.reduce(into: []) { $0.formUnion(computedNeeds($1)) }
    case .object(let members):
      members.reduce(into: []) { $0.formUnion(computedNeeds($1.value)) }
    default: analyze(pattern).needs
    }
  }

  private enum Outcome {
    case solved
    case split([(Operand, Operand)])
    case stuck
  }

  /// Whether each pair can be made equal, binding what either side leaves open.
  private func solve(_ pairs: [(Operand, Operand)], _ known: inout Set<Int>) -> Bool {
    var open = pairs
    while !open.isEmpty {
      var waiting: [(Operand, Operand)] = []
      var hasProgress = false
      for (left, right) in open {
        switch match(left, right, &known) {
        case .solved: hasProgress = true
        case .split(let inner):
          hasProgress = true
          waiting += inner
        case .stuck: waiting.append((left, right))
        }
      }
      guard hasProgress else { return false }
      open = waiting
    }
    return true
  }

  private func match(_ left: Operand, _ right: Operand, _ known: inout Set<Int>) -> Outcome {
    for (source, target) in [(left, right), (right, left)] {
      let (needs, outputs) = analyze(source)
      guard needs.subtracting(outputs).isSubset(of: known) else { continue }
      var bound = known.union(outputs)
      target.collectPatternSlots(into: &bound)
      let other = analyze(target)
      guard other.needs.subtracting(other.outputs).isSubset(of: bound),
        keyNeeds(target).isSubset(of: known.union(other.outputs))
      else { continue }
      known = bound.union(other.outputs)
      return .solved
    }
    switch (left.kind, right.kind) {
    case (.array(let first), .array(let second)) where first.count == second.count:
      return .split(Array(zip(first, second)))
    case (.object(let first), .object(let second)) where first.count == second.count:
      let values = second.reduce(into: [Value: Operand]()) { result, member in
        if let key = member.key.constant { result[key] = member.value }
      }
      var inner: [(Operand, Operand)] = []
      for member in first {
        guard let key = member.key.constant, let other = values[key] else { return .stuck }
        inner.append((member.value, other))
      }
      return .split(inner)
    default: return .stuck
    }
  }

  /// Slots that the keys of a pattern need, which must be known before a member is looked for.
  private func keyNeeds(_ pattern: Operand) -> Set<Int> {
    switch pattern.kind {
    case .array(let elements): elements.reduce(into: []) { $0.formUnion(keyNeeds($1)) }
    case .object(let members):
      members.reduce(into: []) { needs, member in
        needs.formUnion(analyze(member.key).needs)
        needs.formUnion(keyNeeds(member.value))
      }
    default: []
    }
  }

  /// Slots that must be bound before an operand has a value, and those its references bind.
  func analyze(_ operand: Operand) -> (needs: Set<Int>, outputs: Set<Int>) {
    var needs: Set<Int> = []
    var outputs: Set<Int> = []
    analyze(operand, &needs, &outputs)
    return (needs, outputs)
  }

  private func analyze(_ operand: Operand, _ needs: inout Set<Int>, _ outputs: inout Set<Int>) {
    switch operand.kind {
    case .constant: break
    case .slot(let slot): needs.insert(slot)
    case .input(let path): analyzePath(path, &needs, &outputs)
    case .data(let reference): analyzePath(reference.path, &needs, &outputs)
    case .document(_, let path): analyzePath(path, &needs, &outputs)
    case .access(let base, let path):
      analyze(base, &needs, &outputs)
      analyzePath(path, &needs, &outputs)
    case .array, .object, .set, .call:
      operand.forEachChild { analyze($0, &needs, &outputs) }
    case .arrayComprehension(let head, let block), .setComprehension(let head, let block):
      needs.formUnion(outerSlots(of: block, heads: [head]))
    case .objectComprehension(let key, let value, let block):
      needs.formUnion(outerSlots(of: block, heads: [key, value]))
    case .template(let parts):
      for case .expression(let result, let block) in parts {
        needs.formUnion(outerSlots(of: block, heads: [result]))
      }
    }
  }

  private func analyzePath(
    _ path: [Operand], _ needs: inout Set<Int>, _ outputs: inout Set<Int>
  ) {
    for operand in path {
      switch operand.kind {
      case .slot(let slot): outputs.insert(slot)
      case .array, .object:
        var found: Set<Int> = []
        operand.collectPatternSlots(into: &found)
        var inner: Set<Int> = []
        analyze(operand, &inner, &outputs)
        needs.formUnion(inner.subtracting(found))
        outputs.formUnion(found)
      default: analyze(operand, &needs, &outputs)
      }
    }
  }

  // MARK: Slots

  /// Slots of a closure that belong to a body around it.
  private func outerSlots(of block: Block, heads: [Operand]) -> Set<Int> {
    var slots: Set<Int> = []
    for step in block.steps { collectSlots(step, into: &slots) }
    for head in heads { collectSlots(head, into: &slots) }
    return slots.subtracting(block.own)
  }

  private func collectSlots(_ step: Step, into slots: inout Set<Int>) {
    switch step.kind {
    case .test(let operand): collectSlots(operand, into: &slots)
    case .unify(let left, let right):
      collectSlots(left, into: &slots)
      collectSlots(right, into: &slots)
    case .not(let inner, _): collectSlots(inner, into: &slots)
    case .someIn(let key, let value, let domain):
      for operand in [key, value, domain].compactMap(\.self) {
        collectSlots(operand, into: &slots)
      }
    case .every(_, _, let domain, let block):
      collectSlots(domain, into: &slots)
      slots.formUnion(outerSlots(of: block, heads: []))
    }
    for with in step.withs {
      if case .value(let operand) = with.replacement { collectSlots(operand, into: &slots) }
    }
  }

  private func collectSlots(_ operand: Operand, into slots: inout Set<Int>) {
    switch operand.kind {
    case .slot(let slot): slots.insert(slot)
    case .arrayComprehension(let head, let block), .setComprehension(let head, let block):
      slots.formUnion(outerSlots(of: block, heads: [head]))
    case .objectComprehension(let key, let value, let block):
      slots.formUnion(outerSlots(of: block, heads: [key, value]))
    case .template(let parts):
      for case .expression(let result, let block) in parts {
        slots.formUnion(outerSlots(of: block, heads: [result]))
      }
    default: operand.forEachChild { collectSlots($0, into: &slots) }
    }
  }
}
