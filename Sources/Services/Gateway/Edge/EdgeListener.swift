package import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization
import Vocabulary

/// The public listener: TLS 1.3 and nothing else. A class: it owns sockets.
package final class EdgeListener: Sendable {
  private let channel: any Channel
  private let doors: EdgeDoors
  /// The port in use, also where 0 was asked for.
  package let port: Int

  private init(channel: any Channel, doors: EdgeDoors, port: Int) {
    self.channel = channel
    self.doors = doors
    self.port = port
  }

  /// Binds and starts to accept; port 0 takes a free one.
  /// - Throws: the system's error, for example when the port is in use.
  package static func listen(
    host: String, port: Int, identity: EdgeIdentity, limits: EdgeLimits, edge: Edge,
    group: any EventLoopGroup
  ) async throws -> EdgeListener {
    let doors = EdgeDoors(limits: limits)
    let channel = try await ServerBootstrap(group: group)
      // As long as the kernel lets it be by default: what comes at once waits here, beyond it a second passes.
      .serverChannelOption(.backlog, value: 4_096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // Whoever says that nothing more will come still gets the answer to what did (RFC 9112 §9.6).
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        guard let place = doors.admit(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(ProtocolGate())
          try pipeline.addHandler(NIOSSLServerHandler(context: identity.context))
          try pipeline.addHandler(
            EdgeConnection(edge: edge, limits: limits, doors: doors, place: place))
        }
      }
      .bind(host: host, port: port).get()
    return EdgeListener(
      channel: channel, doors: doors, port: channel.localAddress?.port ?? port)
  }

  /// Connections open just now.
  package var openConnections: Int { doors.count }

  /// Stops accepting, lets requests in flight be answered, and cuts what is left after `limit`.
  package func drain(within limit: Duration) async {
    try? await channel.close()
    doors.beginClosing()
    let end = ContinuousClock.now + limit
    while doors.count > 0, ContinuousClock.now < end {
      try? await Task.sleep(for: .milliseconds(10))
    }
    doors.closeAll()
  }
}

/// The certificate the outside sees; replaced while connections stand. A class: the listener reads
/// what the renewer writes.
package final class EdgeIdentity: Sendable {
  private let current: Mutex<NIOSSLContext>

  /// - Parameter chain: leaf first, without the root.
  /// - Throws: when chain and key do not belong together.
  package init(chain: [NIOSSLCertificate], privateKey: NIOSSLPrivateKey) throws {
    current = Mutex(try Self.context(chain, privateKey))
  }

  /// Both in PEM.
  /// - Throws: also when either cannot be read.
  package convenience init(chain: [UInt8], privateKey: [UInt8]) throws {
    try self.init(
      chain: try NIOSSLCertificate.fromPEMBytes(chain),
      privateKey: try NIOSSLPrivateKey(bytes: privateKey, format: .pem))
  }

  /// From here on new connections see this certificate. Both in PEM.
  package func replace(chain: [UInt8], privateKey: [UInt8]) throws {
    let next = try Self.context(
      try NIOSSLCertificate.fromPEMBytes(chain),
      try NIOSSLPrivateKey(bytes: privateKey, format: .pem))
    current.withLock { $0 = next }
  }

  /// For the next handshake.
  package var context: NIOSSLContext { current.withLock { $0 } }

  private static func context(
    _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey
  ) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    configuration.minimumTLSVersion = .tlsv13
    configuration.maximumTLSVersion = .tlsv13
    configuration.applicationProtocols = ["http/1.1"]
    return try NIOSSLContext(configuration: configuration)
  }
}
