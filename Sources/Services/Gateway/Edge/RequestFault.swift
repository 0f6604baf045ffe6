package import Vocabulary

/// Why a request was refused before anybody looked at what it asks for. After a fault nobody can be
/// sure where the next request begins, so the connection is closed.
package enum RequestFault: Error, Hashable, Sendable {
  /// A byte that may not stand in a head: control characters, bare CR or LF, and beyond ASCII where it would become a
  /// value.
  case byte
  case requestLine
  /// No colon, white space before it, a name that is no token, or a folded line (RFC 9112 §5).
  case fieldLine
  /// Not origin-form, or not in normal form: percent signs in the path, empty or dot segments, a
  /// fragment.
  case target
  case targetTooLong
  case headTooLarge
  case tooManyFields
  /// Anything but HTTP/1.1.
  case version
  case host
  /// Absolute-form naming another authority than Host (RFC 9112 §3.2.2).
  case authorityMismatch
  /// A field that may occur once occurs twice.
  case repeated(EdgeField)
  case contentLength
  /// Content-Length beside Transfer-Encoding (RFC 9112 §6.3: the mark of request smuggling).
  case twoLengths
  /// Any Transfer-Encoding that is not exactly `chunked`.
  case transferEncoding
  case chunk
  /// Content on a method that gives it no meaning (RFC 9110 §9.3.1).
  case unexpectedContent
  case contentEncoding
  case expectation
  case bodyTooLarge
  case headTimeout
  case bodyTimeout

  /// What the sender learns: the rule, never a guess at what was meant.
  package var problem: Problem {
    switch self {
    case .byte, .requestLine, .fieldLine, .host, .authorityMismatch:
      .malformed("the request head is not well formed: \(reason)")
    case .target: .malformed("the request target is not in normal form")
    case .repeated(let field): .malformed("a field occurs twice", field: field.name)
    case .contentLength, .twoLengths, .transferEncoding, .chunk, .unexpectedContent:
      .malformed("the end of the request is not certain: \(reason)")
    case .targetTooLong: Problem("target-too-long", 414, "The request target is too long")
    case .headTooLarge, .tooManyFields:
      Problem("head-too-large", 431, "The request head is too large")
    case .version: Problem("version-not-supported", 505, "Only HTTP/1.1 is spoken here")
    case .contentEncoding:
      Problem("encoding-not-supported", 415, "Send the content without a content encoding")
    case .expectation: Problem("expectation-failed", 417, "Only 100-continue can be expected")
    case .bodyTooLarge: Problem("content-too-large", 413, "The content is too large")
    case .headTimeout, .bodyTimeout:
      Problem("request-timeout", 408, "The request did not arrive in time")
    }
  }

  /// A constant word for logs and audit: never anything of the request itself.
  package var reason: String {
    switch self {
    case .byte: "byte"
    case .requestLine: "request line"
    case .fieldLine: "field line"
    case .target: "target"
    case .targetTooLong: "target too long"
    case .headTooLarge: "head too large"
    case .tooManyFields: "too many fields"
    case .version: "version"
    case .host: "host"
    case .authorityMismatch: "authority"
    case .repeated: "repeated field"
    case .contentLength: "content length"
    case .twoLengths: "two lengths"
    case .transferEncoding: "transfer encoding"
    case .chunk: "chunk"
    case .unexpectedContent: "unexpected content"
    case .contentEncoding: "content encoding"
    case .expectation: "expectation"
    case .bodyTooLarge: "body too large"
    case .headTimeout: "head timeout"
    case .bodyTimeout: "body timeout"
    }
  }

  /// Every word that `reason` can be.
  static let reasons = [
    "byte", "request line", "field line", "target", "target too long", "head too large",
    "too many fields", "version", "host", "authority", "repeated field", "content length",
    "two lengths", "transfer encoding", "chunk", "unexpected content", "content encoding",
    "expectation", "body too large", "head timeout", "body timeout",
  ]
}
