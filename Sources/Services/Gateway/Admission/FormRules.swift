import Charters
package import NIOCore
package import StrictJSON
package import Vocabulary

/// What a request must look like before anybody asks who sent it.
package enum FormRules {
  /// The media type fits.
  package static func checkMediaType(_ head: RequestHead, route: EdgeRoute) throws(Problem) {
    if let text = head[.contentType] {
      let allowed: Bool =
        switch MediaType(text) {
        case .json: true
        case .form: route.isIdentity
        case .other: false
        }
      guard allowed || head.content == .length(0) else { throw unsupported }
    } else if head.content != .length(0) {
      throw unsupported
    }
  }

  /// An idempotency key is there where the charter wants one, and is one wherever it is.
  package static func checkIdempotencyKey(_ head: RequestHead, route: EdgeRoute) throws(Problem) {
    if let text = head[.idempotencyKey] {
      guard IdempotencyKey(text) != nil else {
        throw .malformed("1 to 255 visible ASCII characters", field: Header.idempotencyKey)
      }
    } else if route.operation.idempotency == .key {
      throw Problem(
        "idempotency-key-missing", 400, "Send an Idempotency-Key",
        detail: "this operation is carried out once for each key",
        fields: ["field": Header.idempotencyKey])
    }
  }

  private static let unsupported = Problem(
    "media-type-not-supported", 415, "Send the content as application/json")

  /// JSON content, strictly parsed: what two parsers could read in two ways stops here. Nil for no
  /// content and for forms.
  package static func json(of content: ByteBuffer, in head: RequestHead) throws(Problem)
    -> JSONDocument?
  {
    guard content.readableBytes > 0, MediaType(head[.contentType] ?? "") == .json else {
      return nil
    }
    do {
      return try JSONDocument.parse(content.readableBytesView)
    } catch {
      throw error.problem
    }
  }
}
