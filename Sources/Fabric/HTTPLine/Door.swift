package import NIOCore
package import NIOHTTP1
import NIOPosix

/// A door of HTTP/1.1, as a value: within which limits it is open, and who answers at it. Mutual TLS, plain TLS and plain
/// text are what `receive` makes of a connection.
package struct Door: Sendable {
  package let limits: DoorLimits
  /// Called for each connection that is admitted, on its loop.
  package let receive: @Sendable (any Channel) throws -> Reception
  /// Called for each connection that finds no place.
  package let turnAway: @Sendable () -> Void

  package init(
    limits: DoorLimits, turnAway: @escaping @Sendable () -> Void = {},
    receive: @escaping @Sendable (any Channel) throws -> Reception
  ) {
    self.limits = limits
    self.turnAway = turnAway
    self.receive = receive
  }

  /// Binds and starts to accept. Port 0 takes a free one; a Unix socket that was left behind is replaced.
  /// - Throws: the system's error.
  package func open(at address: LineAddress, group: any EventLoopGroup) async throws -> OpenDoor {
    let connections = OpenConnections(limits: limits)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .childChannelInitializer { channel in
        guard connections.admit(channel) else {
          turnAway()
          return channel.close()
        }
        return channel.eventLoop.makeCompletedFuture { try fill(channel, connections) }
      }
    let listener =
      switch address {
      case .tcp(let host, let port):
        try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
          .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
          .bind(host: host, port: port).get()
      case .unix(let path):
        try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      }
    return OpenDoor(listener: listener, connections: connections)
  }

  private func fill(_ channel: any Channel, _ connections: OpenConnections) throws {
    let reception = try receive(channel)
    let pipeline = channel.pipeline.syncOperations
    let connection = DoorConnection(
      self, reception.attendant, connections, isEncrypted: reception.tls != nil,
      on: channel.eventLoop)
    if let tls = reception.tls {
      try pipeline.addHandler(FirstBytes(connections))
      try pipeline.addHandler(tls)
      try pipeline.addHandler(WriteGathering())
    }
    try pipeline.addHandler(BytesTeller(connection))
    try pipeline.addHandler(HTTPResponseEncoder())
    try pipeline.addHandler(
      ByteToMessageHandler(
        HTTPRequestDecoder(
          limitConfiguration: .init(
            headBytesMax: limits.headBytesMax, headerFieldsMax: limits.headerFieldsMax))))
    try pipeline.addHandler(connection)
  }
}

/// What one accepted connection has of its own.
package struct Reception {
  let tls: (any ChannelHandler)?
  let attendant: any Attendant

  /// - Parameter tls: nil: plain text.
  package init(tls: (any ChannelHandler)? = nil, _ attendant: any Attendant) {
    self.tls = tls
    self.attendant = attendant
  }
}

/// Who is at the other end of a connection.
package struct Visitor {
  /// Whose share of the door's connections this one is; nil: callers have no shares.
  let share: String?
  let isProven: () -> Bool

  /// - Parameter isProven: whether what it has proven still holds. Asked before each request: none is taken after that.
  package init(share: String? = nil, isProven: @escaping () -> Bool = { true }) {
    self.share = share
    self.isProven = isProven
  }
}

/// Answers the requests of one connection, one after the other, and lives on its event loop.
package protocol Attendant: AnyObject {
  /// Asked once: after the handshake, or at once where there is none. Nil: the visitor is not let in.
  func identify(_ channel: any Channel) -> Visitor?
  /// Looks at a request's head before a byte of the body is read.
  func look(at head: HTTPRequestHead) -> HeadVerdict
  /// - Parameter reply: takes the answer, once.
  func answer(_ request: LineRequest, _ reply: Reply)
  /// What is said to a request that breaks a rule of the door.
  func refusal(of fault: DoorFault) -> LineAnswer
}

extension Attendant {
  package func refusal(of fault: DoorFault) -> LineAnswer {
    switch fault {
    case .malformed, .hostNotOnce: .problem(400, "malformed-request")
    case .bodyTooLarge: .problem(413, "content-too-large")
    }
  }
}

/// What becomes of a request by its head.
package enum HeadVerdict {
  case read(bodyBytesMax: Int)
  case refuse(LineAnswer)
}

/// How a request can break the rules of a door.
package enum DoorFault {
  /// No HTTP, or a head that is too large.
  case malformed
  /// RFC 9112 §3.2: whom a request is for must be said once.
  case hostNotOnce
  case bodyTooLarge(bytesMax: Int)
}

/// Where the answer to one request goes. From any thread; the answer is written on the connection's event loop.
package struct Reply: Sendable {
  let connection: NIOLoopBound<DoorConnection>
  let loop: any EventLoop

  package func send(_ answer: consuming LineAnswer) {
    if loop.inEventLoop { return connection.value.write(answer) }
    loop.execute { [answer] in connection.value.write(answer) }
  }

  /// There will be no answer: the connection is closed.
  package func drop() {
    loop.execute { connection.value.close() }
  }
}

/// A door that is open. A class: it owns a socket.
package final class OpenDoor: Sendable {
  private let listener: any Channel
  private let connections: OpenConnections

  init(listener: any Channel, connections: OpenConnections) {
    self.listener = listener
    self.connections = connections
  }

  /// Where it listens; nil at a Unix socket.
  package var port: Int? { listener.localAddress?.port }

  /// Connections just now.
  package var count: Int { connections.count }

  /// Stops accepting, lets requests in flight finish, closes idle connections at once and the rest at `within`.
  package func drain(within limit: Duration) async {
    try? await listener.close()
    connections.drain()
    let deadline = ContinuousClock.now + limit
    while connections.count > 0, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(10))
    }
    connections.closeAll()
  }
}
