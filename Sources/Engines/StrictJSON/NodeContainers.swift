import Vocabulary

/// An object being decoded. A class, because a lookup goes on from where the last one ended: the
/// members are usually sent, or listed by `allKeys`, in the order in which they are asked for, so
/// each costs one comparison.
final class NodeMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let reading: Reading
  private let index: Int
  private let isSnakeCased: Bool
  private var cursor: Int

  init(_ reading: Reading, _ index: Int, isSnakeCased: Bool = false) throws(JSONError) {
    guard reading.document.nodes[index].kind == .object else {
      throw reading.expected("an object", index)
    }
    reading.markRead(index)
    self.reading = reading
    self.index = index
    self.isSnakeCased = isSnakeCased
    cursor = index + 1
  }

  var codingPath: [any CodingKey] { reading.document.path(to: index) }

  /// As they travel: types that are spelled in snake_case know their members and ask for none.
  var allKeys: [Key] {
    let document = reading.document
    var keys: [Key] = []
    keys.reserveCapacity(Int(document.nodes[index].end))
    var position = index + 1
    while position < Int(document.nodes[index].next) {
      if let key = Key(stringValue: document.string(position)) { keys.append(key) }
      position = Int(document.nodes[position + 1].next)
    }
    return keys
  }

  /// JSONNode of the value with this name.
  private func find(_ key: Key) -> Int? {
    let nodes = reading.document.nodes
    let name = key.stringValue
    let end = Int(nodes[index].next)
    for range in [cursor..<end, index + 1..<cursor] {
      var position = range.lowerBound
      while position < range.upperBound {
        let value = position + 1
        let next = Int(nodes[value].next)
        if isNamed(name, nodes[position]) {
          cursor = next
          return value
        }
        position = next
      }
    }
    return nil
  }

  private func isNamed(_ name: String, _ node: JSONNode) -> Bool {
    guard node.kind == .key else {
      let found = documentString(node, in: reading.document.bytes)
      return found == (isSnakeCased ? SnakeCase.spell(name) : name)
    }
    if isSnakeCased {
      return SnakeCase.isSpelling(
        reading.document.bytes[Int(node.start)..<Int(node.end)], of: name)
    }
    let utf8 = name.utf8
    guard utf8.count == Int(node.end - node.start) else { return false }
    var position = Int(node.start)
    for byte in utf8 {
      if reading.document.bytes[position] != byte { return false }
      position += 1
    }
    return true
  }

  private func want(_ key: Key) throws(JSONError) -> Int {
    guard let value = find(key) else {
      let name = isSnakeCased ? SnakeCase.spell(key.stringValue) : key.stringValue
      let path = reading.document.path(to: index).map(\.stringValue) + [name]
      throw JSONError(pointer: jsonPointer(path), reason: "is missing")
    }
    reading.want(value)
    return value
  }

  func contains(_ key: Key) -> Bool { find(key) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { reading.isNull(try self[key]) }

  private subscript(_ key: Key) -> Int { get throws(JSONError) { try want(key) } }

  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try reading.bool(self[key]) }
  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try reading.string(self[key])
  }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try reading.double(self[key])
  }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
    Float(try reading.double(self[key]))
  }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
    try reading.integer(type, self[key])
  }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt {
    try reading.integer(type, self[key])
  }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
    try reading.integer(type, self[key])
  }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
    try reading.integer(type, self[key])
  }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try reading.decode(type, self[key])
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    KeyedDecodingContainer(try NodeMembers<Nested>(reading, self[key]))
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try NodeElements(reading, self[key])
  }
  func superDecoder() throws -> any Decoder {
    guard let key = Key(stringValue: "super") else { throw reading.fault(index, "not acceptable") }
    return try superDecoder(forKey: key)
  }
  func superDecoder(forKey key: Key) throws -> any Decoder {
    NodeDecoder(reading: reading, index: try self[key], type: Never.self)
  }
}

/// An array being decoded, element after element; what is left over is refused at the end.
struct NodeElements: UnkeyedDecodingContainer {
  private let reading: Reading
  private let index: Int
  private var position: Int
  private(set) var currentIndex = 0

  init(_ reading: Reading, _ index: Int) throws(JSONError) {
    guard reading.document.nodes[index].kind == .array else {
      throw reading.expected("an array", index)
    }
    reading.markRead(index)
    self.reading = reading
    self.index = index
    position = index + 1
  }

  var codingPath: [any CodingKey] { reading.document.path(to: index) }
  var count: Int? { Int(reading.document.nodes[index].end) }
  var isAtEnd: Bool { position >= Int(reading.document.nodes[index].next) }

  private mutating func take<T>(_ body: (Reading, Int) throws -> T) throws -> T {
    guard !isAtEnd else {
      throw reading.fault(index, "expected more than \(currentIndex) elements")
    }
    reading.want(position)
    let value = try body(reading, position)
    position = Int(reading.document.nodes[position].next)
    currentIndex += 1
    return value
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, reading.isNull(position) else { return false }
    return try take { _, _ in true }
  }
  mutating func decode(_ type: Bool.Type) throws -> Bool { try take { try $0.bool($1) } }
  mutating func decode(_ type: String.Type) throws -> String { try take { try $0.string($1) } }
  mutating func decode(_ type: Double.Type) throws -> Double { try take { try $0.double($1) } }
  mutating func decode(_ type: Float.Type) throws -> Float { Float(try take { try $0.double($1) }) }
  mutating func decode(_ type: Int.Type) throws -> Int { try integer() }
  mutating func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
  mutating func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
  mutating func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
  mutating func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
  mutating func decode(_ type: UInt.Type) throws -> UInt { try integer() }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    try take { try $0.decode(type, $1) }
  }
  private mutating func integer<T: FixedWidthInteger>() throws -> T {
    try take { try $0.integer(T.self, $1) }
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try take { KeyedDecodingContainer(try NodeMembers<Nested>($0, $1)) }
  }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try take { try NodeElements($0, $1) }
  }
  mutating func superDecoder() throws -> any Decoder {
    try take { NodeDecoder(reading: $0, index: $1, type: Never.self) }
  }
}
