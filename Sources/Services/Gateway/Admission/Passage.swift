package import NIOCore
package import Telemetry
package import Vocabulary

/// One request on its way through the gateway, with what is known about it so far.
package struct Passage: Sendable {
  package let head: RequestHead
  package let source: Source
  package let receivedAt: Instant
  /// Minted here, for every request: one from outside is never taken over.
  package let correlation: CorrelationID
  package let trace: TraceContext
  package var route: EdgeRoute?
  package var token: AccessToken?
  package var report = LimitReport()

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

  /// Path and query, as they go in.
  package var target: String { head.query.isEmpty ? head.path : "\(head.path)?\(head.query)" }
}

/// Where a connection comes from.
package struct Source: Sendable, Hashable {
  /// In text, without port.
  package let address: String
  /// What its limits are kept under.
  package let key: String

  package init(_ address: SocketAddress?) {
    self.address = address?.ipAddress ?? "unknown"
    key = limitKey(of: address)
  }
}
