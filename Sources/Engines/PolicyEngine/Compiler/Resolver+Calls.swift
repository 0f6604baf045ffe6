extension Resolver {
  /// What a call calls, with its arity; nil arity for any number.
  func callee(_ term: Term, _ scope: Scope) throws(PolicyError) -> (Callee, Int?, String) {
    guard let (name, keys) = term.constantPath else {
      throw failure("a call needs a constant name", term.location, code: "rego_type_error")
    }
    let dotted = Self.builtinName(name, keys)
    if scope.declaredSlot(name) == nil, let path = documentPath(name), path[0] == "data" {
      let whole = path.dropFirst().map(Value.string) + keys
      if let node = node(at: whole[...]), let group = node.group, node.isFunction,
        case .function(let arity) = groups[group].kind
      {
        return (.function(group), arity, groups[group].name)
      }
    }
    guard let builtin = Builtins.all[dotted] else {
      if Builtins.outside[dotted] != nil { return try outsideCallee(dotted, term.location) }
      throw failure("undefined function \(dotted)", term.location, code: "rego_type_error")
    }
    return (.builtin(dotted), builtin.arity, dotted)
  }

  /// `io.jwt.decode`; the parser's own builtins have their dots in the name already.
  private static func builtinName(_ name: String, _ keys: [Value]) -> String {
    keys.isEmpty ? name : dottedPath([.string(name)] + keys)
  }

  private func outsideCallee(_ name: String, _ location: Location) throws(PolicyError)
    -> (Callee, Int?, String)
  {
    guard outside == .onlyReplaced else {
      throw failure(
        "\(name) is refused: a policy decides from its input and data and does no I/O", location,
        code: "rego_type_error")
    }
    return (.builtin(name), Builtins.outside[name], name)
  }

  private func node(at path: ArraySlice<Value>) -> RuleNode? {
    var node = tree
    for key in path {
      guard let child = node.children[key] else { return nil }
      node = child
    }
    return node
  }

  /// The value of a call that is known while compiling; nil for every other call.
  /// - Parameter takesResult: one argument more names the result.
  func metadataValue(
    _ term: Term, _ callee: Term, _ arguments: Int, _ scope: Scope, takesResult: Bool = false
  ) throws(PolicyError) -> Value? {
    guard let metadata, let (name, keys) = callee.constantPath, name == "rego",
      scope.declaredSlot(name) == nil
    else { return nil }
    let dotted = Self.builtinName(name, keys)
    guard Metadata.names.contains(dotted) else { return nil }
    guard arguments <= (takesResult ? 1 : 0) else {
      throw failure(
        "\(dotted): arity mismatch: want 0 arguments, have \(arguments)", term.location,
        code: "rego_type_error")
    }
    return metadata.value(dotted)
  }

  func call(_ term: Term, _ callee: Term, _ arguments: [Term], _ scope: Scope)
    throws(PolicyError) -> Operand
  {
    if let value = try metadataValue(term, callee, arguments.count, scope) {
      return .constant(value)
    }
    let (target, arity, name) = try self.callee(callee, scope)
    if let arity, arguments.count != arity {
      throw failure(
        "\(name): arity mismatch: want \(arity) arguments, have \(arguments.count)",
        term.location, code: "rego_type_error")
    }
    var operands: [Operand] = []
    for argument in arguments { operands.append(try operand(argument, scope)) }
    var builtin: Builtin?
    if case .builtin(let name) = target { builtin = Builtins.all[name] }
    return Operand(
      .call(
        Call(
          callee: target, arguments: operands, location: term.location, builtin: builtin,
          folded: builtin?.folded(operands))))
  }

  func with(_ with: With, _ scope: Scope) throws(PolicyError) -> WithOperand {
    guard let (name, keys) = with.target.constantPath, scope.declaredSlot(name) == nil else {
      throw failure(
        "with keyword target must reference existing input, data, or a function",
        with.target.location, code: "rego_type_error")
    }
    if let path = documentPath(name) {
      let whole = path.dropFirst().map(Value.string) + keys
      if path[0] == "input" {
        return WithOperand(
          target: .input(whole), replacement: .value(try operand(with.value, scope)))
      }
      guard let node = node(at: whole[...]), node.isFunction, let group = node.group else {
        return WithOperand(
          target: .data(whole), replacement: .value(try operand(with.value, scope)))
      }
      var arity: Int?
      if case .function(let count) = groups[group].kind { arity = count }
      return WithOperand(
        target: .callee(.function(group)),
        replacement: try replacement(with.value, scope, of: groups[group].name, arity))
    }
    let dotted = Self.builtinName(name, keys)
    guard Builtins.all[dotted] != nil || Builtins.outside[dotted] != nil else {
      throw failure(
        "with keyword target must reference existing input, data, or a function",
        with.target.location, code: "rego_type_error")
    }
    let arity = Builtins.all[dotted].map(\.arity) ?? Builtins.outside[dotted]
    return WithOperand(
      target: .callee(.builtin(dotted)),
      replacement: try replacement(with.value, scope, of: dotted, arity))
  }

  /// A function's name replaces by calling it, anything else by its value.
  private func replacement(_ term: Term, _ scope: Scope, of replaced: String, _ wanted: Int?)
    throws(PolicyError) -> WithOperand.Replacement
  {
    let isName = term.constantPath.map { scope.declaredSlot($0.name) == nil } ?? false
    guard isName, let (target, arity, name) = try? callee(term, scope) else {
      return .value(try operand(term, scope))
    }
    if let arity, let wanted, arity != wanted {
      throw failure(
        "\(replaced): arity mismatch: want \(wanted) arguments, have \(arity)", term.location,
        code: "rego_type_error")
    }
    return .callee(
      Call(
        callee: target, arguments: [], location: term.location, builtin: Builtins.all[name]))
  }
}
