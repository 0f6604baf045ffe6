import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestKit
import Testing
import Transport
import Vocabulary
import WorkloadIdentity

private let now = Clock { Instant(seconds: 1_800_000_000) }

/// A server named `ledger` and a client named `payments`, over real sockets and real handshakes.
private struct Hop {
  let group = MultiThreadedEventLoopGroup.singleton
  let authority: MeshAuthority
  let server: TransportServer
  let serverCredentials: MeshCredentials
  let seen = Seen()

  init(
    limits: TransportLimits = TransportLimits(), clock: Clock = now,
    handler: (@Sendable (WireRequest, VerifiedPeer) async -> WireResponse)? = nil
  ) async throws {
    // Older than the certificates that the tests date back.
    authority = try MeshAuthority(at: clock.now() - .seconds(10_800))
    serverCredentials = try MeshCredentials(
      authority.credentials(for: "ledger", at: clock.now()), clock: clock)
    let seen = seen
    server = try await TransportServer.listen(
      host: "127.0.0.1", port: 0, credentials: serverCredentials, limits: limits, group: group,
      bodyLimit: { _, _ in limits.bodyBytesMax },
      handler: handler ?? { request, peer in
        seen.note(peer.id)
        return WireResponse(status: 200, body: request.body)
      })
  }

  func client(
    _ credentials: WorkloadCredentials, clock: Clock = now
  ) throws -> TransportClient {
    TransportClient(credentials: try MeshCredentials(credentials, clock: clock), group: group)
  }

  var endpoint: ServiceEndpoint { endpoint(named: "ledger") }
  func endpoint(named name: ServiceName) -> ServiceEndpoint {
    ServiceEndpoint(
      id: SpiffeID("spiffe://strongroom.test/\(name)")!,  // A constant of this test.
      host: "127.0.0.1", port: server.port)
  }
}

private final class Seen: Sendable {
  private let ids = Mutex<[SpiffeID]>([])
  func note(_ id: SpiffeID) { ids.withLock { $0.append(id) } }
  var all: [SpiffeID] { ids.withLock { $0 } }
}

private func request(_ text: String = "hello") -> WireRequest {
  WireRequest(method: "POST", target: "/v1/things", body: ByteBuffer(string: text))
}
private let soon = Deadline(now.now() + .seconds(5))

@Suite struct `A hop between two services` {
  @Test func `carries a request, and each end knows the other by SPIFFE ID`() async throws {
    let hop = try await Hop()
    let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    let answer = try await client.send(request(), to: hop.endpoint, by: soon, isRepeatable: false)
    #expect(answer.status == 200 && String(buffer: answer.body) == "hello")
    #expect(hop.seen.all.map(\.description) == ["spiffe://strongroom.test/payments"])
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `is refused by the client when the right authority vouches for another service`()
    async throws
  {
    let hop = try await Hop()
    let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    await #expect(throws: TransportFailure.notTheService) {
      try await client.send(
        request(), to: hop.endpoint(named: "customers"), by: soon, isRepeatable: false)
    }
    #expect(hop.seen.all.isEmpty)
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `is refused by the server for a certificate of a foreign authority`() async throws {
    let hop = try await Hop()
    let foreign = try MeshAuthority(at: now.now())
    let stranger = WorkloadCredentials(
      svid: try foreign.credentials(for: "payments", at: now.now()).svid,
      bundle: hop.authority.bundle)
    await #expect(throws: TransportFailure.self) {
      try await hop.client(stranger).send(
        request(), to: hop.endpoint, by: soon, isRepeatable: false)
    }
    #expect(hop.seen.all.isEmpty)
    await hop.server.drain(within: .seconds(1))
  }

  @Test(arguments: [-7_200, 7_200])
  func `is refused by the server for a certificate out of its time`(secondsOff: Int) async throws {
    let hop = try await Hop()
    let then = now.now() + .seconds(secondsOff)
    let credentials = try hop.authority.credentials(for: "payments", at: then)
    await #expect(throws: TransportFailure.self) {
      try await hop.client(credentials).send(
        request(), to: hop.endpoint, by: soon, isRepeatable: false)
    }
    #expect(hop.seen.all.isEmpty)
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `does not exist in plain text`() async throws {
    let hop = try await Hop()
    let answer = try await PlainSocket.exchange(
      "GET / HTTP/1.1\r\nhost: x\r\n\r\n", port: hop.server.port, group: hop.group)
    #expect(!answer.contains("HTTP/1.1"))
    #expect(hop.seen.all.isEmpty)
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `does not exist without a client certificate`() async throws {
    let hop = try await Hop()
    let answer = try await PlainSocket.exchange(
      "GET / HTTP/1.1\r\nhost: x\r\n\r\n", port: hop.server.port, group: hop.group, tls: true)
    #expect(!answer.contains("HTTP/1.1"))
    #expect(hop.seen.all.isEmpty)
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `puts a rotated certificate in force for new connections, and drops no request`()
    async throws
  {
    let hop = try await Hop()
    let standing = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    for round in 0..<20 {
      try hop.serverCredentials.replace(
        with: hop.authority.credentials(for: "ledger", at: now.now()))
      let new = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
      for client in [standing, new] {
        let answer = try await client.send(
          request("\(round)"), to: hop.endpoint, by: soon, isRepeatable: false)
        #expect(String(buffer: answer.body) == "\(round)")
      }
    }
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `ends a body one byte over the limit with 413, and takes one at the limit`()
    async throws
  {
    var limits = TransportLimits()
    limits.bodyBytesMax = 1_000
    let hop = try await Hop(limits: limits)
    let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    for (size, status) in [(1_000, 200), (1_001, 413)] {
      let answer = try await client.send(
        request(String(repeating: "x", count: size)), to: hop.endpoint, by: soon,
        isRepeatable: false)
      #expect(answer.status == status)
    }
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `gives up at the deadline`() async throws {
    let hop = try await Hop(handler: { _, _ in
      try? await Task.sleep(for: .seconds(2))
      return WireResponse(status: 200)
    })
    let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    await #expect(throws: TransportFailure.deadlineExceeded) {
      try await client.send(
        request(), to: hop.endpoint, by: Deadline(now.now() + .milliseconds(200)),
        isRepeatable: true)
    }
    await hop.server.drain(within: .seconds(3))
  }

  @Test(.timeLimit(.minutes(1))) func `lets requests in flight finish when it drains`() async throws
  {
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let hop = try await Hop(handler: { request, _ in
      arrived.yield()
      try? await Task.sleep(for: .milliseconds(300))
      return WireResponse(status: 200, body: request.body)
    })
    let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    async let answer = client.send(request(), to: hop.endpoint, by: soon, isRepeatable: false)
    for await _ in arrivals { break }
    await hop.server.drain(within: .seconds(2))
    #expect(try await answer.status == 200)
    #expect(hop.server.openConnections == 0)
  }

  @Test func `carries a hundred requests at once over few connections`() async throws {
    let hop = try await Hop()
    let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
    let answered = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<100 {
        group.addTask {
          let answer = try? await client.send(
            request("\(number)"), to: hop.endpoint, by: soon, isRepeatable: false)
          return answer.map { String(buffer: $0.body) } == "\(number)"
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(answered == 100)
    await hop.server.drain(within: .seconds(1))
  }
}

@Suite(.serialized) struct `A port that one caller wants for itself` {
  @Test func `answers others while nine hundred connect and say nothing, again and again`()
    async throws
  {
    let hop = try await Hop()
    let crowd = try SilentCrowd(900, at: "\(hop.server.port)", comesAgain: true)
    #expect(crowd.untilLost(900))
    for round in 0..<20 {
      // A command of its own each time, which has to make its handshake.
      let client = try hop.client(hop.authority.credentials(for: "payments", at: now.now()))
      let answer = try await client.send(
        request("\(round)"), to: hop.endpoint, by: soon, isRepeatable: false)
      #expect(String(buffer: answer.body) == "\(round)")
    }
    #expect(crowd.untilLost(1_000), "it has not given up")
    #expect(hop.server.openConnections <= TransportLimits().handshakesMax + 20)
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `gives a caller its share and not one more`() async throws {
    var limits = TransportLimits()
    limits.connectionsPerCallerMax = 2
    let hop = try await Hop(limits: limits)
    let payments = try hop.authority.credentials(for: "payments", at: now.now())
    func ask(_ credentials: WorkloadCredentials) async throws -> Int {
      try await hop.client(credentials).send(
        request(), to: hop.endpoint, by: soon, isRepeatable: false
      ).status
    }
    // Each client keeps its connection.
    for _ in 0..<2 { #expect(try await ask(payments) == 200) }
    await #expect(throws: TransportFailure.self) { try await ask(payments) }
    #expect(try await ask(hop.authority.credentials(for: "gateway", at: now.now())) == 200)
    await hop.server.drain(within: .seconds(1))
  }

  @Test func `lets another caller in where one holds every place`() async throws {
    var limits = TransportLimits()
    limits.connectionsMax = 3
    let hop = try await Hop(limits: limits)
    let payments = try hop.authority.credentials(for: "payments", at: now.now())
    let clients = try (0..<3).map { _ in try hop.client(payments) }
    for client in clients {
      _ = try await client.send(request(), to: hop.endpoint, by: soon, isRepeatable: false)
    }
    let other = try hop.client(hop.authority.credentials(for: "gateway", at: now.now()))
    let answer = try await other.send(
      request(), to: hop.endpoint, by: soon, isRepeatable: false)
    #expect(answer.status == 200)
    // The oldest gave way; the others stand.
    let still = try await clients[2].send(
      request(), to: hop.endpoint, by: soon, isRepeatable: false)
    #expect(still.status == 200)
    await #expect(throws: TransportFailure.self, "two, and one: nobody holds more than it would") {
      try await clients[0].send(request(), to: hop.endpoint, by: soon, isRepeatable: false)
    }
    await hop.server.drain(within: .seconds(1))
  }
}

/// A client that is no service: writes bytes and collects what comes back until the other end closes.
private enum PlainSocket {
  static func exchange(
    _ text: String, port: Int, group: any EventLoopGroup, tls: Bool = false
  ) async throws -> String {
    let collected = Collected()
    let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        if tls {
          var configuration = TLSConfiguration.makeClientConfiguration()
          configuration.certificateVerification = .none
          try channel.pipeline.syncOperations.addHandler(
            NIOSSLClientHandler(
              context: NIOSSLContext(configuration: configuration), serverHostname: nil))
        }
        try channel.pipeline.syncOperations.addHandler(Collector(into: collected))
      }
    }.connect(host: "127.0.0.1", port: port).get()
    try? await channel.writeAndFlush(ByteBuffer(string: text))
    try? await channel.closeFuture.get()
    return collected.text
  }

  final class Collected: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
    func append(_ more: ByteBufferView) { bytes.withLock { $0 += more } }
  }
  final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let collected: Collected
    init(into collected: Collected) { self.collected = collected }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      collected.append(unwrapInboundIn(data).readableBytesView)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}
