import Vocabulary

/// One decoding of a document: it remembers what has been asked for and read, so that the rest can
/// be refused.
final class Reading {
  // A class, because the containers of one decoding share the marks. It lives in one call and is
  // never shared further.
  let document: JSONDocument
  private var marks: [Marks]

  private struct Marks: OptionSet {
    let rawValue: UInt8
    /// Somebody asked for the value by its name or position.
    static let wanted = Marks(rawValue: 1)
    /// Its content was taken, or its members were opened for taking.
    static let read = Marks(rawValue: 2)
    /// Taken with all it contains.
    static let readWhole = Marks(rawValue: 4)
  }

  init(_ document: JSONDocument) {
    self.document = document
    marks = Array(repeating: [], count: document.nodes.count)
    marks[0] = .wanted
  }

  func want(_ index: Int) { marks[index].insert(.wanted) }
  func markRead(_ index: Int) { marks[index].insert(.read) }

  /// - Throws: `JSONError` for the first member or element that the decoded type did not ask for.
  func refuseUnread() throws(JSONError) {
    let nodes = document.nodes
    var index = 0
    while index < nodes.count {
      let mark = marks[index]
      switch nodes[index].kind {
      case .key, .escapedKey:
        guard marks[index + 1].contains(.wanted) else {
          throw JSONError(pointer: document.pointer(to: index + 1), reason: "unknown field")
        }
      case .object where mark.contains(.wanted):
        // Opened or not: an object that nobody opened may only be empty, and its members will say
        // so.
        if mark.contains(.readWhole) { index = Int(nodes[index].next) - 1 }
      case .null, .yes, .no, .integer, .number, .string, .escapedString, .array, .object:
        guard mark.contains(.read) || mark.contains(.readWhole) else {
          throw JSONError(pointer: document.pointer(to: index), reason: "nothing is expected here")
        }
        if mark.contains(.readWhole) { index = Int(nodes[index].next) - 1 }
      }
      index += 1
    }
  }

  func fault(_ index: Int, _ reason: String) -> JSONError {
    JSONError(pointer: document.pointer(to: index), reason: reason)
  }

  func expected(_ what: String, _ index: Int) -> JSONError {
    fault(index, "expected \(what), found \(document.kindName(index))")
  }

  func isNull(_ index: Int) -> Bool {
    guard document.isNull(index) else { return false }
    marks[index].formUnion([.wanted, .read])
    return true
  }

  func bool(_ index: Int) throws(JSONError) -> Bool {
    switch document.nodes[index].kind {
    case .yes: markRead(index)
    case .no: markRead(index)
    default: throw expected("a boolean", index)
    }
    return document.nodes[index].kind == .yes
  }

  func string(_ index: Int) throws(JSONError) -> String {
    switch document.nodes[index].kind {
    case .string, .escapedString:
      markRead(index)
      return document.string(index)
    default: throw expected("a string", index)
    }
  }

  func integer<T: FixedWidthInteger>(_ type: T.Type, _ index: Int) throws(JSONError) -> T {
    switch document.nodes[index].kind {
    case .integer:
      guard let wide = document.integer(index), let value = T(exactly: wide) else {
        // The name of a Swift type tells the sender nothing; the range does.
        throw fault(index, "an integer from \(T.min) to \(T.max) is expected")
      }
      markRead(index)
      return value
    case .number: throw fault(index, "an integer without fraction and exponent is expected")
    default: throw expected("an integer", index)
    }
  }

  func double(_ index: Int) throws(JSONError) -> Double {
    switch document.nodes[index].kind {
    case .integer, .number:
      markRead(index)
      return document.double(index)
    default: throw expected("a number", index)
    }
  }

  func tree(_ index: Int) -> JSON {
    marks[index].formUnion([.wanted, .readWhole])
    return document.tree(index)
  }

  /// Any type, by its own initialiser; an error of its own is given the place where it happened.
  func decode<T: Decodable>(_ type: T.Type, _ index: Int) throws -> T {
    do {
      return try T(from: NodeDecoder(reading: self, index: index, type: type))
    } catch let error as JSONError {
      throw error
    } catch let error as DecodingError {
      if case .dataCorrupted(let context) = error,
        context.debugDescription.hasPrefix("Cannot initialize"), let allowed = allowedValues(T.self)
      {
        throw fault(index, "not one of: \(allowed)")
      }
      throw error
    } catch let error as any Refusal {
      throw fault(index, error.problem.detail ?? error.problem.title)
    } catch {
      throw fault(index, "not acceptable")
    }
  }
}

/// The spellings of an enumeration with raw values; nil for other types and for long lists.
private func allowedValues<T>(_ type: T.Type) -> String? {
  func list<Case: CaseIterable>(_ type: Case.Type) -> String? {
    let names = Case.allCases.prefix(17).compactMap { ($0 as? any RawRepresentable)?.rawValue }
    guard (1...16).contains(names.count) else { return nil }
    return names.map { "\($0)" }.joined(separator: ", ")
  }
  return (type as? any CaseIterable.Type).flatMap { list($0) }
}

/// The decoder at one value; also its single-value container.
struct NodeDecoder: Decoder, SingleValueDecodingContainer {
  let reading: Reading
  let index: Int
  /// Whose value it is; only an object asks.
  let type: Any.Type

  var codingPath: [any CodingKey] { reading.document.path(to: index) }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy key: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(
      try NodeMembers<Key>(reading, index, isSnakeCased: type is any SnakeCased.Type))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try NodeElements(reading, index)
  }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

  func tree() -> JSON { reading.tree(index) }

  func decodeNil() -> Bool { reading.isNull(index) }
  func decode(_ type: Bool.Type) throws -> Bool { try reading.bool(index) }
  func decode(_ type: String.Type) throws -> String { try reading.string(index) }
  func decode(_ type: Double.Type) throws -> Double { try reading.double(index) }
  func decode(_ type: Float.Type) throws -> Float { Float(try reading.double(index)) }
  func decode(_ type: Int.Type) throws -> Int { try reading.integer(type, index) }
  func decode(_ type: Int8.Type) throws -> Int8 { try reading.integer(type, index) }
  func decode(_ type: Int16.Type) throws -> Int16 { try reading.integer(type, index) }
  func decode(_ type: Int32.Type) throws -> Int32 { try reading.integer(type, index) }
  func decode(_ type: Int64.Type) throws -> Int64 { try reading.integer(type, index) }
  func decode(_ type: UInt.Type) throws -> UInt { try reading.integer(type, index) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try reading.integer(type, index) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try reading.integer(type, index) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try reading.integer(type, index) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try reading.integer(type, index) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try reading.decode(type, index) }
}
