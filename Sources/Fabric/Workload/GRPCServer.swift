import Glibc
package import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization

/// gRPC over HTTP/2 on a Unix socket: unary and server-streaming methods. Our own, because the
/// handler must see the socket's peer credentials, which no ready-made server hands on.
package final class GRPCServer: Sendable {
  /// Serves one call: sends messages, then returns, or throws a `GRPCStatus`. Cancelled when the
  /// caller goes away.
  package typealias Handler = @Sendable (GRPCCall) async throws -> Void

  /// Longest socket path (sun_path, unix(7), less its end mark).
  package static let pathBytesMax = 107

  private let listener: any Channel
  private let connections: OpenSockets

  private init(listener: any Channel, connections: OpenSockets) {
    self.listener = listener
    self.connections = connections
  }

  /// Binds `path`, taking the place of a socket that an ended process left there, and starts to
  /// accept.
  /// - Throws: `GRPCSocketError.pathTooLong`, or the system's error.
  package static func listen(
    path: String, limits: GRPCLimits = GRPCLimits(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    handler: @escaping Handler
  ) async throws -> GRPCServer {
    guard path.utf8.count <= pathBytesMax else { throw GRPCSocketError.pathTooLong }
    let connections = OpenSockets(limits: limits)
    let bootstrap = ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        // Whose it is comes first: a place is taken from somebody's share, never from everybody's.
        PeerCredentials.of(channel).flatMapThrowing { peer in
          guard connections.admit(channel, from: peer) else {
            return channel.close(promise: nil)
          }
          try configure(
            channel, peer: peer, limits: limits, connections: connections, handler: handler)
        }
      }
    let listener = try await bootstrap.bind(
      unixDomainSocketPath: path, cleanupExistingSocketFile: true
    ).get()
    return GRPCServer(listener: listener, connections: connections)
  }

  private static func configure(
    _ channel: any Channel, peer: PeerCredentials, limits: GRPCLimits, connections: OpenSockets,
    handler: @escaping Handler
  ) throws {
    let key = ObjectIdentifier(channel)
    let timer = SilenceTimer(limits: limits) { connections.hear(key) }
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streamsMax),
      HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headBytesMax),
    ]
    let manager = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop,
      configuration: .init(
        maxIdleTime: TimeAmount(limits.idleMax), maxAge: nil,
        maxGraceTime: TimeAmount(limits.farewellMax),
        keepalive: nil))
    let http2 = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
      streamDelegate: StreamWatch(
        farewell: manager.http2StreamDelegate,
        timer: NIOLoopBound(timer, eventLoop: channel.eventLoop))
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(
          GRPCServerStream(peer: peer, limits: limits, handler: handler))
      }
    }
    try channel.pipeline.syncOperations.addHandlers(
      [http2, manager, timer, ConnectionErrors()])
  }

  /// Stops accepting and closes what is open; calls under way are cancelled.
  package func close() async {
    try? await listener.close().get()
    connections.closeAll()
  }
}

/// Why a socket cannot be used.
package enum GRPCSocketError: Error, Hashable, Sendable {
  /// Longer than `GRPCServer.pathBytesMax`: choose a shorter home directory.
  case pathTooLong
}

/// One call, as its handler sees it.
package struct GRPCCall: Sendable {
  /// `/Service/Method`.
  package let path: String
  let metadata: HPACKHeaders
  /// The one request message.
  package let message: [UInt8]
  package let peer: PeerCredentials
  let channel: any Channel
  let hasBegun: Latch

  /// The first value of a metadata item; nil when it was not sent.
  package func metadata(_ name: String) -> String? { metadata.first(name: name) }

  /// Sends one message; returns when it is on its way, so that a slow reader slows the sender.
  package func send(_ message: [UInt8]) async throws {
    if hasBegun.close() {
      let head: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
      channel.write(HTTP2Frame.FramePayload.headers(.init(headers: head)), promise: nil)
    }
    let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(GRPCFrame.write(message)))
    try await channel.writeAndFlush(HTTP2Frame.FramePayload.data(data)).get()
  }

  /// The last frame: the status. Without a message before it, it carries the head as well
  /// (Trailers-Only).
  func finish(_ status: GRPCStatus?) {
    var trailers = HPACKHeaders()
    if hasBegun.close() {
      trailers.add(name: ":status", value: "200")
      trailers.add(name: "content-type", value: "application/grpc")
    }
    trailers.add(name: "grpc-status", value: String(status?.code ?? 0))
    if let status { trailers.add(name: "grpc-message", value: status.encodedMessage) }
    channel.writeAndFlush(
      HTTP2Frame.FramePayload.headers(.init(headers: trailers, endStream: true)), promise: nil)
  }
}

/// Closes once. A class, because the call's value and its stream must agree on whether the answer
/// has begun.
final class Latch: Sendable {
  private let isClosed = Atomic(false)
  /// True for the one caller that closes it.
  func close() -> Bool {
    isClosed.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
      .exchanged
  }
}

/// The open connections, to share them out and to close them. A class: the listener and every
/// connection see the same one.
final class OpenSockets: Sendable {
  private struct State {
    var shares: SocketShares<ObjectIdentifier>
    var channels: [ObjectIdentifier: any Channel] = [:]
  }
  private let state: Mutex<State>

  init(limits: GRPCLimits) {
    state = Mutex(State(shares: SocketShares(limits: limits, trusted: [0, geteuid()])))
  }

  /// False when the peer has its share, or nobody has more than it.
  func admit(_ channel: any Channel, from peer: PeerCredentials) -> Bool {
    let key = ObjectIdentifier(channel)
    let (isAdmitted, other) = state.withLock { state -> (Bool, (any Channel)?) in
      guard case .admitted(let instead) = state.shares.enter(key, from: peer) else {
        return (false, nil)
      }
      state.channels[key] = channel
      return (true, instead.flatMap { state.channels.removeValue(forKey: $0) })
    }
    guard isAdmitted else { return false }
    other?.close(promise: nil)
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { state in
        state.shares.leave(key)
        state.channels[key] = nil
      }
    }
    return true
  }

  func hear(_ key: ObjectIdentifier) { state.withLock { $0.shares.hear(key) } }

  func closeAll() {
    for channel in state.withLock({ Array($0.channels.values) }) { channel.close(promise: nil) }
  }
}

/// A peer that breaks HTTP/2 loses its connection, and nothing else happens.
final class ConnectionErrors: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
