/// A URI or a reference to one in its five parts (RFC 3986, appendix B), and how a reference is resolved (§5.2).
struct ResourceURI: Hashable, Sendable {
  var scheme: String?
  var authority: String?
  var path: String
  var query: String?
  var fragment: String?

  init(_ text: String) {
    var rest = text[...]
    fragment = Self.cut(&rest, behind: "#")
    query = Self.cut(&rest, behind: "?")
    if let colon = rest.firstIndex(of: ":"), colon != rest.startIndex,
      rest[..<colon].utf8.allSatisfy({
        (97...122).contains($0 | 0x20) || (48...57).contains($0) || "+-.".utf8.contains($0)
      }), rest.utf8.first.map({ (97...122).contains($0 | 0x20) }) == true
    {
      scheme = rest[..<colon].lowercased()
      rest = rest[rest.index(after: colon)...]
    }
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      let end = rest.firstIndex(of: "/") ?? rest.endIndex
      authority = String(rest[..<end])
      rest = rest[end...]
    }
    path = String(rest)
  }

  private static func cut(_ rest: inout Substring, behind mark: Character) -> String? {
    guard let at = rest.firstIndex(of: mark) else { return nil }
    let part = rest[rest.index(after: at)...]
    rest = rest[..<at]
    return String(part)
  }

  var text: String {
    (scheme.map { "\($0):" } ?? "") + (authority.map { "//\($0)" } ?? "") + path
      + (query.map { "?\($0)" } ?? "") + (fragment.map { "#\($0)" } ?? "")
  }

  var withoutFragment: ResourceURI {
    var uri = self
    uri.fragment = nil
    return uri
  }

  /// What a reference means that stands in a document with this URI (RFC 3986 §5.2.2).
  func resolving(_ reference: ResourceURI) -> ResourceURI {
    var target = reference
    if reference.scheme != nil {
      target.path = Self.withoutDots(reference.path)
      return target
    }
    target.scheme = scheme
    if reference.authority != nil {
      target.path = Self.withoutDots(reference.path)
      return target
    }
    target.authority = authority
    if reference.path.isEmpty {
      target.path = path
      target.query = reference.query ?? query
    } else if reference.path.hasPrefix("/") {
      target.path = Self.withoutDots(reference.path)
    } else {
      let folder =
        authority != nil && path.isEmpty
        ? "/" : path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      target.path = Self.withoutDots(folder + reference.path)
    }
    return target
  }

  /// RFC 3986 §5.2.4.
  private static func withoutDots(_ path: String) -> String {
    guard path.contains("/.") || path.hasPrefix(".") else { return path }
    var kept: [Substring] = []
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    for (at, part) in parts.enumerated() {
      let isLast = at == parts.count - 1
      switch part {
      case ".": if isLast { kept.append("") }
      case "..":
        if kept.count > 1 || (kept.count == 1 && kept[0] != "") { kept.removeLast() }
        if isLast { kept.append("") }
      default: kept.append(part)
      }
    }
    return kept.joined(separator: "/")
  }
}
