package import StrictJSON

extension Value {
  /// Longest JSON text that is read, in bytes, and most arrays and objects inside each other.
  package static let jsonBytesMax = 16 << 20
  package static let jsonDepthMax = 200

  package init(_ json: JSON) {
    switch json {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .integer(let number): self = .number(Number(number))
    case .number(let number): self = Number(number).map(Value.number) ?? .null
    case .string(let text): self = .string(text)
    case .array(let elements): self = .array(elements.map(Value.init))
    case .object(let members):
      self = .object(ObjectValue(members.map { (.string($0.key), Value($0.value)) }))
    }
  }

  /// Sets become sorted arrays, and keys that are no strings their JSON text, as in OPA's results.
  package var json: JSON {
    switch self {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .number(let number): number.int64.map(JSON.integer) ?? .number(number.double)
    case .string(let text): .string(text)
    case .array(let elements): .array(elements.map(\.json))
    case .set(let set): .array(set.members.map(\.json))
    case .object(let object):
      .object(
        Dictionary(object.members.map { ($0.key.keyText, $0.value.json) }, uniquingKeysWith: { $1 })
      )
    }
  }

  /// The value with sets as sorted arrays and all keys as strings: what JSON can carry.
  package var jsonValue: Value {
    switch self {
    case .null, .bool, .number, .string: self
    case .array(let elements): .array(elements.map(\.jsonValue))
    case .set(let set): .array(set.members.map(\.jsonValue))
    case .object(let object):
      .object(ObjectValue(object.members.map { (.string($0.key.keyText), $0.value.jsonValue) }))
    }
  }

  /// What a key of an object is called in JSON.
  var keyText: String {
    if case .string(let text) = self { return text }
    return jsonText
  }

  /// Compact JSON, keys sorted, numbers with all their digits.
  package var jsonText: String {
    var writer = TextWriter()
    writer.writeJSON(jsonValue)
    return writer.text
  }

  /// JSON over several lines, two spaces a level, keys sorted.
  package var indentedJSON: String {
    var writer = TextWriter()
    writer.writeIndented(jsonValue, margin: "")
    return writer.text
  }

  /// As Rego source, and as `sprintf("%v")` and `print` show it.
  package var regoText: String {
    var writer = TextWriter()
    writer.writeRego(self)
    return writer.text
  }

  /// Reads one JSON text without rounding any number; of two members with one name the later
  /// stays, as in Go.
  /// - Throws: `JSONTextError` with the byte position, also beyond a limit.
  package static func parse(json bytes: some Sequence<UInt8>) throws(JSONTextError) -> Value {
    var reader = JSONTextReader(bytes: Array(bytes))
    return try reader.document()
  }
}

/// Why a text is not JSON.
package struct JSONTextError: Error, Hashable {
  package let reason: String
  package let offset: Int
}

struct TextWriter {
  private(set) var text = ""

  mutating func writeJSON(_ value: Value) {
    switch value {
    case .null: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .number(let number): text += number.description
    case .string(let string): writeQuoted(string)
    case .array(let elements): writeList(elements, "[", "]", ",") { $0.writeJSON($1) }
    case .set(let set): writeList(set.members, "[", "]", ",") { $0.writeJSON($1) }
    case .object(let object):
      writeList(object.members, "{", "}", ",") {
        $0.writeJSON($1.key)
        $0.text += ":"
        $0.writeJSON($1.value)
      }
    }
  }

  mutating func writeRego(_ value: Value) {
    switch value {
    case .null, .bool, .number, .string: writeJSON(value)
    case .array(let elements): writeList(elements, "[", "]", ", ") { $0.writeRego($1) }
    case .set(let set) where set.count == 0: text += "set()"
    case .set(let set): writeList(set.members, "{", "}", ", ") { $0.writeRego($1) }
    case .object(let object):
      writeList(object.members, "{", "}", ", ") {
        $0.writeRego($1.key)
        $0.text += ": "
        $0.writeRego($1.value)
      }
    }
  }

  mutating func writeIndented(_ value: Value, margin: String) {
    guard (value.count ?? 0) > 0 else { return writeJSON(value) }
    let inner = margin + "  "
    switch value {
    case .array(let elements):
      writeList(elements, "[\n" + inner, "\n" + margin + "]", ",\n" + inner) {
        $0.writeIndented($1, margin: inner)
      }
    case .object(let object):
      writeList(object.members, "{\n" + inner, "\n" + margin + "}", ",\n" + inner) {
        $0.writeJSON($1.key)
        $0.text += ": "
        $0.writeIndented($1.value, margin: inner)
      }
    default: writeJSON(value)
    }
  }

  private mutating func writeList<Element>(
    _ elements: [Element], _ open: String, _ close: String, _ separator: String,
    _ write: (inout TextWriter, Element) -> Void
  ) {
    text += open
    for (index, element) in elements.enumerated() {
      if index > 0 { text += separator }
      write(&self, element)
    }
    text += close
  }

  /// Escapes what must be, with Go's spelling.
  mutating func writeQuoted(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{c}": text += "\\f"
      case "\u{0}"..."\u{1f}":
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
