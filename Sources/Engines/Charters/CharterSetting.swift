import StrictJSON
import Vocabulary

/// A number that an operator may choose for a service. The charter says it all in one place: name, unit, range, default and what
/// it is for; the launcher refuses what is not in the range before anything starts, and the service reads it by its name.
package struct CharterSetting: Hashable, Sendable {
  package enum Unit: String, Sendable, CaseIterable {
    case milliseconds, seconds, days
    case mebibytes
    /// So many of what the name says.
    case count
    case perSecond = "per_second"
  }

  /// `[a-z][a-z0-9_]*`, 40 characters at most; one in its charter.
  package let name: String
  package let unit: Unit
  package let range: ClosedRange<Int>
  /// What it is where nobody has chosen; in the range.
  package let value: Int
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
  }

  /// The range as people read it: `60–86400 seconds`.
  package var rangeText: String {
    let unit = self.unit == .count ? "" : " " + self.unit.rawValue.replacing("_", with: " ")
    return "\(range.lowerBound)–\(range.upperBound)\(unit)"
  }

  static let settingsMax = 64
  static let valueMax = 1_000_000_000_000

  /// Nil, and a fault, where it contradicts itself.
  static func read(_ object: CharterObject) -> CharterSetting? {
    let name = object.value(
      "name", expected: "a setting's name ([a-z][a-z0-9_]*, 40 characters at most)", settingName)
    let unit = object.word("unit", Unit.self)
    let (least, most) = (
      object.number("min", in: 0...valueMax), object.number("max", in: 0...valueMax)
    )
    let value = object.number("default", in: 0...valueMax)
    let summary = object.value(
      "summary", expected: "one line of 1 to \(Charter.summaryMax) characters"
    ) { (1...Charter.summaryMax).contains($0.count) && !$0.contains(where: \.isNewline) ? $0 : nil }
    guard let name, let unit, let least, let most, let value, let summary else { return nil }
    guard least <= most, (least...most).contains(value) else {
      object.reader.fault(
        .contradiction, object.at("default"), "the default \(value) is not from \(least) to \(most)"
      )
      return nil
    }
    return CharterSetting(name, unit, in: least...most, default: value, summary)
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
    .object([
      "name": .string(name), "unit": .string(unit.rawValue),
      "min": .integer(Int64(range.lowerBound)), "max": .integer(Int64(range.upperBound)),
      "default": .integer(Int64(value)), "summary": .string(summary),
    ])
  }
}
