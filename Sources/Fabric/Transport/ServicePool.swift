import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
package import Vocabulary

/// The connections that one event loop keeps to one service, and the requests that wait for one.
/// A class confined to its event loop: connections come back to it by callback.
final class ServicePool {
  private typealias Leased = NIOLoopBound<ClientConnection>
  /// The connection that a request has just now. A class: the deadline's timer looks at it.
  private final class Lent {
    var connection: ClientConnection?
  }
  private struct Waiting {
    let promise: EventLoopPromise<Leased>
    let deadline: Deadline
  }
  private let loop: any EventLoop
  private let endpoint: ServiceEndpoint
  private let credentials: MeshCredentials
  private let limits: TransportLimits
  private var idle: [ClientConnection] = []
  private var waiting: CircularBuffer<Waiting> = []
  /// Connections that stand or are being made.
  private var leased = 0

  init(
    loop: any EventLoop, endpoint: ServiceEndpoint, credentials: MeshCredentials,
    limits: TransportLimits
  ) {
    self.loop = loop
    self.endpoint = endpoint
    self.credentials = credentials
    self.limits = limits
  }

  /// Sends on an idle connection, a new one, or the next to come back. Fails with `TransportFailure`.
  func send(_ request: WireRequest, by deadline: Deadline) -> EventLoopFuture<WireResponse> {
    loop.assertInEventLoop()
    let remaining = deadline.remaining(at: credentials.clock.now())
    guard remaining > .zero else {
      return loop.makeFailedFuture(TransportFailure.deadlineExceeded)
    }
    let result = loop.makePromise(of: WireResponse.self)
    let lent = NIOLoopBound(Lent(), eventLoop: loop)
    let abandoned = loop.scheduleTask(in: .nanoseconds(remaining.nanoseconds)) {
      result.fail(TransportFailure.deadlineExceeded)
      // What was sent on it may still be answered, so nobody else can have it.
      lent.value.connection?.fail(.deadlineExceeded)
    }
    let pool = NIOLoopBound(self, eventLoop: loop)
    lease(by: deadline).whenComplete { leased in
      switch leased {
      case .failure(let error):
        abandoned.cancel()
        result.fail(error)
      case .success(let bound):
        let connection = bound.value
        // A request whose time ran out while it waited must not be sent any more.
        if deadline.hasPassed(at: pool.value.credentials.clock.now()) {
          pool.value.giveBack(connection)
          return
        }
        let answer = connection.send(request, host: pool.value.endpoint.hostHeader)
        lent.value.connection = connection
        answer.whenComplete { outcome in
          abandoned.cancel()
          lent.value.connection = nil
          pool.value.giveBack(bound.value)
          result.completeWith(outcome)
        }
      }
    }
    return result.futureResult
  }

  private func lease(by deadline: Deadline) -> EventLoopFuture<Leased> {
    let now = credentials.clock.now()
    while let connection = idle.popLast() {
      if connection.isUsable(at: now) {
        return loop.makeSucceededFuture(NIOLoopBound(connection, eventLoop: loop))
      }
      connection.close()
      leased -= 1
    }
    if leased < limits.connectionsPerServiceMax {
      leased += 1
      return connect()
    }
    guard waiting.count < limits.waitingMax else {
      return loop.makeFailedFuture(TransportFailure.overloaded)
    }
    let promise = loop.makePromise(of: Leased.self)
    waiting.append(Waiting(promise: promise, deadline: deadline))
    return promise.futureResult
  }

  private func giveBack(_ connection: ClientConnection) {
    let now = credentials.clock.now()
    guard connection.isUsable(at: now) else {
      connection.close()
      leased -= 1
      return replaceForWaiting()
    }
    while let next = waiting.popFirst() {
      // The promise of one that ran out of time was failed by its timer; the connection goes to the next.
      if next.deadline.hasPassed(at: now) {
        next.promise.fail(TransportFailure.deadlineExceeded)
        continue
      }
      return next.promise.succeed(NIOLoopBound(connection, eventLoop: loop))
    }
    idle.append(connection)
  }

  /// A slot came free: whoever waits longest gets a new connection.
  private func replaceForWaiting() {
    guard let next = waiting.popFirst() else { return }
    leased += 1
    connect().cascade(to: next.promise)
  }

  private func connect() -> EventLoopFuture<Leased> {
    let slot = PeerSlot()
    let ready = loop.makePromise(of: Void.self)
    let connection = ClientConnection(
      peerEnd: { slot.peer?.notAfter }, limits: limits, openedAt: credentials.clock.now(),
      ready: ready)
    let bound = NIOLoopBound(connection, eventLoop: loop)
    let (credentials, limits, expected) = (credentials, limits, endpoint.id)
    ClientConnection.open(
      bound, host: endpoint.host, port: endpoint.port, limits: limits, loop: loop
    ) {
      try NIOSSLClientHandler(
        context: credentials.clientContext, serverHostname: nil,
        customVerificationCallback: credentials.verification(into: slot, expected: expected))
    }
    let timeout = loop.scheduleTask(
      in: .nanoseconds((limits.connectMax + limits.handshakeMax).nanoseconds)
    ) { bound.value.fail(.unreachable) }
    let pool = NIOLoopBound(self, eventLoop: loop)
    ready.futureResult.whenComplete { outcome in
      timeout.cancel()
      if case .failure = outcome {
        pool.value.leased -= 1
        pool.value.failWaiting()
      }
    }
    return ready.futureResult.map { bound }
  }

  /// A service that cannot be reached fails those who wait now: they would only fail later.
  private func failWaiting() {
    guard leased == 0 else { return replaceForWaiting() }
    while let next = waiting.popFirst() { next.promise.fail(TransportFailure.unreachable) }
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
