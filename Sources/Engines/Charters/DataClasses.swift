import Vocabulary

/// The kinds of data that exist on the platform, from `Charters/data-classes.yaml`.
package struct DataClasses: Sendable {
  /// The file's last path component: how a set of files is told apart from charters.
  package static let fileName = "data-classes.yaml"
  /// Most classes in the list.
  package static let classesMax = 256

  /// One kind of data.
  package struct Entry: Hashable, Sendable {
    package let sensitivity: CharterData.Sensitivity
    /// For people.
    package let summary: String
  }

  /// By name.
  package let entries: [String: Entry]

  /// No classes.
  package static let empty = DataClasses(entries: [:])

  /// Throws all faults of the file.
  package static func parse(file: String, text: String) throws(CharterFaults) -> DataClasses {
    let reader = CharterReader(file: file)
    var entries: [String: Entry] = [:]
    if let root = reader.root(text, CharterFields.dataClasses) {
      _ = root.value("apiVersion", expected: "'\(Charter.apiVersion)'") {
        $0 == Charter.apiVersion ? $0 : nil
      }
      for object in root.objects("classes", CharterFields.dataClass, max: classesMax) {
        guard
          let name = object.value(
            "class", expected: "a data class's name", { ServiceName($0)?.description }),
          let sensitivity = object.word("sensitivity", CharterData.Sensitivity.self),
          let summary = object.text("summary")
        else { continue }
        if entries.updateValue(Entry(sensitivity: sensitivity, summary: summary), forKey: name)
          != nil
        {
          reader.fault(.duplicate, object.at("class"), "the data class '\(name)' stands twice")
        }
      }
    }
    guard reader.faults.isEmpty else { throw CharterFaults(reader.faults) }
    return DataClasses(entries: entries)
  }
}
