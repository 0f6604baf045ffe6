import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Vocabulary

/// The connections to one policy server, and who waits for one.
/// A class: it lives on one event loop, and its connections tell it when they close.
final class RemoteConnections {
  /// One question on its way.
  private final class Errand {
    let question: RemoteQuestion
    let promise: EventLoopPromise<RemoteAnswer>
    var timer: Scheduled<Void>?
    var connection: RemoteConnection?
    var isDone = false
    var mayRepeat = true

    init(_ question: RemoteQuestion, _ promise: EventLoopPromise<RemoteAnswer>) {
      self.question = question
      self.promise = promise
    }

    func end(_ result: Result<RemoteAnswer, any Error>) {
      guard !isDone else { return }
      isDone = true
      timer?.cancel()
      promise.completeWith(result)
    }
  }

  private let address: RemotePolicyAddress
  private let context: NIOSSLContext?
  private let limits: RemotePolicyLimits
  private let loop: any EventLoop
  private var idle: [RemoteConnection] = []
  private var open = 0
  private var waiting: [Errand] = []
  private var isClosed = false

  init(
    address: RemotePolicyAddress, context: NIOSSLContext?, limits: RemotePolicyLimits,
    loop: any EventLoop
  ) {
    self.address = address
    self.context = context
    self.limits = limits
    self.loop = loop
  }

  func ask(_ question: RemoteQuestion, until deadline: NIODeadline) -> EventLoopFuture<RemoteAnswer>
  {
    let errand = Errand(question, loop.makePromise())
    let bound = NIOLoopBound((self, errand), eventLoop: loop)
    errand.timer = loop.scheduleTask(deadline: deadline) {
      let (connections, errand) = bound.value
      connections.waiting.removeAll { $0 === errand }
      errand.end(.failure(RemotePolicyFailure.deadlineExceeded))
      errand.connection?.fail(.deadlineExceeded)
    }
    start(errand)
    return errand.promise.futureResult
  }

  func close() {
    isClosed = true
    for errand in waiting { errand.end(.failure(RemotePolicyFailure.unreachable)) }
    waiting = []
    dropIdle()
  }

  private func dropIdle() {
    let dropped = idle
    idle = []
    for connection in dropped { connection.fail(.answerLost) }
  }

  private func start(_ errand: Errand) {
    guard !isClosed else { return errand.end(.failure(RemotePolicyFailure.unreachable)) }
    let now = NIODeadline.now()
    while let connection = idle.popLast() {
      if connection.isUsable(at: now) { return send(errand, on: connection, isKept: true) }
      connection.fail(.answerLost)
    }
    if open < limits.connectionsMax { return connect(for: errand) }
    guard waiting.count < limits.waitingMax else {
      return errand.end(.failure(RemotePolicyFailure.overloaded))
    }
    waiting.append(errand)
  }

  private func send(_ errand: Errand, on connection: RemoteConnection, isKept: Bool) {
    errand.connection = connection
    let bound = NIOLoopBound((self, errand, connection), eventLoop: loop)
    connection.send(errand.question, on: loop).whenComplete { result in
      let (connections, errand, connection) = bound.value
      errand.connection = nil
      switch result {
      case .failure(RemotePolicyFailure.answerLost)
      where isKept && errand.mayRepeat && !errand.isDone:
        // The server closed while we wrote; whoever closed this one has closed the others as well.
        errand.mayRepeat = false
        connections.dropIdle()
        connections.start(errand)
      default: errand.end(result)
      }
      connections.keep(connection)
    }
  }

  /// Gives a connection to the next who waits, or keeps it.
  private func keep(_ connection: RemoteConnection) {
    guard !isClosed, connection.isUsable(at: .now()) else { return connection.fail(.answerLost) }
    guard waiting.isEmpty else {
      return send(waiting.removeFirst(), on: connection, isKept: true)
    }
    idle.append(connection)
  }

  private func connect(for errand: Errand) {
    open += 1
    let (loop, context, address, limits) = (self.loop, self.context, self.address, self.limits)
    let ready = loop.makePromise(of: Void.self)
    let connection = RemoteConnection(address: address, limits: limits, ready: ready) {
      [weak self] in self?.closed()
    }
    let bound = NIOLoopBound((self, errand, connection), eventLoop: loop)
    let late = loop.scheduleTask(in: .nanoseconds(limits.connectMax.nanoseconds)) {
      bound.value.2.fail(.unreachable)
    }
    ready.futureResult.whenComplete { result in
      late.cancel()
      let (connections, errand, connection) = bound.value
      switch result {
      case .success where errand.isDone: connections.keep(connection)
      case .success: connections.send(errand, on: connection, isKept: false)
      case .failure(let error): errand.end(.failure(error))
      }
    }
    ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(limits.connectMax.nanoseconds))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let context {
            try pipeline.addHandler(
              NIOSSLClientHandler(
                context: context, serverHostname: address.isIPAddress ? nil : address.host))
          }
          try pipeline.addHandler(HTTPRequestEncoder())
          try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder()))
          try pipeline.addHandler(bound.value.2)
        }
      }
      .connect(host: address.host, port: address.port)
      .whenFailure { _ in bound.value.2.fail(.unreachable) }
  }

  private func closed() {
    open -= 1
    guard !isClosed, !waiting.isEmpty, open < limits.connectionsMax else { return }
    connect(for: waiting.removeFirst())
  }
}
