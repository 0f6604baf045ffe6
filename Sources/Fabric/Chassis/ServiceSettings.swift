package import Charters
import Synchronization
import Vocabulary

/// What somebody has chosen in the place of a default, as `platform.json` keeps it.
package struct ChosenSetting: Codable, Hashable, Sendable {
  package let value: Int
  /// Where it was said: `--set`, or a file.
  package let from: String
  package init(value: Int, from: String) { (self.value, self.from) = (value, from) }
}

/// The settings of one service as they are in force: its charter's defaults, and what an operator has chosen. Read while the service
/// is made. A class: it remembers what was asked for, so that charter and code name the same.
package final class ServiceSettings: Sendable {
  private let values: [String: Int]
  private let isChosen: Set<String>
  private let asked = Mutex<Set<String>>([])
  /// What was asked for and is in no charter.
  private let unknown = Mutex<Set<String>>([])

  package init(_ charter: Charter, chosen: [String: ChosenSetting]) {
    isChosen = Set(
      charter.settings.map(\.name).filter { chosen["\(charter.service).\($0)"] != nil })
    values = Dictionary(
      charter.settings.map { setting in
        let wish = chosen["\(charter.service).\(setting.name)"]?.value
        // The launcher has refused what is out of range; a file that somebody wrote by hand is held to it too.
        return (
          setting.name,
          wish.map { min(max($0, setting.range.lowerBound), setting.range.upperBound) }
            ?? setting.value
        )
      }, uniquingKeysWith: { first, _ in first })
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
    let unread = Set(values.keys).subtracting(asked.withLock { $0 })
    let odd = unread.union(unknown.withLock { $0 })
    guard odd.isEmpty else {
      throw StartFailure(
        "charter and code of \(service) do not name the same settings: \(odd.sorted().joined(separator: ", "))",
        hint: "a setting needs an entry in charter.yaml, and code that reads it at the start")
    }
  }
}
