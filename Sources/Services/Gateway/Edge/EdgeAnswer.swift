package import NIOCore
import StrictJSON
package import Vocabulary

/// One answer on its way out: status, fields in lower case, content.
package struct EdgeAnswer: Sendable {
  /// HTTP status, 200–599.
  package var status: Int
  /// Names in lower case; one name may stand several times (set-cookie).
  package var fields: [(name: String, value: String)]
  /// The whole content; its length is written from here.
  package var content: ByteBuffer

  /// An answer; framing, date and security fields are added when it is written.
  package init(
    status: Int, fields: [(name: String, value: String)] = [], content: ByteBuffer = ByteBuffer()
  ) {
    self.status = status
    self.fields = fields
    self.content = content
  }

  /// Problem+json (RFC 9457) with the correlation id as an extension member.
  package init(_ problem: Problem, correlation: CorrelationID) {
    self.init(
      status: problem.status, fields: [("content-type", "application/problem+json")],
      content: ByteBuffer(bytes: problem.document(correlation: correlation).canonicalBytes))
    if let seconds = problem.retryAfterSeconds { fields.append(("retry-after", "\(seconds)")) }
  }

  /// The first value of a field.
  package func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// How an answer is written: the security fields that every answer carries, and the framing.
struct AnswerWriter {
  /// One year. Sub-domains are the operator's to decide, so they are not claimed (RFC 6797 §6.1.2).
  static let transportSecurity = "max-age=31536000"

  /// Fields that are ours to write; from an upstream they are dropped.
  private static let defaults: [(name: String, value: String)] = [
    ("strict-transport-security", transportSecurity), ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
  ]

  private var date = DateField()

  /// - Parameter omitsContent: for HEAD, whose answer has no content, whatever its length says (RFC 9110 §9.3.2).
  mutating func write(
    _ answer: EdgeAnswer, keepsAlive: Bool, omitsContent: Bool, at now: Instant,
    to buffer: inout ByteBuffer
  ) {
    buffer.writeString("HTTP/1.1 \(answer.status) \(reason(answer.status))\r\n")
    for field in answer.fields { Self.write(field.name, field.value, to: &buffer) }
    for field in Self.defaults where answer.value(field.name) == nil {
      Self.write(field.name, field.value, to: &buffer)
    }
    Self.write("date", date.value(at: now), to: &buffer)
    if !keepsAlive { buffer.writeString("connection: close\r\n") }
    if answer.status != 204, answer.status != 304 {
      Self.write("content-length", String(answer.content.readableBytes), to: &buffer)
    }
    buffer.writeString("\r\n")
    guard !omitsContent, answer.status != 204, answer.status != 304 else { return }
    buffer.writeImmutableBuffer(answer.content)
  }

  private static func write(_ name: String, _ value: String, to buffer: inout ByteBuffer) {
    buffer.writeString(name)
    buffer.writeStaticString(": ")
    // A value from an upstream must not be able to begin a new line.
    if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) {
      buffer.writeString(value)
    }
    buffer.writeStaticString("\r\n")
  }
}

/// `Date` (RFC 9110 §6.6.1), made once a second.
struct DateField {
  private var second = Int64.min
  private var text = ""

  mutating func value(at now: Instant) -> String {
    if now.seconds != second {
      second = now.seconds
      text = Self.text(of: now)
    }
    return text
  }

  /// An HTTP-date (RFC 9110 §5.6.7).
  static func text(of moment: Instant) -> String {
    let second = moment.seconds
    let days = Int(second / 86_400)
    let date = CivilDate(daysSinceEpoch: days).components
    let clock = Int(second % 86_400)
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
    let month = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][date.month - 1]
    return "\(weekday), \(two(date.day)) \(month) \(date.year) "
      + "\(two(clock / 3_600)):\(two(clock / 60 % 60)):\(two(clock % 60)) GMT"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

private func reason(_ status: Int) -> String {
  switch status {
  case 200: "OK"
  case 201: "Created"
  case 202: "Accepted"
  case 204: "No Content"
  case 302: "Found"
  case 303: "See Other"
  case 304: "Not Modified"
  case 400: "Bad Request"
  case 401: "Unauthorized"
  case 403: "Forbidden"
  case 404: "Not Found"
  case 405: "Method Not Allowed"
  case 408: "Request Timeout"
  case 409: "Conflict"
  case 413: "Content Too Large"
  case 414: "URI Too Long"
  case 415: "Unsupported Media Type"
  case 417: "Expectation Failed"
  case 422: "Unprocessable Content"
  case 429: "Too Many Requests"
  case 431: "Request Header Fields Too Large"
  case 500: "Internal Server Error"
  case 501: "Not Implemented"
  case 502: "Bad Gateway"
  case 503: "Service Unavailable"
  case 504: "Gateway Timeout"
  case 505: "HTTP Version Not Supported"
  default: ""
  }
}
