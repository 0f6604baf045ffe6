package import StrictJSON

/// Where instances of a schema hold text that the schema leaves free, found from the schema alone.
///
/// A text is confined where the schema names its values (`enum`, `const`), a format that has no room for anything else, or a
/// pattern of letters, digits and `-_.+:`. All other text is free, names of members that the schema does not name too. What this
/// does not see through is taken to be free: it finds too much rather than too little.
package struct FreeText: Sendable {
  /// A text with its place, as in `address.lines.0`.
  package struct Found: Hashable, Sendable {
    package let name: String
    package let text: String
  }

  /// What is known of one place in an instance. Others are named by their numbers.
  struct Shape: Sendable {
    var isText = false
    /// Members by name, and what those are whose names the schema does not name; nil: there are none.
    var names = NameTable()
    var members: [Int] = []
    var rest: Int?
    var items: Int?
  }

  /// A place of which nothing is known: any text in it is free.
  static let anything = 0
  static let unknown = Shape(isText: true, rest: anything, items: anything)

  let shapes: [Shape]
  let root: Int

  /// The root itself is free text: of a parameter, which is nothing but a text.
  package var isText: Bool { shapes[root].isText }

  /// All free texts of an instance that the schema accepts, in its order.
  package func texts(in document: JSONDocument) -> [Found] {
    var found: [Found] = []
    collect(document, 0, root, "", &found)
    return found
  }

  private func collect(
    _ document: JSONDocument, _ node: Int, _ shape: Int, _ name: String, _ found: inout [Found]
  ) {
    let known = shapes[shape]
    switch document.nodes[node].kind {
    case .string, .escapedString:
      if known.isText { found.append(Found(name: name, text: document.string(node))) }
    case .array:
      guard let items = known.items else { return }
      var (child, position) = (node + 1, 0)
      while child < Int(document.nodes[node].next) {
        collect(document, child, items, Self.joined(name, String(position)), &found)
        child = Int(document.nodes[child].next)
        position += 1
      }
    case .object:
      var key = node + 1
      while key < Int(document.nodes[node].next) {
        let member = document.string(key)
        if let at = known.names.find(document.textBytes(key)) {
          collect(document, key + 1, known.members[at], Self.joined(name, member), &found)
        } else if let rest = known.rest {
          // The name is the sender's own word, and so is no good name for what lies under it.
          found.append(Found(name: Self.joined(name, "*"), text: member))
          collect(document, key + 1, rest, Self.joined(name, "*"), &found)
        }
        key = Int(document.nodes[key + 1].next)
      }
    default: break
    }
  }

  private static func joined(_ name: String, _ part: String) -> String {
    name.isEmpty ? part : "\(name).\(part)"
  }
}

extension Schema {
  /// Where its instances hold free text; nil where there is no such place.
  package var freeText: FreeText? {
    var finder = FreeTextFinder(program)
    let root = finder.shape(of: [[self.root]])
    finder.finish()
    return finder.reachesText(root) ? FreeText(shapes: finder.shapes, root: root) : nil
  }
}
