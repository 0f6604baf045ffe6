import NIOCore
import NIOPosix
import Synchronization
import TestKit
import Testing
import Transport
import Vocabulary

@Suite struct `A server that hangs up in the middle of a handshake` {
  private static let clock = Clock { Instant(seconds: 1_800_000_000) }

  @Test func `has proved nothing, and is asked again`() async throws {
    let now = Self.clock.now()
    let group = MultiThreadedEventLoopGroup.singleton
    let calls = Calls()
    let listener = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        calls.count.withLock { $0 += 1 }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(HangsUp())
        }
      }.bind(host: "127.0.0.1", port: 0).get()
    let authority = try MeshAuthority(at: now - .seconds(10_800))
    let client = TransportClient(
      credentials: try MeshCredentials(
        authority.credentials(for: "payments", at: now), clock: Self.clock), group: group)
    let endpoint = ServiceEndpoint(
      id: SpiffeID("spiffe://strongroom.test/ledger")!,  // A constant of this test.
      host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
    await #expect(throws: TransportFailure.unreachable) {
      try await client.send(
        WireRequest(method: "POST", target: "/v1/things"), to: endpoint,
        by: Deadline(now + .seconds(20)), isRepeatable: false)
    }
    #expect(calls.count.withLock { $0 } == TransportClient.triesMax)
    try await listener.close()
  }
}

/// How often somebody has connected.
private final class Calls: Sendable { let count = Mutex(0) }

/// Closes the connection on its first bytes, which are the client's greeting.
private final class HangsUp: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}
