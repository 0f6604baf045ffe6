package import NIOCore
import NIOHTTP1
import NIOPosix
package import NIOSSL
import Telemetry
import Vocabulary

/// What the policy server takes of connections before it refuses.
package struct PolicyConnectionLimits: Sendable {
  package var connectionsMax = 1_024
  /// All header names and values of one request together, in bytes.
  package var headBytesMax = 32 << 10
  package var headerFieldsMax = 100
  package var handshakeMax: Duration = .seconds(5)
  /// From a request's first byte to its last.
  package var requestReadMax: Duration = .seconds(10)
  /// Longest silence between two requests.
  package var idleMax: Duration = .seconds(60)
  /// Until the client has taken an answer.
  package var answerWriteMax: Duration = .seconds(30)

  package init() {}
}

/// HTTP/1.1 in front of a policy service, over TLS where there is a context.
package final class PolicyServer: Sendable {
  private let listener: any Channel
  private let connections: PolicyConnections
  package let port: Int

  private init(listener: any Channel, connections: PolicyConnections, port: Int) {
    self.listener = listener
    self.connections = connections
    self.port = port
  }

  /// Binds and starts to accept. Port 0 takes a free one.
  /// - Parameter tls: nil: plain text.
  /// - Throws: the system's error.
  package static func listen(
    host: String, port: Int, service: PolicyService, authentication: RequestAuthentication,
    tls: NIOSSLContext?, limits: PolicyConnectionLimits = PolicyConnectionLimits(),
    group: any EventLoopGroup
  ) async throws -> PolicyServer {
    let connections = PolicyConnections(limits.connectionsMax)
    let listener = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        guard connections.admit(channel) else {
          service.metrics.refusedConnections.add()
          return channel.close()
        }
        return channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
          var decoder = NIOHTTPDecoderLimitConfiguration()
          decoder.maxHeaderFieldSize = limits.headBytesMax
          decoder.maxHeaderListSize = limits.headBytesMax
          decoder.maxHeaderFieldCount = limits.headerFieldsMax
          try pipeline.addHandler(BytesTeller())
          try pipeline.addHandler(HTTPResponseEncoder())
          try pipeline.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: decoder)))
          try pipeline.addHandler(
            PolicyConnection(
              service: service, limits: limits, authentication: authentication,
              isEncrypted: tls != nil, connections: connections))
        }
      }
      .bind(host: host, port: port).get()
    return PolicyServer(
      listener: listener, connections: connections, port: listener.localAddress?.port ?? port)
  }

  /// Stops accepting, lets requests in flight finish, closes idle connections at once and the rest
  /// at `within`.
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

/// Files of certificates, in PEM, for a policy server.
package struct PolicyServerTLS: Sendable {
  package let certificateFile: String
  package let keyFile: String
  /// Authorities whose certificates callers must have; nil: callers need none.
  package let callerAuthorityFile: String?

  package init(certificateFile: String, keyFile: String, callerAuthorityFile: String?) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.callerAuthorityFile = callerAuthorityFile
  }

  /// - Throws: `NIOSSLError` where a file is none, or they do not belong together.
  package func context() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem)))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    if let callerAuthorityFile {
      configuration.trustRoots = .file(callerAuthorityFile)
      // A caller has no host name; its certificate's chain is checked, and required.
      configuration.certificateVerification = .noHostnameVerification
    }
    return try NIOSSLContext(configuration: configuration)
  }
}
