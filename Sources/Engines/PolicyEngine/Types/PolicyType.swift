/// What values a term can have, as far as that is known before a policy runs (OPA, "Type Checking").
///
/// Types that have no value in common make a line that never holds; as in OPA, collections of
/// different elements have none, although both may be empty.
indirect enum PolicyType: Hashable, Sendable {
  case null, boolean, number, string
  /// What is known of the first elements, then of all further ones; nil: there are none.
  case array(first: [PolicyType], rest: PolicyType?)
  case set(PolicyType)
  /// What is known of single members, then of all others; nil: there are none.
  case object(members: [Value: PolicyType], others: Others?)
  /// One of these; of none: anything.
  case any(Set<PolicyType>)

  struct Others: Hashable, Sendable {
    let key: PolicyType
    let value: PolicyType
  }

  static let anything = PolicyType.any([])
  static let anyArray = PolicyType.array(first: [], rest: .anything)
  static let anySet = PolicyType.set(.anything)
  static let anyObject = PolicyType.object(keys: .anything, values: .anything)

  static func array(_ element: PolicyType) -> PolicyType { .array(first: [], rest: element) }
  static func object(keys: PolicyType, values: PolicyType) -> PolicyType {
    .object(members: [:], others: Others(key: keys, value: values))
  }

  var isAnything: Bool { self == .anything }

  /// Of the elements of an array or a set literal, or of the clauses of a rule.
  init(of types: some Sequence<PolicyType>) {
    self = types.reduce(nil) { $0?.union($1) ?? $1 } ?? .anything
  }

  // MARK: Limits

  /// Most types within a type, and most of which one holds: what has more is known less well. Without
  /// it a policy could make its reader work exponentially long.
  private static let sizeMax = 256
  private static let alternativesMax = 32

  /// The same, or less well known where it is too big.
  var limited: PolicyType {
    var left = Self.sizeMax
    if fits(&left) { return self }
    return switch self {
    case .array: .anyArray
    case .set: .anySet
    case .object: .anyObject
    default: .anything
    }
  }

  private func fits(_ left: inout Int) -> Bool {
    left -= 1
    guard left > 0 else { return false }
    switch self {
    case .null, .boolean, .number, .string: return true
    case .array(let first, let rest):
      return first.allSatisfy { $0.fits(&left) } && rest?.fits(&left) ?? true
    case .set(let element): return element.fits(&left)
    case .object(let members, let others):
      return members.values.allSatisfy { $0.fits(&left) }
        && others.map { $0.key.fits(&left) && $0.value.fits(&left) } ?? true
    case .any(let types): return types.allSatisfy { $0.fits(&left) }
    }
  }

  // MARK: Values

  /// The type of a value that is known.
  init(of value: Value) {
    var left = Self.sizeMax
    self = Self.type(of: value, &left).limited
  }

  private static func type(of value: Value, _ left: inout Int) -> PolicyType {
    left -= 1
    switch value {
    case .null: return .null
    case .bool: return .boolean
    case .number: return .number
    case .string: return .string
    case .array(let elements):
      guard !elements.isEmpty, elements.count < left else { return .anyArray }
      return .array(first: elements.map { type(of: $0, &left) }, rest: nil)
    case .set(let set):
      guard set.count < left else { return .anySet }
      return .set(PolicyType(of: set.members.map { type(of: $0, &left) }))
    case .object(let object):
      guard object.count > 0, object.count < left else { return .anyObject }
      let members = object.members.map { ($0.key, type(of: $0.value, &left)) }
      return .object(members: Dictionary(uniqueKeysWithValues: members), others: nil)
    }
  }

  // MARK: What is in it

  /// What it can be indexed by; nil where it has nothing inside.
  var keys: PolicyType? {
    switch self {
    case .null, .boolean, .number, .string: nil
    case .array: .number
    case .set(let element): element
    case .object(let members, let others):
      Self.join(members.keys.map { PolicyType(of: $0) } + (others.map { [$0.key] } ?? []))
    case .any(let types): types.isEmpty ? .anything : Self.join(types.compactMap(\.keys))
    }
  }

  /// What indexing it can give; nil where it has nothing inside.
  var values: PolicyType? {
    switch self {
    case .null, .boolean, .number, .string: nil
    case .array(let first, let rest): Self.join(first + (rest.map { [$0] } ?? []))
    case .set(let element): element
    case .object(let members, let others):
      Self.join(Array(members.values) + (others.map { [$0.value] } ?? []))
    case .any(let types): types.isEmpty ? .anything : Self.join(types.compactMap(\.values))
    }
  }

  private static func join(_ types: [PolicyType]) -> PolicyType? {
    types.isEmpty ? nil : PolicyType(of: types)
  }

  /// What indexing it by a key that is known can give; nil where nothing can be there.
  func selected(_ key: Value) -> PolicyType? {
    switch self {
    case .null, .boolean, .number, .string: return nil
    case .array(let first, let rest):
      guard case .number(let number) = key, let index = number.int, index >= 0 else { return nil }
      return index < first.count ? first[index] : rest
    case .set(let element):
      let type = PolicyType(of: key)
      return element.unifies(type) ? type : nil
    case .object(let members, let others):
      if let member = members[key] { return member }
      return others.flatMap { $0.key.unifies(PolicyType(of: key)) ? $0.value : nil }
    case .any(let types):
      return types.isEmpty ? .anything : Self.join(types.compactMap { $0.selected(key) })
    }
  }

  // MARK: Two types

  func union(_ other: PolicyType) -> PolicyType {
    let types = alternatives.union(other.alternatives)
    if isAnything || other.isAnything || types.count > Self.alternativesMax { return .anything }
    return types.count == 1 ? self : PolicyType.any(types).limited
  }

  private var alternatives: Set<PolicyType> {
    if case .any(let types) = self { types } else { [self] }
  }

  /// Whether there can be a value of both.
  func unifies(_ other: PolicyType) -> Bool {
    switch (self, other) {
    case (.any(let types), _):
      return types.isEmpty || types.contains { $0.unifies(other) }
    case (_, .any(let types)):
      return types.isEmpty || types.contains { unifies($0) }
    case (.null, .null), (.boolean, .boolean), (.number, .number), (.string, .string): return true
    case (.set(let element), .set(let otherElement)): return element.unifies(otherElement)
    case (.array(let first, let rest), .array(let second, let otherRest)):
      for index in 0..<max(first.count, second.count) {
        guard let left = index < first.count ? first[index] : rest,
          let right = index < second.count ? second[index] : otherRest, left.unifies(right)
        else { return false }
      }
      guard let rest, let otherRest else { return true }
      return rest.unifies(otherRest)
    case (.object(let members, let others), .object(let second, let otherOthers)):
      for key in Set(members.keys).union(second.keys) {
        guard let left = selected(key), let right = other.selected(key), left.unifies(right) else {
          return false
        }
      }
      guard let others, let otherOthers else { return true }
      return others.value.unifies(otherOthers.value)
    default: return false
    }
  }
}

extension PolicyType: CustomStringConvertible {
  /// As OPA writes it: `array<number, string>[any]`, `object<a: number>[string: any]`, `any<…>`.
  var description: String {
    switch self {
    case .null: return "null"
    case .boolean: return "boolean"
    case .number: return "number"
    case .string: return "string"
    case .array(let first, let rest):
      let known = first.isEmpty ? "" : "<\(list(first))>"
      return "array" + known + (rest.map { "[\($0)]" } ?? "")
    case .set(let element): return "set[\(element)]"
    case .object(let members, let others):
      let known = members.sorted { $0.key < $1.key }.map { key, type in
        if case .string(let name) = key { "\(name): \(type)" } else { "\(key.regoText): \(type)" }
      }
      return "object" + (known.isEmpty ? "" : "<\(known.joined(separator: ", "))>")
        + (others.map { "[\($0.key): \($0.value)]" } ?? "")
    case .any(let types):
      guard !types.isEmpty else { return "any" }
      return "any<\(list(Self.ordered(types)))>"
    }
  }

  /// In the order in which OPA names alternatives.
  static func ordered(_ types: Set<PolicyType>) -> [PolicyType] {
    types.sorted { ($0.rank, "\($0)") < ($1.rank, "\($1)") }
  }

  private func list(_ types: [PolicyType]) -> String {
    types.map(\.description).joined(separator: ", ")
  }

  private var rank: Int {
    switch self {
    case .null: 0
    case .boolean: 1
    case .number: 2
    case .string: 3
    case .array: 4
    case .object: 5
    case .set: 6
    case .any: 7
    }
  }
}
