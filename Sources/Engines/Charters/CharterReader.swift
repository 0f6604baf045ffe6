import Vocabulary
import Yams

/// Where each part of a charter stands, by its path (`operations[2].callers[0]`), so that a fault
/// between two charters can still point at a line.
struct Places: Sendable {
  let file: String
  var known: [String: Place] = [:]
  /// Places of a list's text items, by the list's path and the item.
  var items: [String: [String: Place]] = [:]

  /// The place of a text item in a list, or of the list.
  subscript(item text: String, of path: String) -> Place { items[path]?[text] ?? self[path] }

  /// The place of the part, or of the nearest part around it.
  subscript(_ path: String) -> Place {
    var path = path[...]
    while true {
      if let place = known[String(path)] { return place }
      guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { break }
      path = path[..<cut]
    }
    return Place(file: file)
  }
}

/// Reads one YAML document by a known shape and collects everything wrong with it, instead of
/// stopping at the first. A class because the objects inside one document report to one list; it
/// never leaves the loader's call.
final class CharterReader {
  private(set) var places: Places
  private(set) var faults: [CharterFault] = []

  init(file: String) { places = Places(file: file) }

  func fault(_ kind: CharterFault.Kind, _ path: String, _ message: String, hint: String? = nil) {
    faults.append(CharterFault(kind, places[path], message, hint: hint))
  }

  /// The document's root. Nil, with a fault, for text that is not one YAML mapping.
  func root(_ text: String, _ fields: FieldList) -> CharterObject? {
    do {
      guard let node = try compose(yaml: text) else {
        fault(.badYAML, "", "the file is empty", hint: "begin with 'apiVersion: strongroom/v1'")
        return nil
      }
      return object(node, "", fields)
    } catch let error as YamlError {
      faults.append(Self.fault(of: error, in: places.file))
    } catch {
      fault(.badYAML, "", "the file is not YAML")
    }
    return nil
  }

  private static func fault(of error: YamlError, in file: String) -> CharterFault {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return CharterFault(
        .badYAML, Place(file: file, line: mark.line, column: mark.column),
        "not YAML: \(problem)", hint: "check indentation (spaces, never tabs), quotes and colons")
    case .duplicatedKeysInMapping(let keys, let context):
      return CharterFault(
        .duplicate, Place(file: file, line: context.mark.line, column: context.mark.column),
        "the field '\(keys.joined(separator: "', '"))' stands twice", hint: "keep one of them")
    case .no, .memory, .reader, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      return CharterFault(.badYAML, Place(file: file), "not YAML: the text cannot be read")
    }
  }

  func note(_ node: Node, _ path: String) {
    guard let mark = node.mark else { return }
    places.known[path] = Place(file: places.file, line: mark.line, column: mark.column)
  }

  func note(item text: String, of list: String, at path: String) {
    places.items[list, default: [:]][text] = places[path]
  }

  func object(_ node: Node, _ path: String, _ fields: FieldList) -> CharterObject? {
    note(node, path)
    guard case .mapping(let mapping) = node else {
      wrongType(path, expected: "fields (name: value)", node)
      return nil
    }
    var values: [String: Node] = [:]
    for (key, value) in mapping {
      guard case .scalar(let name) = key else {
        note(key, path + ".?")
        fault(.wrongType, path + ".?", "a field's name is text")
        continue
      }
      let inner = path.isEmpty ? name.string : "\(path).\(name.string)"
      note(key, inner)
      guard fields.all.contains(name.string) else {
        let near = nearest(to: name.string, among: fields.all)
        fault(
          .unknownField, inner, "unknown field '\(name.string)'",
          hint: near.map { "did you mean '\($0)'?" }
            ?? "known fields here: \(fields.all.joined(separator: ", "))")
        continue
      }
      values[name.string] = value
    }
    for name in fields.required where values[name] == nil {
      let near = nearest(to: name, among: mapping.keys.compactMap { $0.scalar?.string })
      fault(
        .missingField, path,
        "the field '\(name)' is missing" + (path.isEmpty ? "" : " in \(path)"),
        hint: near.map { "'\($0)' is near; is it meant?" })
    }
    return CharterObject(reader: self, path: path, values: values)
  }

  func wrongType(_ path: String, expected: String, _ node: Node) {
    let found =
      switch node {
      case .mapping: "fields"
      case .sequence: "a list"
      case .alias: "an alias"
      case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string.prefix(40))'"
      }
    fault(.wrongType, path, "'\(path)' must be \(expected), not \(found)")
  }
}

/// The fields of one mapping, read by type. Every reader returns nil for a field that is absent or
/// wrong; when it is wrong, a fault has been noted.
struct CharterObject {
  let reader: CharterReader
  let path: String
  let values: [String: Node]

  func at(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  func text(_ name: String) -> String? {
    values[name].flatMap { text($0, at(name)) }
  }

  private func text(_ node: Node, _ path: String) -> String? {
    guard case .scalar(let scalar) = node else {
      reader.wrongType(path, expected: "text", node)
      return nil
    }
    let isBare = scalar.style == .plain || scalar.style == .any
    guard !isBare || !Self.isOtherwiseTyped(scalar.string) else {
      let found = scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
      reader.fault(
        .wrongType, path, "'\(path)' must be text, not \(found)",
        hint: scalar.string.isEmpty ? nil : "put it in quotes if it is meant")
      return nil
    }
    return scalar.string
  }

  /// What YAML reads as a number, a truth value or nothing when it stands without quotes.
  private static func isOtherwiseTyped(_ text: String) -> Bool {
    ["", "~", "null", "true", "false", "yes", "no", "on", "off"].contains(text.lowercased())
      || Double(text) != nil
  }

  /// Text that `make` accepts; `expected` says what that is.
  func value<Value>(
    _ name: String, expected: String, hint: String? = nil, _ make: (String) -> Value?
  ) -> Value? {
    text(name).flatMap { value($0, at(name), expected: expected, hint: hint, make) }
  }

  private func value<Value>(
    _ text: String, _ path: String, expected: String, hint: String?, _ make: (String) -> Value?
  ) -> Value? {
    if let value = make(text) { return value }
    reader.fault(.badValue, path, "'\(text.prefix(80))' is not \(expected)", hint: hint)
    return nil
  }

  /// One of an enumeration's words.
  func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Word.Type
  ) -> Word? where Word.RawValue == String {
    let words = Word.allCases.map(\.rawValue)
    guard let text = text(name) else { return nil }
    let near = nearest(to: text, among: words)
    return value(
      text, at(name), expected: "one of \(words.joined(separator: ", "))",
      hint: near.map { "did you mean '\($0)'?" }
    ) { Word(rawValue: $0) }
  }

  func flag(_ name: String) -> Bool? {
    guard let node = values[name] else { return nil }
    if case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any {
      if scalar.string == "true" { return true }
      if scalar.string == "false" { return false }
    }
    reader.wrongType(at(name), expected: "true or false", node)
    return nil
  }

  func number(_ name: String, in range: ClosedRange<Int>) -> Int? {
    guard let node = values[name] else { return nil }
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any,
      let number = Int(scalar.string)
    else {
      reader.wrongType(at(name), expected: "a whole number", node)
      return nil
    }
    // Another reader of YAML 1.1 takes 0777 for an octal number.
    guard String(number) == scalar.string else {
      reader.fault(
        .badValue, at(name), "'\(at(name))' is written as '\(scalar.string)'",
        hint: "write it as \(number)")
      return nil
    }
    guard range.contains(number) else {
      reader.fault(
        .badValue, at(name),
        "'\(at(name))' is \(number); it must be from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  /// The items of a list with their paths; empty when the field is absent. No more than `max`.
  private func items(_ name: String, max: Int) -> [(Node, String)] {
    guard let node = values[name] else { return [] }
    guard case .sequence(let sequence) = node else {
      reader.wrongType(at(name), expected: "a list", node)
      return []
    }
    guard sequence.count <= max else {
      reader.fault(.tooLarge, at(name), "'\(at(name))' has \(sequence.count) items; \(max) at most")
      return []
    }
    return sequence.enumerated().map { index, item in
      let path = "\(at(name))[\(index)]"
      reader.note(item, path)
      return (item, path)
    }
  }

  func objects(_ name: String, _ fields: FieldList, max: Int) -> [CharterObject] {
    items(name, max: max).compactMap { reader.object($0.0, $0.1, fields) }
  }

  func object(_ name: String, _ fields: FieldList) -> CharterObject? {
    values[name].flatMap { reader.object($0, at(name), fields) }
  }

  /// A list of different values; of any values where `repeats`.
  func list<Value: Hashable>(
    _ name: String, max: Int, expected: String, repeats: Bool = false, _ make: (String) -> Value?
  ) -> [Value] {
    var values: [Value] = []
    for (node, path) in items(name, max: max) {
      guard let text = text(node, path),
        let made = value(text, path, expected: expected, hint: nil, make)
      else { continue }
      if !repeats, values.contains(made) {
        reader.fault(.duplicate, path, "'\(text)' stands twice in '\(at(name))'")
      } else {
        values.append(made)
        reader.note(item: text, of: at(name), at: path)
      }
    }
    return values
  }

  /// A mapping of free names to text.
  func pairs(_ name: String, max: Int) -> [(name: String, text: String, path: String)] {
    guard let node = values[name] else { return [] }
    guard case .mapping(let mapping) = node else {
      reader.wrongType(at(name), expected: "fields (name: value)", node)
      return []
    }
    guard mapping.count <= max else {
      reader.fault(.tooLarge, at(name), "'\(at(name))' has \(mapping.count) fields; \(max) at most")
      return []
    }
    return mapping.compactMap { key, value in
      guard let inner = key.scalar?.string else { return nil }
      let path = "\(at(name)).\(inner)"
      reader.note(key, path)
      return text(value, path).map { (inner, $0, path) }
    }
  }
}
