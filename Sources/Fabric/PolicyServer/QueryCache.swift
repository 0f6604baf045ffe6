import PolicyEngine
import Synchronization

/// Questions compiled against one set of policies: asking for the same document again compiles
/// nothing. A class: all who decide share it.
final class QueryCache: Sendable {
  /// Most questions that are remembered; then it starts again.
  static let entriesMax = 1_024

  final class Entry: Sendable {
    let query: CompiledQuery
    /// Whether it took too long for an event loop before.
    let isLong = Atomic<Bool>(false)

    init(_ query: CompiledQuery) { self.query = query }
  }

  private let entries = Mutex<[String: Entry]>([:])

  /// A question, such as `result = data["authz"]["allow"]`.
  /// - Returns: `isNew`: it was not known.
  /// - Throws: `PolicyErrors`.
  func entry(_ source: String, _ policy: CompiledPolicy) throws(PolicyErrors) -> (
    entry: Entry, isNew: Bool
  ) {
    if let known = entries.withLock({ $0[source] }) { return (known, false) }
    let entry = Entry(try CompiledQuery(source, policy: policy))
    entries.withLock { entries in
      if entries.count >= Self.entriesMax { entries = [:] }
      entries[source] = entry
    }
    return (entry, true)
  }
}

extension PolicyStore {
  /// The question for the document at a path; its value is `result`.
  func question(_ path: [String]) -> String {
    var source = "result = data"
    var base: Value? = data
    for name in path {
      let child = base?.child(name)
      // A number finds an element of an array, unless a base document has it as a name.
      if let index = Int(name), !(child != nil && base?.isObject == true) {
        source += "[\(index)]"
      } else {
        source += "[\(Value.string(name).jsonText)]"
      }
      base = child
    }
    return source
  }
}

extension Value {
  fileprivate var isObject: Bool { if case .object = self { true } else { false } }
}
