import HTTPLine
package import NIOCore
import NIOSSL
import Synchronization
package import Vocabulary

/// Calls other services: pooled mutual TLS connections, deadlines, retries under a budget and only where repeating is
/// harmless, a circuit breaker for each service. There is no way to make one that speaks plain text.
package final class TransportClient: Sendable {
  private struct Standing: Sendable {
    var breaker = CircuitBreaker()
    var budget = RetryBudget()
  }
  private struct LineKey: Hashable {
    let loop: ObjectIdentifier
    let endpoint: ServiceEndpoint
  }

  private let credentials: MeshCredentials
  private let limits: TransportLimits
  package let group: any EventLoopGroup
  private let standings = Mutex<[SpiffeID: Standing]>([:])
  private let lines = Mutex<[LineKey: NIOLoopBound<DialledLine>]>([:])

  /// Tries of one request, the first included.
  package static let triesMax = 3
  package static let retryPause: Duration = .milliseconds(20)

  package init(
    credentials: MeshCredentials, limits: TransportLimits = TransportLimits(),
    group: any EventLoopGroup
  ) {
    self.credentials = credentials
    self.limits = limits
    self.group = group
  }

  package var clock: Clock { credentials.clock }

  /// - Parameter isRepeatable: true only where carrying the request out twice equals once (RFC 9110 §9.2.2, or an
  ///   idempotency key). A request that was certainly not sent is always tried again.
  /// - Throws: `TransportFailure`.
  package func send(
    _ request: WireRequest, to endpoint: ServiceEndpoint, by deadline: Deadline, isRepeatable: Bool
  ) async throws(TransportFailure) -> WireResponse {
    // The loop that the caller is on, where it is one of ours.
    let loop = group.any()
    do {
      guard !loop.inEventLoop else {
        return try await send(
          request, to: endpoint, by: deadline, isRepeatable: isRepeatable, on: loop
        ).get()
      }
      return try await loop.flatSubmit {
        self.send(request, to: endpoint, by: deadline, isRepeatable: isRepeatable, on: loop)
      }.get()
    } catch {
      throw error as? TransportFailure ?? .answerLost
    }
  }

  /// The same without leaving the event loop, for the gateway's hot path. Must be called on `loop`.
  package func send(
    _ request: WireRequest, to endpoint: ServiceEndpoint, by deadline: Deadline, isRepeatable: Bool,
    on loop: any EventLoop, tries: Int = 1
  ) -> EventLoopFuture<WireResponse> {
    let now = credentials.clock.now()
    guard case .send = standing(of: endpoint, { $0.breaker.ask(at: now) }) else {
      return loop.makeFailedFuture(TransportFailure.circuitOpen)
    }
    var timed = request
    let remaining = max(0, deadline.remaining(at: now).milliseconds)
    timed.headers.set(Header.deadline, String(remaining))
    return line(to: endpoint, on: loop).value.send(
      timed.sent(to: endpoint.hostHeader), within: .milliseconds(remaining)
    ).map { answer in
      self.standing(of: endpoint) {
        $0.breaker.succeeded()
        $0.budget.earned()
      }
      return WireResponse(answer)
    }.flatMapError { error in
      let failure = (error as? LineFailure).map(TransportFailure.init) ?? .answerLost
      self.record(failure, of: endpoint)
      guard self.mayRetry(after: failure, isRepeatable, tries, endpoint, deadline) else {
        return loop.makeFailedFuture(failure)
      }
      return loop.flatScheduleTask(in: .nanoseconds((Self.retryPause * tries).nanoseconds)) {
        self.send(
          request, to: endpoint, by: deadline, isRepeatable: isRepeatable, on: loop,
          tries: tries + 1)
      }.futureResult
    }
  }

  private func mayRetry(
    after failure: TransportFailure, _ isRepeatable: Bool, _ tries: Int,
    _ endpoint: ServiceEndpoint, _ deadline: Deadline
  ) -> Bool {
    switch failure {
    case .unreachable: break
    case .answerLost where isRepeatable: break
    case .answerLost, .notTheService, .circuitOpen, .overloaded, .deadlineExceeded,
      .answerMalformed:
      return false
    }
    return tries < Self.triesMax
      && !deadline.hasPassed(at: credentials.clock.now() + Self.retryPause * tries)
      && standing(of: endpoint) { $0.budget.spend() }
  }

  private func record(_ failure: TransportFailure, of endpoint: ServiceEndpoint) {
    let now = credentials.clock.now()
    switch failure {
    case .unreachable, .notTheService, .answerLost, .deadlineExceeded, .answerMalformed:
      standing(of: endpoint) { $0.breaker.failed(at: now) }
    // Our own refusals say nothing about the service.
    case .circuitOpen, .overloaded: break
    }
  }

  @discardableResult
  private func standing<Result: Sendable>(
    of endpoint: ServiceEndpoint, _ body: @Sendable (inout Standing) -> Result
  ) -> Result {
    standings.withLock { body(&$0[endpoint.id, default: Standing()]) }
  }

  private func line(
    to endpoint: ServiceEndpoint, on loop: any EventLoop
  ) -> NIOLoopBound<DialledLine> {
    let key = LineKey(loop: ObjectIdentifier(loop), endpoint: endpoint)
    return lines.withLock { lines in
      if let line = lines[key] { return line }
      let line = NIOLoopBound(
        DialledLine(
          to: .tcp(host: endpoint.host, port: endpoint.port), limits: limits.line, on: loop,
          security: credentials.dialling(endpoint.id)),
        eventLoop: loop)
      lines[key] = line
      return line
    }
  }
}

/// Where a service listens, and whom its certificate must name.
package struct ServiceEndpoint: Sendable, Hashable {
  package let id: SpiffeID
  package let host: String
  package let port: Int

  package init(id: SpiffeID, host: String, port: Int) {
    self.id = id
    self.host = host
    self.port = port
  }
  var hostHeader: String { "\(host):\(port)" }
}

extension MeshCredentials {
  /// Mutual TLS for each connection to one service, and to nobody else.
  fileprivate func dialling(_ expected: SpiffeID) -> DialledLine.Securing {
    { [self] in
      let slot = PeerSlot()
      return DialledLine.Security(
        try NIOSSLClientHandler(
          context: clientContext, serverHostname: nil,
          customVerificationCallback: verification(into: slot, expected: expected))
      ) { [clock] in slot.peer.map { clock.now() < $0.notAfter } ?? false }
    }
  }
}
