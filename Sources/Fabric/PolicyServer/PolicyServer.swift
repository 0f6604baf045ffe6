package import HTTPLine
package import NIOCore
package import NIOSSL
import Telemetry

extension DoorLimits {
  /// A policy server's: callers have no shares of its connections.
  package static var policyServer: DoorLimits {
    var limits = DoorLimits()
    limits.connectionsMax = 1_024
    return limits
  }
}

/// HTTP/1.1 in front of a policy service, over TLS where there is a context.
package struct PolicyServer: Sendable {
  private let door: OpenDoor
  package let port: Int

  /// Binds and starts to accept. Port 0 takes a free one.
  /// - Parameter tls: nil: plain text.
  /// - Throws: the system's error.
  package static func listen(
    host: String, port: Int, service: PolicyService, authentication: RequestAuthentication,
    tls: NIOSSLContext?, limits: DoorLimits = .policyServer, group: any EventLoopGroup
  ) async throws -> PolicyServer {
    let metrics = service.metrics
    let door = Door(limits: limits, turnAway: { metrics.refusedConnections.add() }) { channel in
      Reception(
        tls: tls.map { NIOSSLServerHandler(context: $0) },
        PolicyAttendant(service, authentication, on: channel.eventLoop))
    }
    let open = try await door.open(at: .tcp(host: host, port: port), group: group)
    return PolicyServer(door: open, port: open.port ?? port)
  }

  /// Stops accepting, lets requests in flight finish, closes idle connections at once and the rest
  /// at `within`.
  package func drain(within limit: Duration) async { await door.drain(within: limit) }
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
