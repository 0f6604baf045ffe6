extension Operand {
  /// The variables that a pattern binds.
  func collectPatternSlots(into slots: inout Set<Int>) {
    switch kind {
    case .slot(let slot): slots.insert(slot)
    case .array(let elements): for element in elements { element.collectPatternSlots(into: &slots) }
    case .object(let members):
      for member in members { member.value.collectPatternSlots(into: &slots) }
    default: break
    }
  }
}

extension Safety {
  /// Orders the blocks inside and marks operands that may have several values.
  func annotated(_ step: Step, bound: Set<Int>) throws(PolicyError) -> Step {
    var withs: [WithOperand] = []
    for with in step.withs {
      var replacement = with.replacement
      if case .value(let operand) = replacement {
        replacement = .value(try annotated(operand, bound: bound))
      }
      withs.append(WithOperand(target: with.target, replacement: replacement))
    }
    let kind: Step.Kind
    switch step.kind {
    case .test(let operand): kind = .test(try annotated(operand, bound: bound))
    case .unify(let left, let right):
      kind = .unify(try annotated(left, bound: bound), try annotated(right, bound: bound))
    case .not(let inner, .operands(let operands)):
      kind = .not(
        try annotated(inner, bound: bound), .operands(try list(operands, bound)))
    case .not(let inner, let needs): kind = .not(try annotated(inner, bound: bound), needs)
    case .someIn(let key, let value, let domain):
      var known = bound
      for pattern in [key, value].compactMap(\.self) { pattern.collectPatternSlots(into: &known) }
      var keyOperand: Operand?
      if let key { keyOperand = try annotated(key, bound: bound) }
      kind = .someIn(
        key: keyOperand, value: try annotated(value, bound: bound),
        domain: try annotated(domain, bound: bound))
    case .every(let key, let value, let domain, let block):
      var known = bound.union(analyze(domain).outputs)
      known.formUnion([key, value].compactMap(\.self))
      kind = .every(
        key: key, value: value, domain: try annotated(domain, bound: bound),
        try ordered(block, bound: &known))
    }
    return Step(kind: kind, location: step.location, withs: withs)
  }

  func annotated(_ operand: Operand, bound: Set<Int>) throws(PolicyError) -> Operand {
    // References elsewhere in the same step may bind what a closure needs.
    var known = bound.union(analyze(operand).outputs)
    switch operand.kind {
    // Documents are known only after this.
    case .constant, .slot, .document: return operand
    case .input(let path):
      return reference(try list(path, bound), bound) { .input($0) }
    case .data(let reference):
      let path = try list(reference.path, bound)
      let copy = DataReference(
        path: path, node: reference.node, nodeDepth: reference.nodeDepth,
        location: reference.location)
      return self.reference(path, bound) { _ in .data(copy) }
    case .access(let base, let path):
      let base = try annotated(base, bound: bound)
      var result = reference(try list(path, bound), bound) { .access(base, $0) }
      result.isSingle = result.isSingle && base.isSingle
      return result
    case .call(let call):
      let arguments = try list(call.arguments, bound)
      var result = Operand(
        .call(
          Call(
            callee: call.callee, arguments: arguments, location: call.location,
            builtin: call.builtin, folded: call.folded)))
      result.isSingle = arguments.allSatisfy(\.isSingle) && call.callee != .builtin("walk")
      return result
    case .array(let elements):
      let elements = try list(elements, bound)
      return mark(.array(elements), elements)
    case .set(let elements):
      let elements = try list(elements, bound)
      return mark(.set(elements), elements)
    case .object(let members):
      let keys = try list(members.map(\.key), bound)
      let values = try list(members.map(\.value), bound)
      return mark(.object(zip(keys, values).map { (key: $0, value: $1) }), keys + values)
    case .arrayComprehension(let head, let block):
      let block = try ordered(block, bound: &known)
      return Operand(.arrayComprehension(try closed(head, &known, block), block))
    case .setComprehension(let head, let block):
      let block = try ordered(block, bound: &known)
      return Operand(.setComprehension(try closed(head, &known, block), block))
    case .objectComprehension(let key, let value, let block):
      let block = try ordered(block, bound: &known)
      return Operand(
        .objectComprehension(
          key: try closed(key, &known, block), value: try closed(value, &known, block), block))
    case .template(let parts):
      var annotatedParts: [TemplateOperand] = []
      for part in parts {
        switch part {
        case .text: annotatedParts.append(part)
        case .expression(let result, let block):
          var inner = known
          annotatedParts.append(.expression(result, try ordered(block, bound: &inner)))
        }
      }
      return Operand(.template(annotatedParts))
    }
  }

  /// The head of a comprehension, after its body.
  private func closed(_ head: Operand, _ known: inout Set<Int>, _ block: Block)
    throws(PolicyError) -> Operand
  {
    let location =
      block.steps.first?.location ?? Location(file: "", line: 0, column: 0)
    return try self.head(head, bound: &known, at: location)
  }

  private func list(_ operands: [Operand], _ bound: Set<Int>) throws(PolicyError) -> [Operand] {
    var result: [Operand] = []
    for operand in operands { result.append(try annotated(operand, bound: bound)) }
    return result
  }

  private func mark(_ kind: Operand.Kind, _ children: [Operand]) -> Operand {
    var result = Operand(kind)
    result.isSingle = children.allSatisfy(\.isSingle)
    return result
  }

  /// A reference is single when all its keys are bound beforehand.
  private func reference(
    _ path: [Operand], _ bound: Set<Int>, _ make: ([Operand]) -> Operand.Kind
  ) -> Operand {
    var result = Operand(make(path))
    result.isSingle = path.allSatisfy { operand in
      var slots: Set<Int> = []
      operand.collectPatternSlots(into: &slots)
      return operand.isSingle && slots.isSubset(of: bound)
    }
    return result
  }
}
