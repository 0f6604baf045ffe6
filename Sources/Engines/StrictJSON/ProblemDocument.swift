package import Vocabulary

extension Problem {
  /// The members that have a meaning of their own; all others are `fields`.
  private static let own: Set = ["type", "title", "status", "kind", "detail", "correlation_id"]

  /// As problem+json (RFC 9457), with the extension members `kind`, `correlation_id` and `fields`.
  package func document(correlation: CorrelationID?) -> JSON {
    var members: [String: JSON] = fields.mapValues { .string($0) }
    members["type"] = .string(Self.typePrefix + slug)
    members["title"] = .string(title)
    members["status"] = .integer(Int64(status))
    members["kind"] = .string(kind.rawValue)
    if let detail { members["detail"] = .string(detail) }
    if let correlation { members["correlation_id"] = .string("\(correlation)") }
    return .object(members)
  }

  /// Reads what `document` writes; nil for anything else. An answer whose kind is missing, or is one that this version does
  /// not know, does not say what became of the request: its kind is `unknown`, whatever its status.
  /// - Parameters:
  ///   - status: of the answer that brought it.
  ///   - retryAfterSeconds: its field `Retry-After`.
  package init?(document: JSON, status: Int, retryAfterSeconds: Int?) {
    guard let members = document.object, let type = members["type"]?.string,
      type.hasPrefix(Self.typePrefix), let title = members["title"]?.string
    else { return nil }
    self.init(
      String(type.dropFirst(Self.typePrefix.count)), status, title,
      kind: members["kind"]?.string.flatMap { ProblemKind(rawValue: $0) } ?? .unknown,
      detail: members["detail"]?.string,
      fields: members.filter { !Self.own.contains($0.key) }.compactMapValues(\.string),
      retryAfterSeconds: retryAfterSeconds)
  }
}
