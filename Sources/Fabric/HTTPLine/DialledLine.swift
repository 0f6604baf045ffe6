package import NIOCore
import NIOPosix
import Vocabulary

/// The connections that one event loop keeps to one address, and the requests that wait for one.
/// A class confined to its event loop: connections come back to it by callback.
package final class DialledLine {
  /// TLS for one connection that is dialled, made on its loop by whoever knows the certificates.
  package struct Security {
    let tls: any ChannelHandler
    let isProven: () -> Bool

    /// - Parameter isProven: whether the other end has proven who it is, and that still holds. Asked after the handshake
    ///   and before each request; who leaves it out trusts the handshake.
    package init(_ tls: any ChannelHandler, isProven: @escaping () -> Bool = { true }) {
      self.tls = tls
      self.isProven = isProven
    }
  }

  /// No answer is waited for any longer, whatever the caller says.
  private static let spanMax: Duration = .seconds(86_400)

  /// Called for each connection on its loop, when the other end has accepted.
  package typealias Securing = @Sendable () throws -> Security

  private let loop: any EventLoop
  private let address: LineAddress
  private let source: SocketAddress?
  private let security: Securing?
  let limits: LineLimits
  private var idle: [LineConnection] = []
  private var waiting: CircularBuffer<Errand> = []
  private lazy var alarm = Alarm(on: loop) { [weak self] in self?.dismissLate() }
  /// Connections that stand or are being made, and of these the latter.
  private var open = 0
  private var opening = 0
  private var isClosed = false

  /// Opens no connection yet.
  /// - Parameters:
  ///   - source: the local address to come from; any when nil.
  ///   - security: nil: plain text.
  package init(
    to address: LineAddress, from source: SocketAddress? = nil, limits: LineLimits,
    on loop: any EventLoop, security: Securing? = nil
  ) {
    self.address = address
    self.source = source
    self.limits = limits
    self.loop = loop
    self.security = security
  }

  /// Sends on an idle connection, or on the first that is made or comes back. Must be called on the loop.
  /// - Parameter isRepeatable: carrying it out twice is harmless, so it is sent once more where a kept connection was
  ///   closed under it. Nothing else is ever sent twice.
  /// - Returns: fails with `LineFailure`.
  package func send(
    _ request: LineRequest, within span: Duration, isRepeatable: Bool = false
  ) -> EventLoopFuture<LineAnswer> {
    loop.assertInEventLoop()
    let deadline = NIODeadline.now() + .nanoseconds(min(max(.zero, span), Self.spanMax).nanoseconds)
    let errand = Errand(request, deadline, loop.makePromise(), mayRepeat: isRepeatable)
    start(errand)
    return errand.promise.futureResult
  }

  /// Closes what is idle at once, and the rest when it is answered. Requests that come later fail.
  package func close() {
    isClosed = true
    alarm.stop()
    while let errand = waiting.popFirst() { errand.promise.fail(LineFailure.unreachable) }
    dropIdle()
  }

  private func dropIdle() {
    let dropped = idle
    idle = []
    for connection in dropped { connection.fail(.answerLost) }
  }

  private func start(_ errand: Errand) {
    let now = NIODeadline.now()
    guard !isClosed else { return errand.promise.fail(LineFailure.unreachable) }
    guard errand.deadline > now else { return errand.promise.fail(LineFailure.deadlineExceeded) }
    while let connection = idle.popLast() {
      if connection.isUsable(at: now) { return connection.send(errand, isKept: true) }
      connection.fail(.answerLost)
    }
    let dials = open < limits.connectionsMax && opening <= waiting.count
    guard dials || waiting.count < limits.waitingMax + opening else {
      return errand.promise.fail(LineFailure.overloaded)
    }
    waiting.append(errand)
    if waiting.count == 1 { alarm.set(errand.deadline) } else { alarm.advance(to: errand.deadline) }
    if dials { dial() }
  }

  /// Fails those whose time ran out while they waited, and looks again when the next one's will.
  private func dismissLate() {
    let now = NIODeadline.now()
    let late = waiting.filter { $0.deadline <= now }
    waiting.removeAll { $0.deadline <= now }
    if let next = waiting.lazy.map(\.deadline).min() { alarm.set(next) }
    for errand in late { errand.promise.fail(LineFailure.deadlineExceeded) }
  }

  // MARK: What its connections tell

  /// It stands, or its answer is here: it goes to whoever waits longest, or is kept.
  func takeBack(_ connection: LineConnection, isKept: Bool) {
    if !isKept { opening -= 1 }
    let now = NIODeadline.now()
    guard !isClosed, connection.isUsable(at: now, isNew: !isKept) else {
      return connection.fail(.answerLost)
    }
    while let next = waiting.popFirst() {
      // Whose time ran out must not be sent any more.
      if next.deadline > now { return connection.send(next, isKept: isKept) }
      next.promise.fail(LineFailure.deadlineExceeded)
    }
    idle.append(connection)
  }

  /// It is gone. What was on its way on it may be sent once more.
  func lose(_ connection: LineConnection, _ failure: LineFailure, _ errand: Errand?) {
    open -= 1
    idle.removeAll { $0 === connection }
    if let errand {
      guard failure == .answerLost, errand.mayRepeat else { return replace(errand, failure) }
      errand.mayRepeat = false
      // Whoever closed this one has closed the others as well.
      dropIdle()
      start(errand)
    } else {
      dialForWaiting()
    }
  }

  private func replace(_ errand: Errand, _ failure: LineFailure) {
    dialForWaiting()
    errand.promise.fail(failure)
  }

  /// It never stood. Whoever waits longest learns why; where no other connection stands, all do: they would only fail
  /// later.
  func miss(_ failure: LineFailure) {
    open -= 1
    opening -= 1
    let first = waiting.popFirst()
    if open == 0 {
      let others = waiting
      waiting.removeAll()
      for errand in others { errand.promise.fail(LineFailure.unreachable) }
    } else {
      dialForWaiting()
    }
    first?.promise.fail(failure)
  }

  private func dialForWaiting() {
    guard !isClosed, opening < waiting.count, open < limits.connectionsMax else { return }
    dial()
  }

  private func dial() {
    open += 1
    opening += 1
    let connection = LineConnection(self, on: loop)
    let bound = NIOLoopBound((connection, address), eventLoop: loop)
    let security = security
    var bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(limits.connectMax.nanoseconds))
    if let source { bootstrap = bootstrap.bind(to: source) }
    let dialled =
      switch address {
      case .tcp(let host, let port):
        bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
      case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
      }
    dialled.whenComplete { outcome in
      let connection = bound.value.0
      switch outcome {
      case .failure: connection.fail(.unreachable)
      // A host may have several addresses; only the one that accepted gets the handlers.
      case .success(let channel):
        do {
          try connection.take(channel, try security?())
        } catch {
          connection.fail(.unreachable)
          channel.close(promise: nil)
        }
      }
    }
  }
}

/// One request on its way. A class: it waits in the line, then is its connection's.
final class Errand {
  let request: LineRequest
  let deadline: NIODeadline
  let promise: EventLoopPromise<LineAnswer>
  /// Whether it may be sent once more.
  var mayRepeat: Bool

  init(
    _ request: LineRequest, _ deadline: NIODeadline, _ promise: EventLoopPromise<LineAnswer>,
    mayRepeat: Bool
  ) {
    self.request = request
    self.deadline = deadline
    self.promise = promise
    self.mayRepeat = mayRepeat
  }
}
