import HTTPLine
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Tells who came, and answers: the text of the body in brackets, a status by the path, later where the path says so.
final class Porter: Attendant {
  private let door: Doorbell
  init(_ door: Doorbell) { self.door = door }

  func identify(_ channel: any Channel) -> Visitor? {
    door.counted.withLock { $0.visitors += 1 }
    return Visitor()
  }
  func look(at head: HTTPRequestHead) -> HeadVerdict { .read(bodyBytesMax: 1_000) }
  func answer(_ request: LineRequest, _ reply: Reply) {
    door.counted.withLock { $0.requests += 1 }
    let status = Int(request.head.uri.dropFirst()) ?? 200
    let answer = LineAnswer(
      status: status,
      body: status == 204 ? ByteBuffer() : ByteBuffer(string: "[\(String(buffer: request.body))]"))
    guard request.head.uri == "/late" else { return reply.send(answer) }
    Task {
      try? await Task.sleep(for: .milliseconds(300))
      reply.send(answer)
    }
  }
}

/// A door on a real socket, with a porter for each connection.
final class Doorbell: Sendable {
  let counted = Mutex((visitors: 0, requests: 0))
  var visitors: Int { counted.withLock { $0.visitors } }
  var requests: Int { counted.withLock { $0.requests } }

  func open(
    _ limits: DoorLimits = DoorLimits(), at address: LineAddress = .tcp(host: "127.0.0.1", port: 0)
  ) async throws -> OpenDoor {
    try await Door(limits: limits) { _ in Reception(Porter(self)) }
      .open(at: address, group: MultiThreadedEventLoopGroup.singleton)
  }
}

/// A server that says the same to whoever asks.
final class Parrot: Sendable {
  private let listener: any Channel
  private let counted: Counted
  var address: LineAddress { .tcp(host: "127.0.0.1", port: listener.localAddress?.port ?? 0) }
  var connections: Int { counted.number.withLock { $0 } }

  /// - Parameters:
  ///   - text: nil: nothing is ever said.
  ///   - answersMax: on one connection; the next question closes it.
  ///   - closes: after each answer, without having said so.
  init(saying text: String?, answersMax: Int = .max, closes: Bool = false) async throws {
    let counted = Counted()
    self.counted = counted
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        counted.number.withLock { $0 += 1 }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            Beak(text: text, answersMax: answersMax, closes: closes))
        }
      }.bind(host: "127.0.0.1", port: 0).get()
  }

  func close() async { try? await listener.close() }

  private final class Counted: Sendable { let number = Mutex(0) }

  private final class Beak: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let text: String?
    private let closes: Bool
    private var left: Int

    init(text: String?, answersMax: Int, closes: Bool) {
      self.text = text
      self.closes = closes
      left = answersMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard let text else { return }
      guard left > 0 else { return context.close(promise: nil) }
      left -= 1
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
      if closes { context.close(promise: nil) }
    }
  }
}

/// A line that tests call from their own thread.
struct Dialler: Sendable {
  private let line: NIOLoopBoundBox<DialledLine>
  private let loop: any EventLoop

  init(_ address: LineAddress, _ limits: LineLimits = LineLimits()) {
    loop = MultiThreadedEventLoopGroup.singleton.next()
    line = .makeBoxSendingValue(
      DialledLine(to: address, limits: limits, on: loop), eventLoop: loop)
  }

  func send(
    _ method: String, _ target: String, _ body: String = "", within span: Duration = .seconds(20),
    isRepeatable: Bool = false
  ) async throws -> LineAnswer {
    let request = LineRequest(method, target, host: "test", body: ByteBuffer(string: body))
    return try await loop.flatSubmit { [line] in
      line.value.send(request, within: span, isRepeatable: isRepeatable)
    }.get()
  }

  func close() async throws { try await loop.submit { [line] in line.value.close() }.get() }
}

extension OpenDoor {
  var address: LineAddress { .tcp(host: "127.0.0.1", port: port ?? 0) }

  /// What comes back for these bytes, until the other end closes.
  func exchange(_ parts: String...) async throws -> String {
    let heard = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: String.self)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Ear(heard))
        }
      }.connect(host: "127.0.0.1", port: port ?? 0).get()
    for part in parts {
      try? await channel.writeAndFlush(ByteBuffer(string: part))
      if parts.count > 1 { try await Task.sleep(for: .milliseconds(50)) }
    }
    return try await heard.futureResult.get()
  }

  private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let heard: EventLoopPromise<String>
    private var text = ""
    init(_ heard: EventLoopPromise<String>) { self.heard = heard }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { heard.succeed(text) }
  }
}
