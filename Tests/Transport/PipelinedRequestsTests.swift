import Crypto
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestKit
import Testing
import Transport
import Vocabulary
import WorkloadIdentity

/// Requests that are sent ahead, before the one before is answered (RFC 9112 §9.3.2). Our own clients do not.
@Suite struct `Requests sent ahead` {
  private static let clock = Clock { Instant(seconds: 1_800_000_000) }

  /// What comes back for these bytes until the server closes, or `enough` is in it.
  private func exchange(_ bytes: String, until enough: String) async throws -> String {
    let authority = try MeshAuthority(at: Self.clock.now() - .seconds(10_800))
    func credentials(_ name: ServiceName) throws -> WorkloadCredentials {
      try authority.credentials(for: name, at: Self.clock.now())
    }
    let group = MultiThreadedEventLoopGroup.singleton
    let served = Mutex(0)
    let server = try await TransportServer.listen(
      host: "127.0.0.1", port: 0,
      credentials: MeshCredentials(credentials("ledger"), clock: Self.clock),
      limits: TransportLimits(), group: group, bodyLimit: { _, _ in 1_024 },
      handler: { request, _ in
        // The first takes longest: an answer that overtook it would be seen.
        if served.withLock({
          $0 += 1; return $0
        }) == 1 {
          try? await Task.sleep(for: .milliseconds(100))
        }
        return WireResponse(
          status: 200, body: ByteBuffer(string: "[\(String(buffer: request.body))]"))
      })
    let own = try credentials("payments")
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateChain = try own.svid.chain.map {
      .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
    }
    configuration.privateKey = .privateKey(
      try NIOSSLPrivateKey(bytes: Array(own.svid.privateKey.derRepresentation), format: .der))
    configuration.certificateVerification = .none
    let context = try NIOSSLContext(configuration: configuration)
    let heard = group.next().makePromise(of: String.self)
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([
            NIOSSLClientHandler(context: context, serverHostname: nil),
            Listener(until: enough, heard),
          ])
        }
      }
      .connect(host: "127.0.0.1", port: server.port).get()
    try await channel.writeAndFlush(ByteBuffer(string: bytes)).get()
    let text = try await heard.futureResult.get()
    try? await channel.close()
    await server.drain(within: .seconds(1))
    return text
  }

  private static func request(_ number: Int) -> String {
    "POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n\(10 + number)"
  }

  @Test func `are answered each for itself and in their order`() async throws {
    let sent = (0..<20).map(Self.request).joined()
    let text = try await exchange(sent, until: "[29]")
    let bodies = text.split(separator: "[").dropFirst().map { String($0.prefix(2)) }
    #expect(bodies == (10..<30).map(String.init))
  }

  @Test func `lose the connection where they are too many`() async throws {
    // Three parts each: head, body, end.
    let sent = (0..<60).map(Self.request).joined()
    let text = try await exchange(sent, until: "[69]")
    #expect(!text.contains("[69]"))
  }
}

/// Collects what it hears.
private final class Listener: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let enough: String
  private let heard: EventLoopPromise<String>
  private var text = ""

  init(until enough: String, _ heard: EventLoopPromise<String>) {
    self.enough = enough
    self.heard = heard
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    text += String(buffer: unwrapInboundIn(data))
    if text.contains(enough) { heard.succeed(text) }
  }
  func channelInactive(context: ChannelHandlerContext) { heard.succeed(text) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
