/// Documents and replacements that hold while an expression is evaluated; `with` makes another.
final class Environment {
  enum Replacement {
    case value(Value)
    case callee(Call)
  }
  enum Extent {
    case running
    case done(Value?)
  }

  let input: Value?
  let data: Value
  /// Paths that `with` replaced: no rule at or below them counts.
  let shadows: [[Value]]
  let replacements: [Callee: Replacement]
  /// Neither data nor functions are replaced.
  let isOriginal: Bool
  /// The input is the one that was asked about.
  let hasOwnInput: Bool
  /// Documents of rules.
  var extents = ExtentCache()
  /// Results of functions.
  var results: [FunctionCall: Value?] = [:]

  init(
    input: Value?, data: Value, shadows: [[Value]] = [],
    replacements: [Callee: Replacement] = [:], hasOwnInput: Bool = true
  ) {
    self.input = input
    self.hasOwnInput = hasOwnInput
    self.data = data
    self.shadows = shadows
    self.replacements = replacements
    isOriginal = shadows.isEmpty && replacements.isEmpty
  }

  func without(_ callee: Callee) -> Environment {
    var rest = replacements
    rest[callee] = nil
    return Environment(
      input: input, data: data, shadows: shadows, replacements: rest, hasOwnInput: hasOwnInput)
  }

  func isShadowed(_ node: RuleNode) -> Bool {
    !shadows.isEmpty
      && shadows.contains { $0.count <= node.path.count && node.path.starts(with: $0) }
  }
}

/// Documents by group: a list while there are few, as most decisions ask for one or two.
struct ExtentCache {
  private var groups: [Int] = []
  private var extents: [Environment.Extent] = []
  private var places: [Int: Int] = [:]

  /// Most that are looked through.
  private static let scannedMax = 12

  private func place(of group: Int) -> Int? {
    places.isEmpty ? groups.firstIndex(of: group) : places[group]
  }

  subscript(_ group: Int) -> Environment.Extent? {
    get { place(of: group).map { extents[$0] } }
    set {
      guard let newValue else { return }
      if let place = place(of: group) {
        extents[place] = newValue
        return
      }
      groups.append(group)
      extents.append(newValue)
      if !places.isEmpty {
        places[group] = groups.count - 1
      } else if groups.count > Self.scannedMax {
        for (place, group) in groups.enumerated() { places[group] = place }
      }
    }
  }
}

struct FunctionCall: Hashable {
  let group: Int
  let arguments: [Value]
}

/// Evaluates one query, depth first: each way to fulfil an expression calls what comes after it,
/// which says whether to go on looking. Bindings are undone on the way back.
///
/// A class since all these calls share the slots, the caches and the budget; it lives for one
/// query and is seen by nobody else.
final class Evaluator {
  let policy: CompiledPolicy
  /// The rules as they are where nothing is replaced.
  private let groups: [RuleGroup]
  private let dependsOnInput: Bool
  let input: EvaluationInput
  var environment: Environment
  var context: BuiltinContext
  /// The frames of all rules that run, one after the other; nil is unbound.
  var slots: [Value?] = []
  /// Where the frame of the rule that runs begins.
  var frame = 0
  var depth = 0
  var printed: [String] = []
  /// Nil unless somebody wants to know.
  var reached: ReachedLines?
  /// Documents of rules that depend on nothing but the data that the policy was prepared for, by
  /// group; empty unless it was.
  let fixed: [Value??]
  private let stackTop: UInt

  /// Most results of one function that are kept for a second call.
  static let functionResultsMax = 100_000

  /// - Parameters:
  ///   - groups: the policy's rules specialised for its data; nil: as they are.
  ///   - dependsOnInput: they, and what is fixed, are specialised for this input, too.
  init(
    policy: CompiledPolicy, input: EvaluationInput, fixed: [Value??] = [],
    groups: [RuleGroup]? = nil, dependsOnInput: Bool = false
  ) {
    self.policy = policy
    self.dependsOnInput = dependsOnInput
    self.groups = groups ?? policy.groups
    self.fixed = fixed
    self.input = input
    environment = Environment(input: input.input, data: input.data)
    context = BuiltinContext(
      nanoseconds: input.nanoseconds, seed: input.seed, timeZones: input.timeZones,
      budget: input.budget)
    var mark: UInt8 = 0
    stackTop = withUnsafePointer(to: &mark) { UInt(bitPattern: $0) }
  }

  func run(_ query: CompiledQuery) throws -> EvaluationResult {
    var bindings: [[String: Value]] = []
    var values: [[Value]] = []
    slots.reserveCapacity(query.slots + 16)
    slots.append(contentsOf: repeatElement(nil, count: query.slots))
    _ = try run(query.block) {
      try self.context.allocate(32 * (query.variables.count + 1))
      var binding = [String: Value](minimumCapacity: query.variables.count)
      for variable in query.variables { binding[variable.name] = self.slots[variable.slot] }
      bindings.append(binding)
      if !query.lines.isEmpty {
        values.append(
          query.lines.map { line in line.slot.flatMap { self.slots[$0] } ?? .bool(true) })
      }
      return true
    }
    return EvaluationResult(bindings: bindings, values: values, printed: printed)
  }

  /// What was specialised for data, and for an input, holds for no others.
  var isSpecial: Bool {
    environment.isOriginal && (environment.hasOwnInput || !dependsOnInput)
  }

  /// The rule that counts here.
  func group(_ index: Int) -> RuleGroup { isSpecial ? groups[index] : policy.groups[index] }

  func failure(_ code: String, _ message: String, _ location: Location?) -> PolicyError {
    PolicyError(code: code, message: message, location: location)
  }

  func checkStack() throws {
    var mark: UInt8 = 0
    let here = withUnsafePointer(to: &mark) { UInt(bitPattern: $0) }
    let used = here > stackTop ? here - stackTop : stackTop - here
    if used > UInt(input.budget.stackBytesMax) {
      throw failure("eval_budget_error", "evaluation is nested too deeply", nil)
    }
  }

  // MARK: Bodies

  func run(_ block: Block, from index: Int = 0, _ next: () throws -> Bool) throws -> Bool {
    guard index < block.steps.count else { return try next() }
    return try run(block.steps[index]) { try self.run(block, from: index + 1, next) }
  }

  /// Whether a block holds at all.
  func holds(_ block: Block) throws -> Bool {
    if block.isPlain, reached == nil { return try hold(block, 0...) }
    var found = false
    _ = try run(block) {
      found = true
      return false
    }
    return found
  }

  /// The same for steps that are plain, without a call inside a call for each.
  func hold(_ block: Block, _ places: some RangeExpression<Int>) throws -> Bool {
    try checkStack()
    for place in places.relative(to: block.steps) {
      guard try holds(block.steps[place]) else { return false }
    }
    return true
  }

  private func holds(_ step: Step) throws -> Bool {
    try context.charge(1)
    switch step.kind {
    case .test(let operand): return try holds(operand)
    case .not(let inner, let needs):
      return try needs.isNothing ? !holds(inner) : fails(inner, needs)
    default: throw failure("eval_internal_error", "a step is not plain", step.location)
    }
  }

  /// Whether a step does not hold although what it needs is there.
  private func fails(_ inner: Step, _ needs: NegationNeeds) throws -> Bool {
    guard case .arguments = needs, case .test(let operand) = inner.kind,
      case .call(let call) = operand.kind
    else {
      for operand in needs.operands { guard try value(operand) != nil else { return false } }
      return try !holds(inner)
    }
    if reached != nil { reached?.reach(inner.location) }
    if let comparison = call.comparison, environment.replacements.isEmpty {
      return try compared(comparison, call.arguments)?.isFalse ?? false
    }
    guard let arguments = try values(call.arguments) else { return false }
    return try self.call(call, arguments)?.isFalse ?? true
  }

  /// Whether a term that has at most one value has one that is not false.
  private func holds(_ operand: Operand) throws -> Bool {
    if case .call(let call) = operand.kind, call.comparison == .equal, call.folded == nil,
      environment.replacements.isEmpty
    {
      return try areEqual(call.arguments[0], call.arguments[1])
    }
    guard let value = try value(operand) else { return false }
    return !value.isFalse
  }

  func run(_ step: Step, _ next: () throws -> Bool) throws -> Bool {
    try context.charge(1)
    try checkStack()
    if reached != nil { reached?.reach(step.location) }
    guard !step.withs.isEmpty else { return try run(step.kind, next) }
    return try replace(step.withs, 0, []) { changed in
      let outer = self.environment
      self.environment = changed
      defer { self.environment = outer }
      return try self.run(step.kind) {
        self.environment = outer
        defer { self.environment = changed }
        return try next()
      }
    }
  }

  private func run(_ kind: Step.Kind, _ next: () throws -> Bool) throws -> Bool {
    switch kind {
    case .test(let operand):
      if operand.isSingle { return try holds(operand) ? next() : true }
      return try each(operand) { $0.isFalse ? true : try next() }
    case .unify(let left, let right): return try unify(left, right, next)
    case .not(let inner, .arguments): return try fails(inner, .arguments) ? next() : true
    case .not(let inner, let needs):
      for operand in needs.operands { guard try value(operand) != nil else { return true } }
      var found = false
      _ = try run(inner) {
        found = true
        return false
      }
      return found ? true : try next()
    case .someIn(let key, let value, let domain):
      return try each(domain) { collection in
        try self.forEachMember(collection) { memberKey, member in
          guard let key else { return try self.match(value, member, next) }
          return try self.match(key, memberKey) { try self.match(value, member, next) }
        }
      }
    case .every(let key, let value, let domain, let block):
      return try each(domain) { collection in
        guard collection.count != nil else { return true }
        var holds = true
        _ = try self.forEachMember(collection) { memberKey, member in
          if let key { self.slots[self.frame + key] = memberKey }
          self.slots[self.frame + value] = member
          holds = try self.holds(block)
          if let key { self.slots[self.frame + key] = nil }
          self.slots[self.frame + value] = nil
          return holds
        }
        return holds ? try next() : true
      }
    }
  }

  /// Members with their keys; those of a set are their own keys. Other values have none.
  func forEachMember(_ value: Value, _ visit: (Value, Value) throws -> Bool) throws -> Bool {
    switch value {
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        try context.charge(1)
        guard try visit(.integer(index), element) else { return false }
      }
    case .object(let object):
      for member in object.members {
        try context.charge(1)
        guard try visit(member.key, member.value) else { return false }
      }
    case .set(let set):
      for member in set.members {
        try context.charge(1)
        guard try visit(member, member) else { return false }
      }
    case .null, .bool, .number, .string: break
    }
    return true
  }

  // MARK: With

  private func replace(
    _ withs: [WithOperand], _ index: Int, _ values: [Value?],
    _ use: (Environment) throws -> Bool
  ) throws -> Bool {
    guard index < withs.count else { return try use(changed(withs, values)) }
    guard case .value(let operand) = withs[index].replacement else {
      return try replace(withs, index + 1, values + [nil], use)
    }
    return try each(operand) { try self.replace(withs, index + 1, values + [$0], use) }
  }

  private func changed(_ withs: [WithOperand], _ values: [Value?]) -> Environment {
    var (input, data) = (environment.input, environment.data)
    var shadows = environment.shadows
    var replacements = environment.replacements
    var hasOwnInput = environment.hasOwnInput
    for (with, value) in zip(withs, values) {
      switch (with.target, value) {
      case (.input(let path), let value?):
        input = (input ?? .object(.empty)).replacing(at: path[...], with: value)
        hasOwnInput = false
      case (.data(let path), let value?):
        data = data.replacing(at: path[...], with: value)
        shadows.append([.string("data")] + path)
      case (.callee(let callee), let value?): replacements[callee] = .value(value)
      case (.callee(let callee), nil):
        guard case .callee(let call) = with.replacement else { continue }
        replacements[callee] = .callee(call)
      case (.input, nil), (.data, nil): continue
      }
    }
    return Environment(
      input: input, data: data, shadows: shadows, replacements: replacements,
      hasOwnInput: hasOwnInput)
  }
}
