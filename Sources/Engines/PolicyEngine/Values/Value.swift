/// A Rego value (OPA policy language, "Grammar" and "Comparing values"): JSON's six kinds, with any
/// value as an object's key, and sets.
///
/// Objects and sets keep their members sorted: iteration is deterministic, comparison a walk, and
/// a lookup a binary search.
package enum Value: Sendable {
  case null
  case bool(Bool)
  case number(Number)
  case string(String)
  case array([Value])
  case object(ObjectValue)
  case set(SetValue)
}

/// The members of an object, sorted by key.
package struct ObjectValue: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package let key: Value
    package let value: Value
  }
  package private(set) var members: [Member]

  package static let empty = ObjectValue(sorted: [])

  private init(sorted members: [Member]) { self.members = members }

  /// Of two members with one key the later stays.
  package init(_ pairs: some Sequence<(Value, Value)>) {
    var members = pairs.map(Member.init)
    if members.count > 1, !members.isStrictlySorted(by: { $0.key }) {
      var latest: [Value: Value] = [:]
      for member in members { latest[member.key] = member.value }
      members = latest.map { Member(key: $0.key, value: $0.value) }
      members.sort { $0.key < $1.key }
    }
    self.members = members
  }

  package var count: Int { members.count }

  package subscript(_ key: Value) -> Value? {
    get {
      var (low, high) = (0, members.count)
      while low < high {
        let middle = (low + high) / 2
        let order = members[middle].key.compared(to: key)
        if order == 0 { return members[middle].value }
        if order < 0 { low = middle + 1 } else { high = middle }
      }
      return nil
    }
    set {
      let index = members.lowerBound(of: key, by: \.key)
      let isPresent = index < members.count && members[index].key == key
      switch (newValue, isPresent) {
      case (let value?, true): members[index] = Member(key: key, value: value)
      case (let value?, false): members.insert(Member(key: key, value: value), at: index)
      case (nil, true): members.remove(at: index)
      case (nil, false): break
      }
    }
  }

  package subscript(_ key: String) -> Value? { self[.string(key)] }

  func filter(_ isIncluded: (Member) throws -> Bool) rethrows -> ObjectValue {
    ObjectValue(sorted: try members.filter(isIncluded))
  }

  func mapValues(_ transform: (Member) throws -> Value) rethrows -> ObjectValue {
    ObjectValue(sorted: try members.map { Member(key: $0.key, value: try transform($0)) })
  }
}

/// The members of a set, sorted.
package struct SetValue: Hashable, Sendable {
  package let members: [Value]

  package static let empty = SetValue(sorted: [])

  init(sorted members: [Value]) { self.members = members }

  package init(_ members: some Sequence<Value>) {
    let all = Array(members)
    if all.isStrictlySorted(by: { $0 }) {
      self.members = all
    } else {
      self.members = Array(Set(all)).sorted()
    }
  }

  package var count: Int { members.count }

  package func contains(_ value: Value) -> Bool {
    let index = members.lowerBound(of: value, by: \.self)
    return index < members.count && members[index] == value
  }
}

extension Array {
  @inline(__always)
  fileprivate func isStrictlySorted(by key: (Element) -> Value) -> Bool {
    var index = 1
    while index < count {
      guard key(self[index - 1]) < key(self[index]) else { return false }
      index += 1
    }
    return true
  }

  /// Index of the first element whose key is not below the given one.
  fileprivate func lowerBound(of wanted: Value, by key: (Element) -> Value) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if key(self[middle]) < wanted { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Value: Hashable {
  package static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let first), .bool(let second)): first == second
    case (.number(let first), .number(let second)): first == second
    case (.string(let first), .string(let second)): isSameText(first, second)
    case (.array(let first), .array(let second)): first == second
    case (.object(let first), .object(let second)): first == second
    case (.set(let first), .set(let second)): first == second
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(rank)
    switch self {
    case .null: break
    case .bool(let flag): hasher.combine(flag)
    case .number(let number): hasher.combine(number)
    case .string(let text):
      var copy = text
      copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    case .array(let elements): hasher.combine(elements)
    case .object(let object): hasher.combine(object)
    case .set(let set): hasher.combine(set)
    }
  }
}

/// By bytes: Swift's own equality takes é and e + U+0301 for the same, and a policy must not.
func isSameText(_ left: String, _ right: String) -> Bool {
  left.utf8.count == right.utf8.count && compareTexts(left, right) == 0
}

/// Negative, zero or positive, by bytes.
func compareTexts(_ left: String, _ right: String) -> Int {
  let order = left.utf8.withContiguousStorageIfAvailable { first in
    right.utf8.withContiguousStorageIfAvailable { compareBytes(first, $0) }
  }
  if case let order?? = order { return order }
  if left.utf8.elementsEqual(right.utf8) { return 0 }
  return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
}

/// Eight bytes at a time: texts are compared more often than anything else.
private func compareBytes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>)
  -> Int
{
  let count = min(left.count, right.count)
  let (first, second) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
  var index = 0
  while index + 8 <= count {
    let one = first.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    let other = second.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    if one != other { return one.bigEndian < other.bigEndian ? -1 : 1 }
    index += 8
  }
  while index < count {
    if first[index] != second[index] { return first[index] < second[index] ? -1 : 1 }
    index += 1
  }
  return left.count - right.count
}

extension Value: Comparable {
  /// Position of the kind in OPA's order: null < boolean < number < string < array < object < set.
  var rank: Int {
    switch self {
    case .null: 0
    case .bool: 1
    case .number: 2
    case .string: 3
    case .array: 4
    case .object: 5
    case .set: 6
    }
  }

  package static func < (left: Value, right: Value) -> Bool { left.compared(to: right) < 0 }

  /// Negative, zero or positive. Strings by bytes, composites member by member, then by count.
  package func compared(to other: Value) -> Int {
    switch (self, other) {
    case (.bool(let left), .bool(let right)): return (left ? 1 : 0) - (right ? 1 : 0)
    case (.number(let left), .number(let right)): return left == right ? 0 : left < right ? -1 : 1
    case (.string(let left), .string(let right)): return compareTexts(left, right)
    case (.array(let left), .array(let right)): return Self.compare(left, right)
    case (.set(let left), .set(let right)): return Self.compare(left.members, right.members)
    case (.object(let left), .object(let right)):
      for (first, second) in zip(left.members, right.members) {
        let order = first.key.compared(to: second.key)
        if order != 0 { return order }
        let next = first.value.compared(to: second.value)
        if next != 0 { return next }
      }
      return left.count - right.count
    default: return rank - other.rank
    }
  }

  private static func compare(_ left: [Value], _ right: [Value]) -> Int {
    for (first, second) in zip(left, right) {
      let order = first.compared(to: second)
      if order != 0 { return order }
    }
    return left.count - right.count
  }
}

extension Value {
  package static func integer(_ value: Int) -> Value { .number(Number(value)) }

  /// As OPA's `type_name` and its error texts call it.
  package var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    case .set: "set"
    }
  }

  /// Members of a collection; a string, number, boolean or null has none.
  var count: Int? {
    switch self {
    case .array(let elements): elements.count
    case .object(let object): object.count
    case .set(let set): set.count
    case .null, .bool, .number, .string: nil
    }
  }

  var isFalse: Bool { if case .bool(false) = self { true } else { false } }

  /// What `value[key]` is: an element, a member's value, or the member of a set itself.
  func member(_ key: Value) -> Value? {
    switch self {
    case .array(let elements):
      guard case .number(let number) = key, let index = number.int, elements.indices.contains(index)
      else { return nil }
      return elements[index]
    case .object(let object): return object[key]
    case .set(let set): return set.contains(key) ? key : nil
    case .null, .bool, .number, .string: return nil
    }
  }

  /// The same in base documents, whose names are always strings: `data.ports[80]` is what stands
  /// under "80".
  func baseMember(_ key: Value) -> Value? {
    if let member = member(key) { return member }
    guard case .number(let number) = key, case .object(let object) = self else { return nil }
    return object[.string(number.description)]
  }

  /// The value with the one at a path of object keys replaced; whatever is no object on the way
  /// becomes one.
  func replacing(at path: ArraySlice<Value>, with value: Value) -> Value {
    guard let key = path.first else { return value }
    var object = ObjectValue.empty
    if case .object(let present) = self { object = present }
    object[key] = (object[key] ?? .null).replacing(at: path.dropFirst(), with: value)
    return .object(object)
  }
}
