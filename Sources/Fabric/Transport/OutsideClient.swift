package import NIOCore
import NIOSSL
package import Vocabulary

/// Speaks to the gateway as a program outside the mesh does: HTTPS with TLS 1.3, the server proven by host name and
/// certificate authority, no certificate of its own. One connection, one request at a time; an actor, because that is a
/// queue. For the demo, the benches and the drills.
package actor OutsideClient {
  private let host: String
  private let name: String
  private let port: Int
  private let context: NIOSSLContext
  private let loop: any EventLoop
  private let clock: Clock
  private let source: SocketAddress?
  private let limits = TransportLimits()
  private var connection: NIOLoopBound<ClientConnection>?

  /// - Parameter authorityFile: PEM of the authority that signed the gateway's certificate.
  /// - Parameter ownFile: PEM of a certificate with its chain that an operator gave the gateway instead; public
  ///   authorities are believed then too.
  /// - Parameter name: what the gateway's certificate must be for, where that is not `host`.
  /// - Parameter source: the IP address to come from, for example `127.0.0.2`; any when nil.
  /// - Throws: when the file cannot be read, or `source` is no address.
  package init(
    host: String, port: Int, authorityFile: String, group: any EventLoopGroup, clock: Clock,
    from source: String? = nil, ownFile: String? = nil, name: String? = nil
  ) throws {
    self.source = try source.map { try SocketAddress(ipAddress: $0, port: 0) }
    self.host = host
    self.name = name ?? host
    self.port = port
    self.clock = clock
    loop = group.next()
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    if let ownFile {
      configuration.additionalTrustRoots = [.file(ownFile)]
    } else {
      configuration.trustRoots = .file(authorityFile)
    }
    context = try NIOSSLContext(configuration: configuration)
  }

  /// Sends one request; opens a connection where none stands. Nothing is ever sent twice.
  /// - Throws: `TransportFailure`.
  package func send(
    _ request: WireRequest, within limit: Duration = .seconds(10)
  ) async throws(TransportFailure) -> WireResponse {
    let now = clock.now()
    let (context, host, name, port, source, limits, standing, loop) = (
      self.context, self.host, self.name, self.port, self.source, self.limits, connection,
      self.loop
    )
    do {
      // Finding an idle connection and using it happens in one go on its loop: no other request can come between.
      let (answer, used) = try await loop.flatSubmit {
        let bound: EventLoopFuture<NIOLoopBound<ClientConnection>>
        if let standing, standing.value.isUsable(at: now) {
          bound = loop.makeSucceededFuture(standing)
        } else {
          bound = Self.connect(context, host, name, port, source, limits, now, loop)
        }
        return bound.flatMap { bound in
          let late = loop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) {
            bound.value.fail(.deadlineExceeded)
          }
          let answer = bound.value.send(request, host: "\(name):\(port)")
          answer.whenComplete { _ in late.cancel() }
          return answer.map { ($0, bound) }
        }
      }.get()
      connection = used
      return answer
    } catch {
      connection = nil
      throw error as? TransportFailure ?? .unreachable
    }
  }

  package func close() {
    guard let bound = connection else { return }
    loop.execute { bound.value.close() }
    connection = nil
  }

  private static func connect(
    _ context: NIOSSLContext, _ host: String, _ name: String, _ port: Int,
    _ source: SocketAddress?, _ limits: TransportLimits, _ now: Instant, _ loop: any EventLoop
  ) -> EventLoopFuture<NIOLoopBound<ClientConnection>> {
    let ready = loop.makePromise(of: Void.self)
    // NIOSSL has checked chain and host name before the handshake counts as completed.
    let connection = ClientConnection(
      peerEnd: { Instant(nanoseconds: .max) }, limits: limits, openedAt: now, ready: ready)
    let bound = NIOLoopBound(connection, eventLoop: loop)
    ClientConnection.open(
      bound, host: host, port: port, limits: limits, loop: loop, from: source
    ) {
      try NIOSSLClientHandler(context: context, serverHostname: name)
    }
    return ready.futureResult.map { bound }
  }
}
