/// A term with its names resolved: variables are slots of a frame, references know their root.
struct Operand: Sendable {
  indirect enum Kind: Sendable {
    case constant(Value)
    case slot(Int)
    case input([Operand])
    case data(DataReference)
    /// A reference into base documents that are known; see `Value.baseMember`.
    case document(Value, [Operand])
    /// A reference into any other value.
    case access(Operand, [Operand])
    case call(Call)
    case array([Operand])
    case object([(key: Operand, value: Operand)])
    case set([Operand])
    case arrayComprehension(Operand, Block)
    case setComprehension(Operand, Block)
    case objectComprehension(key: Operand, value: Operand, Block)
    case template([TemplateOperand])
  }
  let kind: Kind
  /// Has at most one value: no reference in it runs over keys that are still unbound.
  var isSingle = true

  init(_ kind: Kind) { self.kind = kind }

  static func constant(_ value: Value) -> Operand { Operand(.constant(value)) }

  var constant: Value? { if case .constant(let value) = kind { value } else { nil } }

  /// A value that is there already: nothing has to be called or evaluated for it.
  var isAtHand: Bool {
    switch kind {
    case .constant, .slot: true
    case .input(let path): path.allSatisfy(\.isAtHand)
    default: false
    }
  }
}

extension Operand {
  /// No variable is in it, and nothing that has variables of its own.
  fileprivate var isFrameless: Bool {
    switch kind {
    case .slot, .arrayComprehension, .setComprehension, .objectComprehension, .template: false
    default:
      childrenSatisfy(\.isFrameless)
    }
  }

  private func childrenSatisfy(_ condition: (Operand) -> Bool) -> Bool {
    var holds = true
    forEachChild { holds = holds && condition($0) }
    return holds
  }
}

enum TemplateOperand: Sendable {
  case text(String)
  /// The value of the slot after the block has run.
  case expression(Operand, Block)
}

/// A class, like all that an evaluation passes on at every step: handing on one reference costs
/// less than copying what it holds.
final class DataReference: Sendable {
  let path: [Operand]
  /// Where the constant beginning of the path leads in the rule tree, and how long it is; what
  /// stands for it while no `with` replaces a document.
  let node: RuleNode?
  let nodeDepth: Int
  let location: Location

  init(path: [Operand], node: RuleNode?, nodeDepth: Int, location: Location) {
    self.path = path
    self.node = node
    self.nodeDepth = nodeDepth
    self.location = location
  }
}

enum Callee: Hashable, Sendable {
  case builtin(String)
  /// Index into the policy's functions.
  case function(Int)
}

final class Call: Sendable {
  /// What is looked at most often is done without a list of arguments.
  enum Comparison: Sendable { case equal, notEqual, less, lessOrEqual, more, moreOrEqual }

  let callee: Callee
  let arguments: [Operand]
  let location: Location
  /// Nil for a function of the policy and for a builtin that must be mocked.
  let builtin: Builtin?
  let comparison: Comparison?
  /// The result where it is known beforehand; no `with` may have replaced the builtin.
  let folded: Value?

  init(
    callee: Callee, arguments: [Operand], location: Location, builtin: Builtin?,
    folded: Value? = nil
  ) {
    self.callee = callee
    self.arguments = arguments
    self.location = location
    self.builtin = builtin
    self.folded = folded
    comparison =
      switch builtin?.name {
      case "equal": .equal
      case "neq": .notEqual
      case "lt": .less
      case "lte": .lessOrEqual
      case "gt": .more
      case "gte": .moreOrEqual
      default: nil
      }
  }
}

extension Builtin {
  /// The result where constants only are given, unless it takes long or makes much.
  func folded(_ operands: [Operand]) -> Value? {
    let arguments = operands.compactMap(\.constant)
    guard arguments.count == operands.count, !isVolatile, name != "walk" else { return nil }
    let budget = EvaluationBudget(stepsMax: 1_000, bytesMax: 16 << 10)
    var context = BuiltinContext(nanoseconds: 0, seed: 0, budget: budget)
    return try? run(&context, arguments)
  }
}

/// Steps in an order in which each finds its variables bound.
struct Block: Sendable {
  let steps: [Step]
  /// Slots of the variables that belong to this body and to none around it.
  let own: Set<Int>
  /// Each step holds or does not, and binds nothing.
  let isPlain: Bool
  /// How many steps at the beginning are plain and look at no variable: they need no frame.
  let guards: Int

  init(steps: [Step], own: Set<Int> = []) {
    self.steps = steps
    self.own = own
    isPlain = steps.allSatisfy(\.isPlain)
    guards = steps.prefix { $0.isPlain && $0.isFrameless }.count
  }
}

final class Step: Sendable {
  indirect enum Kind: Sendable {
    /// Holds for each value that is not false.
    case test(Operand)
    case unify(Operand, Operand)
    case not(Step, NegationNeeds)
    case someIn(key: Operand?, value: Operand, domain: Operand)
    case every(key: Int?, value: Int, domain: Operand, Block)
  }
  let kind: Kind
  let location: Location
  let withs: [WithOperand]

  init(kind: Kind, location: Location, withs: [WithOperand] = []) {
    self.kind = kind
    self.location = location
    self.withs = withs
  }

  /// Holds or does not, and binds nothing.
  fileprivate var isPlain: Bool {
    guard withs.isEmpty else { return false }
    return switch kind {
    case .test(let operand): operand.isSingle
    case .not(let inner, let needs): inner.isPlain && needs.operands.allSatisfy(\.isSingle)
    default: false
    }
  }

  /// Of a plain step.
  fileprivate var isFrameless: Bool {
    switch kind {
    case .test(let operand): operand.isFrameless
    case .not(let inner, let needs):
      inner.isFrameless && needs.operands.allSatisfy(\.isFrameless)
    default: false
    }
  }
}

struct WithOperand: Sendable {
  enum Target: Sendable {
    case input([Value])
    case data([Value])
    case callee(Callee)
  }
  enum Replacement: Sendable {
    case value(Operand)
    case callee(Call)
  }
  let target: Target
  let replacement: Replacement
}

/// One body of a rule with what it makes.
final class Clause: Sendable {
  struct Branch: Sendable {
    let location: Location
    let value: Operand
    let body: Block
  }
  let location: Location
  let slots: Int
  /// Patterns of a function's arguments.
  let arguments: [Operand]
  /// What follows the constant part of the head: the keys of a partial object.
  let keys: [Operand]
  /// `contains member`.
  let member: Operand?
  /// The body, then the `else` branches; each is tried only where those before it fail.
  let branches: [Branch]

  init(
    location: Location, slots: Int, arguments: [Operand], keys: [Operand], member: Operand?,
    branches: [Branch]
  ) {
    self.location = location
    self.slots = slots
    self.arguments = arguments
    self.keys = keys
    self.member = member
    self.branches = branches
  }
}

/// All rules with one name. Complete before a policy is handed out and never changed afterwards,
/// hence Sendable.
final class RuleGroup: @unchecked Sendable {
  enum Kind: Sendable, Equatable { case complete, set, object, function(arity: Int) }
  let id: Int
  let path: [Value]
  let kind: Kind
  var clauses: [Clause] = []
  /// The value, or the function, of `default`.
  var defaultClause: Clause?
  /// Nil while there are too few clauses to tell apart.
  private(set) var index: RuleIndex?
  /// The first clause that holds decides, for all give the same value.
  private(set) var isUniform = false
  let location: Location

  init(id: Int, path: [Value], kind: Kind, location: Location) {
    self.id = id
    self.path = path
    self.kind = kind
    self.location = location
  }

  var name: String { dottedPath(path) }

  /// All clauses are there.
  func seal() {
    index = RuleIndex(clauses)
    isUniform = Self.uniformValue(clauses)
  }
}

/// The rules by path, from `data` downwards.
///
/// A class so that references can point at their node; all is set before a policy is handed out
/// and never changes afterwards, hence Sendable.
final class RuleNode: @unchecked Sendable {
  let path: [Value]
  fileprivate(set) var children: [Value: RuleNode] = [:]
  /// Index into the policy's groups.
  fileprivate(set) var group: Int?
  fileprivate(set) var isFunction = false
  /// In the order of their keys.
  private(set) var sortedChildren: [(key: Value, node: RuleNode)] = []

  init(path: [Value]) { self.path = path }

  func insert(_ path: ArraySlice<Value>) -> RuleNode {
    guard let key = path.first else { return self }
    let child = children[key] ?? RuleNode(path: self.path + [key])
    children[key] = child
    return child.insert(path.dropFirst())
  }

  func descendant(at path: ArraySlice<Value>) -> RuleNode? {
    guard let key = path.first else { return self }
    return children[key]?.descendant(at: path.dropFirst())
  }

  func attach(group: Int, isFunction: Bool) {
    self.group = group
    self.isFunction = isFunction
  }

  func seal() {
    sortedChildren = children.sorted { $0.key < $1.key }.map { (key: $0.key, node: $0.value) }
    for child in sortedChildren { child.node.seal() }
  }
}

/// `data.a["b c"][0]`, as messages show it.
func dottedPath(_ path: [Value]) -> String {
  var text = ""
  for (index, key) in path.enumerated() {
    if case .string(let name) = key, isPlainName(name) {
      text += (index == 0 ? "" : ".") + name
    } else {
      text += "[\(key.regoText)]"
    }
  }
  return text
}

private func isPlainName(_ name: String) -> Bool {
  guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
  return name.utf8.allSatisfy {
    switch $0 {
    case 48...57, 65...90, 97...122, 95: true
    default: false
    }
  }
}
