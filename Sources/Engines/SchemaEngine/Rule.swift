import Patterns
import StrictJSON

/// One schema, ready to be asked. A class, since a structure of this size would be copied at each step.
final class Rule: Sendable {
  let terms: RuleTerms

  init(_ terms: RuleTerms) { self.terms = terms }
}

/// Each keyword as what it needs at run time, other schemas as their numbers in the program.
struct RuleTerms: Sendable {
  /// Where it stands, for faults.
  let place: SchemaRegistry.Place
  /// Number of its resource, for `$dynamicRef`.
  let resource: Int
  /// A schema that is `true` or `false`.
  var verdict: Bool?
  var types: TypeSet?
  var constant: Constants?
  var choices: Constants?
  var number: NumberRule?
  var text: TextRule?
  var array: ArrayRule?
  var object: ObjectRule?
  var reference: Int?
  var dynamicReference: DynamicReference?
  var all: [Int] = []
  var any: [Int] = []
  var one: [Int] = []
  var not: Int?
  var condition: Condition?
  var unevaluatedItems: Int?
  var unevaluatedProperties: Int?

  struct Condition: Sendable {
    let when: Int
    let then: Int?
    let otherwise: Int?
  }

  struct DynamicReference: Sendable {
    let name: String
    /// What it names like any `$ref`.
    let first: Int
    /// Whether that is a dynamic anchor, so that an outer one of that name goes before it.
    let isDynamic: Bool
  }

  init(place: SchemaRegistry.Place, resource: Int) {
    self.place = place
    self.resource = resource
  }
}

/// Types that an instance may have.
struct TypeSet: OptionSet, Sendable {
  let rawValue: UInt8
  static let null = TypeSet(rawValue: 1)
  static let boolean = TypeSet(rawValue: 2)
  static let object = TypeSet(rawValue: 4)
  static let array = TypeSet(rawValue: 8)
  static let number = TypeSet(rawValue: 16)
  static let string = TypeSet(rawValue: 32)
  /// A number that is whole, however it is spelled.
  static let integer = TypeSet(rawValue: 64)

  static let names: [String: TypeSet] = [
    "null": .null, "boolean": .boolean, "object": .object, "array": .array, "number": .number,
    "string": .string, "integer": .integer,
  ]

  /// "a string or null", for a person.
  var spoken: String {
    let words: [(TypeSet, String)] = [
      (.object, "an object"), (.array, "an array"), (.string, "a string"), (.number, "a number"),
      (.integer, "a whole number"), (.boolean, "true or false"), (.null, "null"),
    ]
    return words.filter { contains($0.0) }.map(\.1).joined(separator: " or ")
  }
}

struct NumberRule: Sendable {
  struct Bound: Sendable {
    let keyword: String
    let exact: ExactNumber
    /// The same where it is a 64-bit integer.
    let whole: Int64?
    let spelling: String
  }
  var least: Bound?
  var most: Bound?
  var above: Bound?
  var below: Bound?
  var step: Bound?
}

struct TextRule: Sendable {
  var lengthMin: Int?
  var lengthMax: Int?
  var pattern: ECMAPattern?
  var format: Format?
}

struct ArrayRule: Sendable {
  var countMin: Int?
  var countMax: Int?
  var isUnique = false
  var prefix: [Int] = []
  var rest: Int?
  var contains: Int?
  var containsMin = 1
  var containsMax: Int?
}

struct ObjectRule: Sendable {
  struct Member: Sendable {
    let name: String
    var rule: Int?
    var isRequired = false
    /// Names that must be there when this one is.
    var needs: [Int] = []
    /// What the whole object must be when this one is there.
    var implies: [Int] = []
  }
  /// Members that the schema names, and their places by name.
  var members: [Member] = []
  var names = NameTable()
  var patterns: [(pattern: ECMAPattern, rule: Int)] = []
  var rest: Int?
  var nameRule: Int?
  var countMin: Int?
  var countMax: Int?
  /// Some member is required or asks for others.
  var asksForMembers = false

  /// The place of a member by its name, made where there is none.
  mutating func member(_ name: String) -> Int {
    if let at = names.find(Array(name.utf8)[...]) { return at }
    members.append(Member(name: name))
    names.insert(name, members.count - 1)
    return members.count - 1
  }
}

/// Places by name: FNV-1a over the bytes, open addressing. A lookup compares one name and allocates nothing.
struct NameTable: Sendable {
  private var slots: [(name: [UInt8], value: Int)?] = Array(repeating: nil, count: 8)
  private var count = 0

  mutating func insert(_ name: String, _ value: Int) {
    if 2 * (count + 1) > slots.count {
      let old = slots.compactMap { $0 }
      slots = Array(repeating: nil, count: 2 * slots.count)
      for entry in old { put(entry.name, entry.value) }
    }
    put(Array(name.utf8), value)
    count += 1
  }

  private mutating func put(_ name: [UInt8], _ value: Int) {
    var at = Self.hash(name[...]) & (slots.count - 1)
    while slots[at] != nil { at = (at + 1) & (slots.count - 1) }
    slots[at] = (name, value)
  }

  func find(_ name: ArraySlice<UInt8>) -> Int? {
    var at = Self.hash(name) & (slots.count - 1)
    while let entry = slots[at] {
      if entry.name.count == name.count, entry.name.elementsEqual(name) { return entry.value }
      at = (at + 1) & (slots.count - 1)
    }
    return nil
  }

  private static func hash(_ name: ArraySlice<UInt8>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int(truncatingIfNeeded: hash >> 7) & .max
  }
}

/// Values that an instance may equal.
struct Constants: Sendable {
  let values: [JSON]
  /// Where all of them are texts, by their bytes.
  private let names: NameTable?

  init(_ values: [JSON]) {
    self.values = values
    let texts = values.compactMap(\.string)
    guard texts.count == values.count else {
      names = nil
      return
    }
    var table = NameTable()
    for (at, text) in texts.enumerated() { table.insert(text, at) }
    names = table
  }

  /// "values A, B", or how many there are, for a person.
  var spoken: String {
    let words = values.prefix(12).compactMap(\.string)
    let isShort = values.count <= 12 && words.count == values.count
    return isShort ? "values " + words.joined(separator: ", ") : "\(values.count) values"
  }

  /// In mathematical equality: 1.0 is 1.
  func contains(_ document: JSONDocument, _ node: Int) -> Bool {
    guard let names else { return values.contains { Self.isSame($0, document, node) } }
    let kind = document.nodes[node].kind
    return (kind == .string || kind == .escapedString)
      && names.find(document.textBytes(node)) != nil
  }

  private static func isSame(_ value: JSON, _ document: JSONDocument, _ node: Int) -> Bool {
    let kind = document.nodes[node].kind
    switch value {
    case .null: return kind == .null
    case .bool(let bool): return kind == (bool ? .yes : .no)
    case .integer(let whole):
      if kind == .integer, let other = document.integer(node) { return whole == other }
      return isNumber(kind) && ExactNumber(whole) == document.exactNumber(node)
    case .number:
      return isNumber(kind) && ExactNumber(value.canonicalBytes) == document.exactNumber(node)
    case .string(let text):
      guard kind == .string || kind == .escapedString else { return false }
      return text.utf8.elementsEqual(document.textBytes(node))
    case .array(let elements):
      guard kind == .array, Int(document.nodes[node].end) == elements.count else { return false }
      var child = node + 1
      for element in elements {
        guard isSame(element, document, child) else { return false }
        child = Int(document.nodes[child].next)
      }
      return true
    case .object(let members):
      guard kind == .object, Int(document.nodes[node].end) == members.count else { return false }
      var key = node + 1
      while key < Int(document.nodes[node].next) {
        guard let member = members[document.string(key)], isSame(member, document, key + 1) else {
          return false
        }
        key = Int(document.nodes[key + 1].next)
      }
      return true
    }
  }

  private static func isNumber(_ kind: JSONNode.Kind) -> Bool {
    kind == .integer || kind == .number
  }
}

extension JSONDocument {
  func exactNumber(_ node: Int) -> ExactNumber {
    ExactNumber(bytes[Int(nodes[node].start)..<Int(nodes[node].end)])
  }

  /// A string's or a name's bytes, escapes resolved.
  func textBytes(_ node: Int) -> ArraySlice<UInt8> {
    let kind = nodes[node].kind
    guard kind == .escapedString || kind == .escapedKey else {
      return bytes[Int(nodes[node].start)..<Int(nodes[node].end)]
    }
    return Array(string(node).utf8)[...]
  }
}
