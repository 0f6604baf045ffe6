/// What the gateway lets in as content: JSON for the API, forms for identity's pages and OAuth
/// endpoints.
package enum MediaType: Sendable, Hashable {
  case json, form, other

  /// The type of a Content-Type value. Its one parameter may be the charset UTF-8, by either of the
  /// names that clients give it, and an empty one counts for nothing (RFC 9110 §5.6.6); any other
  /// makes it another type, because two readers may disagree about what it means.
  package init(_ value: String) {
    let parts = value.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
    let parameters = parts.dropFirst().filter { !$0.isEmpty }
    guard parameters.count <= 1, parameters.allSatisfy(Self.charsets.contains) else {
      self = .other
      return
    }
    switch parts.first {
    case MediaType.json.name: self = .json
    case MediaType.form.name: self = .form
    default: self = .other
    }
  }

  /// As it goes in, whatever way it was written; nil for a type that does not.
  package var name: String? {
    switch self {
    case .json: "application/json"
    case .form: "application/x-www-form-urlencoded"
    case .other: nil
    }
  }

  private static let charsets: Set<String> = [
    "charset=utf-8", "charset=utf8", "charset=\"utf-8\"", "charset=\"utf8\"",
  ]

  private static func trimmed(_ part: Substring) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    var part = part.drop(while: isBlank)
    while let last = part.last, isBlank(last) { part.removeLast() }
    return part.lowercased()
  }
}
