import Vocabulary

/// What an encoder has gathered; sorted and spelled only at the end.
enum Encoded {
  case tree(JSON)
  case object(EncodedMembers)
  case array(EncodedElements)
}

// Classes, because `Encoder` hands out containers that go on filling the same object after they
// were handed out.
final class EncodedMembers { var entries: [(key: String, value: Encoded)] = [] }
final class EncodedElements { var values: [Encoded] = [] }

/// The encoder of one value; also its single-value container.
final class TreeEncoder: Encoder, SingleValueEncodingContainer {
  private let parent: TreeEncoder?
  private let key: (any CodingKey)?
  /// Whose value it is; only an object asks.
  private let type: Any.Type
  private var result: Encoded?

  init(_ type: Any.Type, in parent: TreeEncoder?, as key: (any CodingKey)?) {
    self.type = type
    self.parent = parent
    self.key = key
  }

  static func encode<Value: Encodable>(
    _ value: Value, in parent: TreeEncoder?, as key: (any CodingKey)?
  ) throws -> Encoded {
    let encoder = TreeEncoder(Value.self, in: parent, as: key)
    try value.encode(to: encoder)
    return encoder.finished
  }

  /// A type without members writes nothing, and nothing is an empty object.
  var finished: Encoded { result ?? .object(EncodedMembers()) }

  var codingPath: [any CodingKey] { (parent?.codingPath ?? []) + (key.map { [$0] } ?? []) }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func put(_ value: Encoded) throws {
    guard result == nil else { throw invalid(value, "two values in one place") }
    result = value
  }

  func invalid(_ value: Any, _ reason: String) -> EncodingError {
    .invalidValue(value, .init(codingPath: codingPath, debugDescription: reason))
  }

  func members() -> EncodedMembers {
    if case .object(let members) = result { return members }
    // A type that opens an object after it wrote another kind of value is wrong in its source, not
    // in its data.
    precondition(result == nil, "two kinds of value in one place")
    let members = EncodedMembers()
    result = .object(members)
    return members
  }

  func elements() -> EncodedElements {
    if case .array(let elements) = result { return elements }
    precondition(result == nil, "two kinds of value in one place")  // As above.
    let elements = EncodedElements()
    result = .array(elements)
    return elements
  }

  func container<Key: CodingKey>(keyedBy key: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(
      TreeMembers(
        encoder: self, members: members(), isSnakeCased: type is any SnakeCased.Type))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    TreeElements(encoder: self, elements: elements())
  }
  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func number(_ value: Double) throws -> Encoded {
    guard value.isFinite else { throw invalid(value, "JSON has no spelling for it") }
    return .tree(.number(value))
  }
  func integer(_ value: some BinaryInteger) throws -> Encoded {
    guard let number = Int64(exactly: value) else {
      throw invalid(value, "beyond 64 signed bits")
    }
    return .tree(.integer(number))
  }

  func encodeNil() throws { try put(.tree(.null)) }
  func encode(_ value: Bool) throws { try put(.tree(.bool(value))) }
  func encode(_ value: String) throws { try put(.tree(.string(value))) }
  func encode(_ value: Double) throws { try put(number(value)) }
  func encode(_ value: Float) throws { try put(number(Double(value))) }
  func encode(_ value: Int) throws { try put(integer(value)) }
  func encode(_ value: Int8) throws { try put(integer(value)) }
  func encode(_ value: Int16) throws { try put(integer(value)) }
  func encode(_ value: Int32) throws { try put(integer(value)) }
  func encode(_ value: Int64) throws { try put(integer(value)) }
  func encode(_ value: UInt) throws { try put(integer(value)) }
  func encode(_ value: UInt8) throws { try put(integer(value)) }
  func encode(_ value: UInt16) throws { try put(integer(value)) }
  func encode(_ value: UInt32) throws { try put(integer(value)) }
  func encode(_ value: UInt64) throws { try put(integer(value)) }
  func encode<T: Encodable>(_ value: T) throws {
    try put(TreeEncoder.encode(value, in: self, as: nil))
  }
}

private struct TreeMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: TreeEncoder
  let members: EncodedMembers
  let isSnakeCased: Bool

  var codingPath: [any CodingKey] { encoder.codingPath }

  private func put(_ value: Encoded, _ key: Key) {
    let name = isSnakeCased ? SnakeCase.spell(key.stringValue) : key.stringValue
    // Written twice means written anew, as a dictionary would have it.
    if let index = members.entries.firstIndex(where: { $0.key == name }) {
      members.entries[index].value = value
    } else {
      members.entries.append((name, value))
    }
  }

  mutating func encodeNil(forKey key: Key) throws { put(.tree(.null), key) }
  mutating func encode(_ value: Bool, forKey key: Key) throws { put(.tree(.bool(value)), key) }
  mutating func encode(_ value: String, forKey key: Key) throws { put(.tree(.string(value)), key) }
  mutating func encode(_ value: Double, forKey key: Key) throws {
    put(try encoder.number(value), key)
  }
  mutating func encode(_ value: Float, forKey key: Key) throws {
    put(try encoder.number(Double(value)), key)
  }
  mutating func encode(_ value: Int, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: Int8, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: Int16, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: Int32, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: Int64, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: UInt, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: UInt8, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: UInt16, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: UInt32, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode(_ value: UInt64, forKey key: Key) throws {
    put(try encoder.integer(value), key)
  }
  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    put(try TreeEncoder.encode(value, in: encoder, as: key), key)
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    let nested = TreeEncoder(Never.self, in: encoder, as: key)
    let container = nested.container(keyedBy: type)
    put(nested.finished, key)
    return container
  }
  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    let nested = TreeEncoder(Never.self, in: encoder, as: key)
    let container = nested.unkeyedContainer()
    put(nested.finished, key)
    return container
  }
  /// Only types that inherit use it; none of ours does. The parent's members join the object
  /// itself.
  mutating func superEncoder() -> any Encoder { encoder }
  mutating func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

private struct TreeElements: UnkeyedEncodingContainer {
  let encoder: TreeEncoder
  let elements: EncodedElements

  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { elements.values.count }

  private func put(_ value: Encoded) { elements.values.append(value) }
  private var nextKey: PathKey { PathKey(intValue: count) }

  mutating func encodeNil() throws { put(.tree(.null)) }
  mutating func encode(_ value: Bool) throws { put(.tree(.bool(value))) }
  mutating func encode(_ value: String) throws { put(.tree(.string(value))) }
  mutating func encode(_ value: Double) throws { put(try encoder.number(value)) }
  mutating func encode(_ value: Float) throws { put(try encoder.number(Double(value))) }
  mutating func encode(_ value: Int) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: Int8) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: Int16) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: Int32) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: Int64) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: UInt) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: UInt8) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: UInt16) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: UInt32) throws { put(try encoder.integer(value)) }
  mutating func encode(_ value: UInt64) throws { put(try encoder.integer(value)) }
  mutating func encode<T: Encodable>(_ value: T) throws {
    put(try TreeEncoder.encode(value, in: encoder, as: nextKey))
  }
  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) -> KeyedEncodingContainer<Nested> {
    let nested = TreeEncoder(Never.self, in: encoder, as: nextKey)
    let container = nested.container(keyedBy: type)
    put(nested.finished)
    return container
  }
  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    let nested = TreeEncoder(Never.self, in: encoder, as: nextKey)
    let container = nested.unkeyedContainer()
    put(nested.finished)
    return container
  }
  mutating func superEncoder() -> any Encoder { encoder }
}
