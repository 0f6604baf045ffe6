import HTTPLine
package import NIOCore
import NIOSSL

/// Speaks to the gateway as a program outside the mesh does: HTTPS with TLS 1.3, the server proven by host name and
/// certificate authority, no certificate of its own. Requests that follow each other share a connection. For the demo,
/// the benches and the drills. A class: copies would share its connections anyway.
package final class OutsideClient: Sendable {
  private let hostField: String
  private let loop: any EventLoop
  private let line: NIOLoopBoundBox<DialledLine>

  /// - Parameter authorityFile: PEM of the authority that signed the gateway's certificate.
  /// - Parameter ownFile: PEM of a certificate with its chain that an operator gave the gateway instead; public
  ///   authorities are believed then too.
  /// - Parameter name: what the gateway's certificate must be for, where that is not `host`.
  /// - Parameter source: the IP address to come from, for example `127.0.0.2`; any when nil.
  /// - Throws: when the file cannot be read, or `source` is no address.
  package init(
    host: String, port: Int, authorityFile: String, group: any EventLoopGroup,
    from source: String? = nil, ownFile: String? = nil, name: String? = nil
  ) throws {
    let (loop, name) = (group.next(), name ?? host)
    self.loop = loop
    hostField = "\(name):\(port)"
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    if let ownFile {
      configuration.additionalTrustRoots = [.file(ownFile)]
    } else {
      configuration.trustRoots = .file(authorityFile)
    }
    let context = try NIOSSLContext(configuration: configuration)
    line = .makeBoxSendingValue(
      DialledLine(
        to: .tcp(host: host, port: port),
        from: try source.map { try SocketAddress(ipAddress: $0, port: 0) }, limits: LineLimits(),
        on: loop
      ) { .init(try NIOSSLClientHandler(context: context, serverHostname: name)) },
      eventLoop: loop)
  }

  /// Sends one request; opens a connection where none stands. Nothing is ever sent twice.
  /// - Throws: `TransportFailure`.
  package func send(
    _ request: WireRequest, within limit: Duration = .seconds(10)
  ) async throws(TransportFailure) -> WireResponse {
    do {
      return WireResponse(
        try await loop.flatSubmit { [line, hostField] in
          line.value.send(request.sent(to: hostField), within: limit)
        }.get())
    } catch {
      throw (error as? LineFailure).map(TransportFailure.init) ?? .unreachable
    }
  }

  /// For good.
  package func close() async {
    try? await loop.submit { [line] in line.value.close() }.get()
  }
}
