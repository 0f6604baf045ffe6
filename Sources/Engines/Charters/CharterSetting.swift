import StrictJSON
import Vocabulary

/// What an operator may choose for a service: a number, one of some words, or a folder. The charter says it all in one place: name, unit, range, default and what
/// it is for; the launcher refuses what is not in the range before anything starts, and the service reads it by its name.
package struct CharterSetting: Hashable, Sendable {
  package enum Unit: String, Sendable, CaseIterable {
    case milliseconds, seconds, days
    case mebibytes
    /// So many of what the name says.
    case count
    case perSecond = "per_second"
    /// One of the words that `choices` names.
    case choice
    /// A folder of the machine's, by its absolute path. The service may read it.
    case folder
  }

  /// `[a-z][a-z0-9_]*`, 40 characters at most; one in its charter.
  package let name: String
  package let unit: Unit
  /// Of a number; of others it says nothing.
  package let range: ClosedRange<Int>
  /// What it is where nobody has chosen; in the range.
  package let value: Int
  /// The words of a choice.
  package let choices: [String]
  /// The word or folder where nobody has chosen; empty for a number.
  package let word: String
  /// One sentence for people.
  package let summary: String

  package init(
    _ name: String, _ unit: Unit, in range: ClosedRange<Int>, default value: Int, _ summary: String
  ) {
    self.name = name
    self.unit = unit
    self.range = range
    self.value = value
    self.summary = summary
    choices = []
    word = ""
  }

  /// A choice, or a folder where there are no words to choose from.
  package init(_ name: String, of choices: [String], default word: String, _ summary: String) {
    self.name = name
    unit = choices.isEmpty ? .folder : .choice
    range = 0...0
    value = 0
    self.choices = choices
    self.word = word
    self.summary = summary
  }

  /// Whether it is a number.
  package var isNumber: Bool { unit != .choice && unit != .folder }

  /// What it is where nobody has chosen, as people read it.
  package var usualText: String { isNumber ? "\(value)" : word }

  /// Whether a text can be chosen, where it is no number.
  package func allows(_ text: String) -> Bool {
    unit == .choice ? choices.contains(text) : Charter.isPlainPath(text)
  }

  /// The range as people read it: `60–86400 seconds`.
  package var rangeText: String {
    switch unit {
    case .choice: return choices.joined(separator: ", ")
    case .folder: return "a folder's absolute path"
    default: break
    }
    let unit = self.unit == .count ? "" : " " + self.unit.rawValue.replacing("_", with: " ")
    return "\(range.lowerBound)–\(range.upperBound)\(unit)"
  }

  static let settingsMax = 64
  static let valueMax = 1_000_000_000_000

  /// Nil, and a fault, where it contradicts itself.
  static func read(_ object: CharterObject) -> CharterSetting? {
    let name = object.value(
      "name", expected: "a setting's name ([a-z][a-z0-9_]*, 40 characters at most)", settingName)
    guard let unit = object.word("unit", Unit.self) else { return nil }
    guard unit != .choice, unit != .folder else { return word(object, name, unit) }
    for missing in ["min", "max"] where object.values[missing] == nil {
      object.reader.fault(
        .missingField, object.path, "the field '\(missing)' is missing in \(object.path)")
    }
    let (least, most) = (
      object.number("min", in: 0...valueMax), object.number("max", in: 0...valueMax)
    )
    let value = object.number("default", in: 0...valueMax)
    guard let name, let least, let most, let value, let summary = summary(object) else {
      return nil
    }
    guard least <= most, (least...most).contains(value) else {
      object.reader.fault(
        .contradiction, object.at("default"), "the default \(value) is not from \(least) to \(most)"
      )
      return nil
    }
    return CharterSetting(name, unit, in: least...most, default: value, summary)
  }

  private static func word(_ object: CharterObject, _ name: String?, _ unit: Unit)
    -> CharterSetting?
  {
    let choices = object.list("choices", max: 16, expected: "a word of the choice", settingName)
    let word = object.text("default")
    guard let name, let word, let summary = summary(object) else { return nil }
    let setting = CharterSetting(name, of: choices, default: word, summary)
    guard setting.unit == unit, setting.allows(word) else {
      object.reader.fault(
        .contradiction, object.at("default"),
        "'\(word)' cannot be chosen: \(setting.rangeText)")
      return nil
    }
    return setting
  }

  private static func summary(_ object: CharterObject) -> String? {
    object.value("summary", expected: "one line of 1 to \(Charter.summaryMax) characters") {
      (1...Charter.summaryMax).contains($0.count) && !$0.contains(where: \.isNewline) ? $0 : nil
    }
  }

  private static func settingName(_ text: String) -> String? {
    let isName = text.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f
    }
    let beginsWithLetter = text.utf8.first.map { (0x61...0x7a).contains($0) } ?? false
    return isName && beginsWithLetter && text.utf8.count <= 40 ? text : nil
  }

  static func checkNames(_ settings: [CharterSetting], _ reader: CharterReader) {
    var seen: Set<String> = []
    for (index, setting) in settings.enumerated() where !seen.insert(setting.name).inserted {
      reader.fault(
        .duplicate, "settings[\(index)].name", "the setting '\(setting.name)' stands twice")
    }
  }

  var document: JSON {
    guard isNumber else {
      var members: [String: JSON] = [
        "name": .string(name), "unit": .string(unit.rawValue), "default": .string(word),
        "summary": .string(summary),
      ]
      if !choices.isEmpty { members["choices"] = .array(choices.map { .string($0) }) }
      return .object(members)
    }
    return .object([
      "name": .string(name), "unit": .string(unit.rawValue),
      "min": .integer(Int64(range.lowerBound)), "max": .integer(Int64(range.upperBound)),
      "default": .integer(Int64(value)), "summary": .string(summary),
    ])
  }
}
