/// A request head that passed every rule of syntax and framing: whoever holds one knows where the
/// request ends, that its path is in normal form, and that no unread field is in it.
package struct RequestHead: Sendable {
  /// Any token, in the case in which it was sent; may be a method that nothing here answers.
  package let method: String
  /// Normal form: no percent sign, no empty and no dot segment.
  package let path: String
  /// Without its question mark, still percent-encoded; empty when there is none.
  package let query: String
  /// Where the request ends.
  package let content: ContentFraming
  /// False when the client said `connection: close`.
  package let keepsAlive: Bool
  /// The client waits for a word before it sends the content (RFC 9110 §10.1.1).
  package let expectsContinue: Bool
  private let fields: [(field: EdgeField, value: String)]

  init(
    line: RequestLine, content: ContentFraming, fields: [(field: EdgeField, value: String)]
  ) {
    method = line.method
    path = line.path
    query = line.query
    self.content = content
    self.fields = fields
    let options = Self.value(of: .connection, in: fields) ?? ""
    keepsAlive = !options.split(separator: ",").contains { option in
      option.lowercased().filter { $0 != " " && $0 != "\t" } == "close"
    }
    expectsContinue = Self.value(of: .expect, in: fields) != nil
  }

  /// Content where the method gives it no meaning (RFC 9110 §9.3.1). Such a request is refused, by what is wrong with it
  /// otherwise or for this, and the connection ends: nobody reads on behind it.
  package var hasUnexpectedContent: Bool {
    ["GET", "HEAD", "DELETE", "OPTIONS"].contains(method) && content != .length(0)
  }

  /// A field's value without surrounding white space; nil when it was not sent.
  package subscript(_ field: EdgeField) -> String? { Self.value(of: field, in: fields) }

  static func value(
    of field: EdgeField, in fields: [(field: EdgeField, value: String)]
  ) -> String? {
    for entry in fields where entry.field == field { return entry.value }
    return nil
  }
}

/// How the end of the content is found (RFC 9112 §6.3); there is no third way.
package enum ContentFraming: Sendable, Hashable {
  /// Bytes to come; zero means no content.
  case length(Int)
  case chunked
}

/// Method and target, checked.
struct RequestLine {
  let method: String
  let path: String
  let query: String
  /// In absolute-form, the authority that Host must equal.
  let authority: String?
}
