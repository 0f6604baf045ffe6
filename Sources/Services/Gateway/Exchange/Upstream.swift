package import NIOCore
package import Transport
package import Vocabulary

/// The way to the services: the pooled mutual-TLS client of Transport, on the connection's own
/// event loop.
package struct Upstream: Sendable {
  /// Request, service, deadline, whether it may be repeated, the loop to stay on.
  package let send:
    @Sendable (WireRequest, ServiceName, Deadline, Bool, any EventLoop) -> EventLoopFuture<
      WireResponse
    >

  /// Any way to send; the one below is the real one.
  package init(
    send:
      @escaping @Sendable (WireRequest, ServiceName, Deadline, Bool, any EventLoop) ->
      EventLoopFuture<WireResponse>
  ) {
    self.send = send
  }

  /// - Parameter endpoint: where a service listens, from the charters.
  package init(
    _ client: TransportClient, endpoint: @escaping @Sendable (ServiceName) -> ServiceEndpoint?
  ) {
    self.init { request, service, deadline, isRepeatable, loop in
      guard let endpoint = endpoint(service) else {
        return loop.makeFailedFuture(TransportFailure.unreachable)
      }
      return client.send(
        request, to: endpoint, by: deadline, isRepeatable: isRepeatable, on: loop)
    }
  }

  /// What the outside learns when a service gave no answer.
  package static func problem(for failure: TransportFailure?) -> Problem {
    switch failure {
    case .unreachable, .circuitOpen, .overloaded: .unavailable()
    case .deadlineExceeded: .deadlineExceeded
    case .notTheService, .answerMalformed:
      Problem("bad-gateway", 502, "A service behind the gateway gave no usable answer")
    case .answerLost, nil:
      Problem(
        "outcome-unknown", 502, "Not known yet whether it happened; try again with the same key",
        kind: .unknown,
        retryAfterSeconds: 1)
    }
  }
}
