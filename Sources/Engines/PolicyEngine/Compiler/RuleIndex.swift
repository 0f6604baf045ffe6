/// Which clauses of a rule can hold at all for an input, found by what they compare with constants:
/// `input.a.b == "x"`, `input.a in {"x", "y"}`, the constants in `input.path == ["v1", id]`, and
/// constant arguments of functions. Ten thousand rules then cost as much as the few that may apply.
struct RuleIndex: Sendable {
  /// Fewest clauses that are worth a look.
  static let clausesMin = 4
  /// Most elements of an array that are looked at.
  private static let elementsMax = 8

  /// What clauses are told apart by.
  enum Source: Hashable, Sendable {
    case input([Value])
    /// How many elements an array has.
    case length([Value])
    case argument(Int)
  }

  private enum Node: Sendable {
    case clauses([Int])
    case fork(Fork)
  }

  /// Clauses by the value they want; `others` want none in particular.
  private final class Fork: Sendable {
    let source: Source
    /// In order, each with its node; looked through while there are few.
    let values: [Value]
    let nodes: [Node]
    let places: [Value: Int]
    let others: Node

    /// Most values that are looked through faster than hashed.
    static let scannedMax = 12

    init(_ source: Source, _ byValue: [Value: Node], others: Node) {
      self.source = source
      let sorted = byValue.sorted { $0.key < $1.key }
      values = sorted.map(\.key)
      nodes = sorted.map(\.value)
      places =
        values.count <= Self.scannedMax
        ? [:] : Dictionary(uniqueKeysWithValues: values.enumerated().map { ($1, $0) })
      self.others = others
    }

    func place(of value: Value) -> Int? {
      guard places.isEmpty else { return places[value] }
      return values.firstIndex(of: value)
    }
  }
  private let root: Node

  /// Nil where nothing tells the clauses apart.
  init?(_ clauses: [Clause]) {
    guard clauses.count >= Self.clausesMin else { return nil }
    let wishes = clauses.map(Self.wishes)
    root = Self.node(Array(clauses.indices), wishes, [])
    if case .clauses = root { return nil }
  }

  private static func node(
    _ clauses: [Int], _ wishes: [[Source: Set<Value>]], _ used: Set<Source>
  ) -> Node {
    guard clauses.count >= clausesMin else { return .clauses(clauses) }
    var counts: [Source: Int] = [:]
    var values: [Source: Set<Value>] = [:]
    for clause in clauses {
      for (source, wanted) in wishes[clause] where !used.contains(source) {
        counts[source, default: 0] += 1
        values[source, default: []].formUnion(wanted)
      }
    }
    // The one that leaves the fewest together; of equals always the same one.
    let best = counts.filter { (values[$0.key]?.count ?? 0) > 1 }.max { left, right in
      let (first, second) = (values[left.key]?.count ?? 0, values[right.key]?.count ?? 0)
      if left.value * first != right.value * second {
        return left.value * first < right.value * second
      }
      return "\(left.key)" < "\(right.key)"
    }
    guard let source = best?.key else { return .clauses(clauses) }
    var groups: [Value: [Int]] = [:]
    var others: [Int] = []
    for clause in clauses {
      guard let wanted = wishes[clause][source] else {
        others.append(clause)
        continue
      }
      for value in wanted { groups[value, default: []].append(clause) }
    }
    let rest = used.union([source])
    return .fork(
      Fork(
        source, groups.mapValues { node($0, wishes, rest) }, others: node(others, wishes, rest)))
  }

  /// What a clause compares with constants, and which of them let it hold. A clause with `else`
  /// may hold when its first body does not.
  private static func wishes(_ clause: Clause) -> [Source: Set<Value>] {
    var wishes: [Source: Set<Value>] = [:]
    func wish(_ source: Source, _ values: Set<Value>) {
      wishes[source] = wishes[source].map { $0.intersection(values) } ?? values
    }
    /// An array equals another only where their lengths and all elements do.
    func wish(_ place: Operand, equals value: Operand) {
      guard let path = inputPath(place) else { return }
      if let constant = value.constant { wish(.input(path), [constant]) }
      var elements: [Value?]
      switch value.kind {
      case .array(let operands): elements = operands.map(\.constant)
      case .constant(.array(let values)): elements = values
      default: return
      }
      wish(.length(path), [.integer(elements.count)])
      elements.removeLast(max(0, elements.count - elementsMax))
      for case (let index, let element?) in elements.enumerated() {
        wish(.input(path + [.integer(index)]), [element])
      }
    }
    for (index, argument) in clause.arguments.enumerated() {
      if let constant = argument.constant { wish(.argument(index), [constant]) }
    }
    guard clause.branches.count == 1 else { return wishes }
    for step in clause.branches[0].body.steps where step.withs.isEmpty {
      switch step.kind {
      case .unify(let left, let right):
        wish(left, equals: right)
        wish(right, equals: left)
      case .test(let operand):
        guard case .call(let call) = operand.kind, call.arguments.count == 2 else { continue }
        let (left, right) = (call.arguments[0], call.arguments[1])
        if call.callee == .builtin("equal") {
          wish(left, equals: right)
          wish(right, equals: left)
        } else if call.callee == .builtin("internal.member_2"), let path = inputPath(left) {
          switch right.constant {
          case .array(let elements): wish(.input(path), Set(elements))
          case .set(let set): wish(.input(path), Set(set.members))
          default: continue
          }
        }
      default: continue
      }
    }
    return wishes
  }

  private static func inputPath(_ operand: Operand) -> [Value]? {
    guard case .input(let path) = operand.kind else { return nil }
    let constants = path.compactMap(\.constant)
    return constants.count == path.count ? constants : nil
  }

  /// The clauses that may hold, in their order.
  func candidates(input: Value?, arguments: [Value]) -> [Int] {
    var found: [Int] = []
    var lists = 0
    collect(root, input, arguments, &found, &lists)
    return lists > 1 ? found.sorted() : found
  }

  private func collect(
    _ node: Node, _ input: Value?, _ arguments: [Value], _ found: inout [Int], _ lists: inout Int
  ) {
    switch node {
    case .clauses(let clauses):
      guard !clauses.isEmpty else { return }
      lists += 1
      if lists == 1 { found = clauses } else { found += clauses }
    case .fork(let fork):
      let value: Value?
      switch fork.source {
      case .input(let path): value = Self.member(input, path)
      case .length(let path):
        if case .array(let elements)? = Self.member(input, path) {
          value = .integer(elements.count)
        } else {
          value = nil
        }
      case .argument(let index): value = arguments[index]
      }
      if let value, let place = fork.place(of: value) {
        collect(fork.nodes[place], input, arguments, &found, &lists)
      }
      collect(fork.others, input, arguments, &found, &lists)
    }
  }

  private static func member(_ value: Value?, _ path: [Value]) -> Value? {
    var current = value
    for key in path { current = current?.member(key) }
    return current
  }
}

extension RuleGroup {
  /// All clauses give the one constant, so that the first that holds decides.
  static func uniformValue(_ clauses: [Clause]) -> Bool {
    let values = clauses.flatMap { $0.branches.map(\.value.constant) }
    guard let first = values.first, let constant = first else { return false }
    return values.allSatisfy { $0 == constant }
  }
}
