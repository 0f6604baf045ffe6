package import NIOCore
package import NIOHTTP1
import Vocabulary

/// One request on a line; the body is whole.
package struct LineRequest: Sendable {
  package var head: HTTPRequestHead
  package var body: ByteBuffer

  package init(head: HTTPRequestHead, body: ByteBuffer) {
    self.head = head
    self.body = body
  }

  /// One to be sent. The line itself writes `Content-Length`, and whether the connection stays.
  /// - Parameters:
  ///   - target: origin form (RFC 9112 §3.2.1): path and query.
  ///   - host: the field that a request begins with (RFC 9110 §7.2).
  package init(_ method: String, _ target: String, host: String, body: ByteBuffer = ByteBuffer()) {
    head = HTTPRequestHead(version: .http1_1, method: .init(rawValue: method), uri: target)
    head.headers.add(name: "host", value: host)
    self.body = body
  }

  package mutating func add(_ name: String, _ value: String) {
    head.headers.add(name: name, value: value)
  }
}

/// One answer on a line; the body is whole.
package struct LineAnswer: Sendable {
  package var status: Int
  /// Without `Content-Length` where it is to be sent: the door writes that.
  package var headers: HTTPHeaders
  package var body: ByteBuffer

  package init(status: Int, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The bare problem (RFC 9457), for a request that was refused before anybody looked at it.
  package static func problem(_ status: Int, _ slug: String) -> LineAnswer {
    LineAnswer(
      status: status, headers: ["content-type": "application/problem+json"],
      body: ByteBuffer(string: #"{"status":\#(status),"type":"\#(Problem.typePrefix)\#(slug)"}"#))
  }

  /// Whether an answer with this status has no body by definition (RFC 9110 §6.4.1).
  static func hasNoBody(_ status: Int) -> Bool { status == 204 || status == 304 }
}

/// Where somebody listens.
package enum LineAddress: Sendable, Hashable {
  case tcp(host: String, port: Int)
  /// A Unix socket, by its path.
  case unix(String)
}

/// Why a request brought no answer. The difference that matters: was it possibly carried out?
package enum LineFailure: Error, Sendable, Hashable {
  /// No connection was had; nothing was sent.
  case unreachable
  /// The other end did not prove to be who was asked for; nothing was sent.
  case notProven
  /// Too many requests wait already; nothing was sent.
  case overloaded
  /// The time ran out.
  case deadlineExceeded
  /// The connection went while the answer was awaited.
  case answerLost
  /// The answer is no HTTP, or does not say how long it is.
  case answerMalformed
  case answerTooLarge
}
