/// What rules depend on: other rules, and whether on anything but rules and data.
struct RuleDependencies {
  struct Found {
    var targets: Set<Int> = []
    /// Reads the input, replaces something by `with`, or asks for time, chance or the outside.
    var isVolatile = false
  }
  let root: RuleNode
  let groups: [RuleGroup]

  func found(_ group: RuleGroup) -> Found {
    var found = Found()
    for clause in group.clauses + (group.defaultClause.map { [$0] } ?? []) {
      visit(clause, &found)
    }
    return found
  }

  /// The rules that depend on data only, by group, those that they depend on first.
  func fixed() -> [Int] {
    let all = groups.map(found)
    var isFixed = [Bool?](repeating: nil, count: groups.count)
    var order: [Int] = []
    for start in groups.indices where isFixed[start] == nil {
      var open = [start]
      while let group = open.last {
        guard isFixed[group] == nil else {
          open.removeLast()
          continue
        }
        let waiting = all[group].isVolatile ? [] : all[group].targets.filter { isFixed[$0] == nil }
        guard waiting.isEmpty else {
          open += waiting
          continue
        }
        open.removeLast()
        let holds = !all[group].isVolatile && all[group].targets.allSatisfy { isFixed[$0] == true }
        isFixed[group] = holds
        if case .function = groups[group].kind { continue }
        if holds { order.append(group) }
      }
    }
    return order
  }

  /// All groups, those that others depend on first.
  /// - Throws: `rego_recursion_error` for a rule that depends on itself.
  func order() throws(PolicyError) -> [Int] {
    var order: [Int] = []
    let edges = groups.map { found($0).targets.sorted() }
    // Depth first with a list of its own: chains of rules may be longer than the stack is deep.
    var state = [Int](repeating: 0, count: groups.count)
    for start in groups.indices where state[start] == 0 {
      var path = [(group: start, next: 0)]
      state[start] = 1
      while let (group, next) = path.last {
        guard next < edges[group].count else {
          state[group] = 2
          order.append(group)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let target = edges[group][next]
        if state[target] == 1 {
          let from = path.firstIndex { $0.group == target } ?? 0
          let names = path[from...].map { groups[$0.group].name } + [groups[target].name]
          throw PolicyError(
            code: "rego_recursion_error",
            message: "rule \(names[0]) is recursive: \(names.joined(separator: " -> "))",
            location: groups[target].location)
        }
        if state[target] == 0 {
          state[target] = 1
          path.append((target, 0))
        }
      }
    }
    return order
  }

  private func visit(_ clause: Clause, _ found: inout Found) {
    let heads = clause.arguments + clause.keys + (clause.member.map { [$0] } ?? [])
    for operand in heads { visit(operand, &found) }
    for branch in clause.branches {
      visit(branch.value, &found)
      visit(branch.body, &found)
    }
  }

  private func visit(_ block: Block, _ found: inout Found) {
    for step in block.steps { visit(step, &found) }
  }

  private func visit(_ step: Step, _ found: inout Found) {
    switch step.kind {
    case .test(let operand): visit(operand, &found)
    case .unify(let left, let right):
      visit(left, &found)
      visit(right, &found)
    case .not(let inner, let needs):
      visit(inner, &found)
      for operand in needs.operands { visit(operand, &found) }
    case .someIn(let key, let value, let domain):
      for operand in [key, value, domain].compactMap(\.self) { visit(operand, &found) }
    case .every(_, _, let domain, let block):
      visit(domain, &found)
      visit(block, &found)
    }
    if !step.withs.isEmpty { found.isVolatile = true }
    for with in step.withs {
      if case .value(let operand) = with.replacement { visit(operand, &found) }
    }
  }

  private func visit(_ operand: Operand, _ found: inout Found) {
    switch operand.kind {
    case .input: found.isVolatile = true
    case .data(let reference): reach(root, reference.path[...], &found.targets)
    case .call(let call):
      if case .function(let group) = call.callee {
        found.targets.insert(group)
      } else if call.builtin?.isVolatile ?? true {
        found.isVolatile = true
      }
    default: break
    }
    operand.forEachChild { visit($0, &found) }
    operand.forEachBlock { visit($0, &found) }
  }

  /// The rules that a path may meet; one behind a key that is not constant may be any.
  private func reach(_ node: RuleNode, _ path: ArraySlice<Operand>, _ targets: inout Set<Int>) {
    if let group = node.group, !node.isFunction { targets.insert(group) }
    guard let operand = path.first else {
      for child in node.sortedChildren { reach(child.node, path, &targets) }
      return
    }
    if let key = operand.constant {
      if let child = node.children[key] { reach(child, path.dropFirst(), &targets) }
    } else {
      for child in node.sortedChildren { reach(child.node, path.dropFirst(), &targets) }
    }
  }
}

extension Operand {
  /// The operands directly inside, without those in blocks.
  func forEachChild(_ visit: (Operand) -> Void) {
    switch kind {
    case .constant, .slot: break
    case .input(let path): path.forEach(visit)
    case .data(let reference): reference.path.forEach(visit)
    case .document(_, let path): path.forEach(visit)
    case .access(let base, let path):
      visit(base)
      path.forEach(visit)
    case .call(let call): call.arguments.forEach(visit)
    case .array(let elements), .set(let elements): elements.forEach(visit)
    case .object(let members):
      for (key, value) in members {
        visit(key)
        visit(value)
      }
    case .arrayComprehension(let head, _), .setComprehension(let head, _): visit(head)
    case .objectComprehension(let key, let value, _):
      visit(key)
      visit(value)
    case .template(let parts):
      for case .expression(let operand, _) in parts { visit(operand) }
    }
  }

  func forEachBlock(_ visit: (Block) -> Void) {
    switch kind {
    case .arrayComprehension(_, let block), .setComprehension(_, let block),
      .objectComprehension(_, _, let block):
      visit(block)
    case .template(let parts): for case .expression(_, let block) in parts { visit(block) }
    default: break
    }
  }
}
