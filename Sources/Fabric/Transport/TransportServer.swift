package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Vocabulary

/// HTTP/1.1 over mutual TLS 1.3. There is no way to make one that speaks plain text or takes an anonymous peer.
package final class TransportServer: Sendable {
  package typealias Handler = @Sendable (WireRequest, VerifiedPeer) async -> WireResponse
  /// The body limit in bytes for a request, from its method and target, before a byte of the body is read.
  package typealias BodyLimit = @Sendable (_ method: String, _ target: String) -> Int

  private let listener: any Channel
  private let connections: OpenConnections
  package let port: Int

  private init(listener: any Channel, connections: OpenConnections, port: Int) {
    self.listener = listener
    self.connections = connections
    self.port = port
  }

  /// Binds and starts to accept. Port 0 takes a free one.
  /// - Throws: `PortTaken` when the port is in use, or the system's error.
  package static func listen(
    host: String, port: Int, credentials: MeshCredentials, limits: TransportLimits,
    group: any EventLoopGroup, bodyLimit: @escaping BodyLimit, handler: @escaping Handler
  ) async throws -> TransportServer {
    let connections = OpenConnections(limits: limits)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        guard connections.admit(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          let slot = PeerSlot()
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(FirstBytes(connections))
          try pipeline.addHandler(
            NIOSSLServerHandler(
              context: credentials.serverContext,
              customVerificationCallback: credentials.verification(into: slot)))
          try pipeline.addHandler(WriteGathering())
          try pipeline.addHandler(HTTPResponseEncoder())
          try pipeline.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: limits.decoder)))
          try pipeline.addHandler(
            ServerConnection(
              slot: slot, limits: limits, clock: credentials.clock, bodyLimit: bodyLimit,
              connections: connections, tasks: LoopTasks(channel.eventLoop), handler: handler))
        }
      }
    do {
      let listener = try await bootstrap.bind(host: host, port: port).get()
      return TransportServer(
        listener: listener, connections: connections, port: listener.localAddress?.port ?? port)
    } catch let error as IOError where error.errnoCode == EADDRINUSE {
      throw PortTaken(host: host, port: port)
    }
  }

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

  /// Requests being answered and connections open just now.
  package var openConnections: Int { connections.count }
}

/// The port is in use by another process.
package struct PortTaken: Error, CustomStringConvertible {
  package let host: String
  package let port: Int
  package var description: String { "port \(port) on \(host) is in use by another process" }
}

extension TransportLimits {
  var decoder: NIOHTTPDecoderLimitConfiguration {
    var configuration = NIOHTTPDecoderLimitConfiguration()
    configuration.maxHeaderFieldSize = headBytesMax
    configuration.maxHeaderListSize = headBytesMax
    configuration.maxHeaderFieldCount = headerFieldsMax
    return configuration
  }
}
