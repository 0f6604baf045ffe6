/// What the gateway lets in as content: JSON for the API, forms for identity's pages and OAuth
/// endpoints.
package enum MediaType: Sendable, Hashable {
  case json, form, other

  /// The type of a Content-Type value; parameters other than `charset=utf-8` make it another type,
  /// because two readers may disagree about what they mean.
  package init(_ value: String) {
    let parts = value.split(separator: ";", omittingEmptySubsequences: false).map { part in
      part.lowercased().filter { $0 != " " && $0 != "\t" && $0 != "\"" }
    }
    guard parts.count == 1 || (parts.count == 2 && parts[1] == "charset=utf-8") else {
      self = .other
      return
    }
    switch parts[0] {
    case "application/json": self = .json
    case "application/x-www-form-urlencoded": self = .form
    default: self = .other
    }
  }
}
