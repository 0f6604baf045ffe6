/// What can be said of policies only together with the data that they are to decide by.
extension CompiledPolicy {
  /// Rules that stand where base data stand, of which one would hide the other, and schemas among the
  /// data that `json.match_schema` cannot hold a document against.
  /// - Parameter origin: the file that a path below `data` comes from, for the message; nil: not known.
  /// - Throws: `PolicyErrors` with all of them.
  package func check(with data: Value, origin: ([Value]) -> String? = { _ in nil })
    throws(PolicyErrors)
  {
    let errors = conflicts(with: data, origin: origin) + schemaErrors(with: data)
    guard !errors.isEmpty else { return }
    throw PolicyErrors(errors: Array(errors.prefix(Compiler.errorsMax)))
  }

  private func conflicts(with data: Value, origin: ([Value]) -> String?) -> [PolicyError] {
    groups.compactMap { group in
      let path = Array(group.path.dropFirst())
      var value = data
      var depth = 0
      // Data that are no object leave no room below them either.
      while depth < path.count, case .object(let object) = value {
        guard let next = object[path[depth]] else { return nil }
        value = next
        depth += 1
      }
      let place = Array(path.prefix(depth))
      let shown = dottedPath([.string("data")] + place)
      return PolicyError(
        code: "rego_compile_error",
        message: "conflicting rule for data path \(shown.dropFirst(5)) found",
        location: group.location,
        details: ["the data stand in \(origin(place) ?? "the base documents")"])
    }
  }

  /// - Parameter data: nil: only schemas that stand in the policies themselves.
  package func schemaErrors(with data: Value?) -> [PolicyError] {
    var errors: [PolicyError] = []
    for clause in groups.flatMap({ $0.clauses + ($0.defaultClause.map { [$0] } ?? []) }) {
      clause.forEachCall { call in
        let place: Int
        switch call.callee {
        case .builtin("json.match_schema"): place = 1
        case .builtin("json.verify_schema"): place = 0
        default: return
        }
        guard call.arguments.indices.contains(place),
          let schema = known(call.arguments[place], data),
          let message = JSONSchema.unsupportedKeyword(schema)
        else { return }
        errors.append(
          PolicyError(code: "rego_compile_error", message: message, location: call.location))
      }
    }
    return errors
  }

  /// The value of an operand that is constant, a rule that is, or a base document.
  private func known(_ operand: Operand, _ data: Value?) -> Value? {
    if let constant = operand.constant { return constant }
    guard case .data(let reference) = operand.kind else { return nil }
    let keys = reference.path.compactMap(\.constant)
    guard keys.count == reference.path.count else { return nil }
    guard let index = reference.node?.group else {
      return keys.reduce(data) { $0?.baseMember($1) }
    }
    let group = groups[index]
    guard group.kind == .complete, group.clauses.count == 1, group.clauses[0].branches.count == 1,
      group.clauses[0].branches[0].body.steps.isEmpty
    else { return nil }
    let rest = keys.dropFirst(reference.nodeDepth)
    return rest.reduce(group.clauses[0].branches[0].value.constant) { $0?.member($1) }
  }
}

extension Clause {
  fileprivate func forEachCall(_ visit: (Call) -> Void) {
    let heads = arguments + keys + [member].compactMap(\.self) + branches.map(\.value)
    for operand in heads { operand.forEachCall(visit) }
    for branch in branches { branch.body.forEachCall(visit) }
  }
}

extension Block {
  fileprivate func forEachCall(_ visit: (Call) -> Void) {
    for step in steps { step.forEachCall(visit) }
  }
}

extension Step {
  fileprivate func forEachCall(_ visit: (Call) -> Void) {
    forEachOperand { $0.forEachCall(visit) }
    switch kind {
    case .not(let inner, _): inner.forEachCall(visit)
    case .every(_, _, _, let block): block.forEachCall(visit)
    case .test, .unify, .someIn: break
    }
  }
}

extension Operand {
  fileprivate func forEachCall(_ visit: (Call) -> Void) {
    if case .call(let call) = kind { visit(call) }
    forEachChild { $0.forEachCall(visit) }
    forEachBlock { $0.forEachCall(visit) }
  }
}
