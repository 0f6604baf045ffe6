package import Charters
import Synchronization
package import Vocabulary

/// What somebody has chosen in the place of a default, as `platform.json` keeps it.
package struct ChosenSetting: Codable, Hashable, Sendable {
  /// Of a number.
  package let value: Int
  /// Of a choice or a folder.
  package let word: String?
  /// Where it was said: `--set`, or a file.
  package let from: String
  package init(value: Int, from: String) { (self.value, word, self.from) = (value, nil, from) }
  package init(word: String, from: String) { (value, self.word, self.from) = (0, word, from) }
}

/// The settings of one service as they are in force: its charter's defaults, and what an operator has chosen. Read while the service
/// is made. A class: it remembers what was asked for, so that charter and code name the same.
package final class ServiceSettings: Sendable {
  private let values: [String: Int]
  private let words: [String: String]
  private let isChosen: Set<String>
  private let asked = Mutex<Set<String>>([])
  /// What was asked for and is in no charter.
  private let unknown = Mutex<Set<String>>([])

  package init(_ charter: Charter, chosen: [String: ChosenSetting]) {
    isChosen = Set(
      charter.settings.map(\.name).filter { chosen["\(charter.service).\($0)"] != nil })
    values = Dictionary(
      charter.settings.filter(\.isNumber).map { setting in
        let wish = chosen["\(charter.service).\(setting.name)"]?.value
        // The launcher has refused what is out of range; a file that somebody wrote by hand is held to it too.
        return (
          setting.name,
          wish.map { min(max($0, setting.range.lowerBound), setting.range.upperBound) }
            ?? setting.value
        )
      }, uniquingKeysWith: { first, _ in first })
    words = Dictionary(
      charter.settings.filter { !$0.isNumber }.map { setting in
        (setting.name, Self.word(setting, of: charter.service, chosen))
      }, uniquingKeysWith: { first, _ in first })
  }

  /// A choice or a folder as it is in force; its default where a file that somebody wrote by hand says what cannot be.
  package static func word(
    _ setting: CharterSetting, of service: ServiceName, _ chosen: [String: ChosenSetting]
  ) -> String {
    chosen["\(service).\(setting.name)"]?.word.flatMap { setting.allows($0) ? $0 : nil }
      ?? setting.word
  }

  /// The word of a choice, or the path of a folder.
  package func word(_ name: String) -> String {
    asked.withLock { _ = $0.insert(name) }
    guard let word = words[name] else {
      unknown.withLock { _ = $0.insert(name) }
      return ""
    }
    return word
  }

  /// In the charter's unit.
  package func number(_ name: String) -> Int {
    asked.withLock { _ = $0.insert(name) }
    guard let value = values[name] else {
      unknown.withLock { _ = $0.insert(name) }
      return 0
    }
    return value
  }

  /// Nil where nobody has chosen it.
  package func chosen(_ name: String) -> Int? {
    let value = number(name)
    return isChosen.contains(name) ? value : nil
  }

  /// A setting in seconds.
  package func seconds(_ name: String) -> Duration { .seconds(number(name)) }

  /// - Throws: `StartFailure` where charter and code do not name the same.
  func requireAll(of service: ServiceName) throws(StartFailure) {
    let unread = Set(values.keys).union(words.keys).subtracting(asked.withLock { $0 })
    let odd = unread.union(unknown.withLock { $0 })
    guard odd.isEmpty else {
      throw StartFailure(
        "charter and code of \(service) do not name the same settings: \(odd.sorted().joined(separator: ", "))",
        hint: "a setting needs an entry in charter.yaml, and code that reads it at the start")
    }
  }
}
