package import NIOCore
package import Telemetry
package import Vocabulary
package import WafAPI

/// One request on its way through the gateway, with what is known about it so far.
package struct Passage: Sendable {
  /// The head, checked.
  package let head: RequestHead
  /// Where it came from.
  package let source: Source
  /// When its head was whole; deadlines and limits count from here.
  package let receivedAt: Instant
  /// Minted here, for every request: one from outside is never taken over.
  package let correlation: CorrelationID
  /// The root of the trace; its id is the correlation id.
  package let trace: TraceContext
  /// Nil until the path is found.
  package var route: EdgeRoute?
  /// Of the path, by name, as the route names them.
  package var parameters: [String: String] = [:]
  /// Nil until a token is judged valid, and on routes that ask for none.
  package var token: AccessToken?
  /// What the contract leaves free, once the content is judged; none where nobody is to look at it.
  package var texts: [Inspection.Text] = []
  /// What the firewall says of it, for its record: rules by number.
  package var findings: [String: String] = [:]
  /// What the limits said so far.
  package var report = LimitReport()

  /// A request of which only the head is known.
  package init(
    head: RequestHead, source: Source, receivedAt: Instant, correlation: CorrelationID,
    randomness: Randomness
  ) {
    self.head = head
    self.source = source
    self.receivedAt = receivedAt
    self.correlation = correlation
    trace = TraceContext(startingAt: correlation, randomness: randomness)
  }

  /// The method as it goes in. Nobody behind the door knows HEAD: the answer to GET is made, and written without its
  /// content.
  package var method: String { head.method == "HEAD" ? HTTPMethod.get.rawValue : head.method }

  /// Path and query, as they go in.
  package var target: String { head.query.isEmpty ? head.path : "\(head.path)?\(head.query)" }
}

/// Where a connection comes from.
package struct Source: Sendable, Hashable {
  /// In text, without port.
  package let address: String
  /// What its limits are kept under.
  package let key: String

  /// From the socket, never from a field of the request.
  package init(_ address: SocketAddress?) {
    self.address = address?.ipAddress ?? "unknown"
    key = limitKey(of: address)
  }
}
