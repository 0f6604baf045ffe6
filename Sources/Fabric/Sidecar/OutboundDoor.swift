import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Transport
import Vocabulary

/// Where the program calls others: HTTP/1.1 on a Unix socket that only the program and its sidecar
/// can reach, one request for each connection.
final class OutboundDoor: Sendable {
  typealias Handler = @Sendable (WireRequest) async -> WireResponse

  /// Connections at once; one more is closed unread.
  static let connectionsMax = 128

  private let listener: any Channel

  private init(_ listener: any Channel) { self.listener = listener }

  /// - Parameter bodyMax: largest body that any of the callees takes, bytes.
  /// - Throws: the system's error where the socket cannot be made.
  static func open(
    _ path: String, bodyMax: Int, group: any EventLoopGroup, handler: @escaping Handler
  ) async throws -> OutboundDoor {
    let count = Count()
    // The folder keeps everybody else out, and the program is of its group. By the mask, because a
    // change of mode afterwards could be led astray by a link: the folder is the program's.
    let before = umask(0o007)
    defer { umask(before) }
    let listener = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .childChannelInitializer { channel in
        guard count.admit(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(HTTPResponseEncoder())
          try pipeline.addHandler(
            ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: .sidecar)))
          try pipeline.addHandler(OutboundConnection(bodyMax: bodyMax, handler: handler))
        }
      }
      .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    return OutboundDoor(listener)
  }

  func close() async { try? await listener.close() }

  private final class Count: Sendable {
    private let number = Mutex(0)
    func admit(_ channel: any Channel) -> Bool {
      let isAdmitted = number.withLock { number in
        guard number < OutboundDoor.connectionsMax else { return false }
        number += 1
        return true
      }
      if isAdmitted {
        channel.closeFuture.whenComplete { _ in self.number.withLock { $0 -= 1 } }
      }
      return isAdmitted
    }
  }
}

/// One request of the program. A class, because NIO's handlers are; it lives on one event loop.
private final class OutboundConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case waiting
    case reading(HTTPRequestHead, ByteBuffer)
    case answering
  }
  /// From connecting to the request's last byte.
  private static let readMax: TimeAmount = .seconds(10)

  private var state = State.waiting
  private var timer: Scheduled<Void>?
  private let bodyMax: Int
  private let handler: OutboundDoor.Handler

  init(bodyMax: Int, handler: @escaping OutboundDoor.Handler) {
    self.bodyMax = bodyMax
    self.handler = handler
  }

  func channelActive(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: Self.readMax) { bound.value.close(promise: nil) }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), .waiting): state = .reading(head, ByteBuffer())
    case (.body(var chunk), .reading(let head, var body)):
      guard body.readableBytes + chunk.readableBytes <= bodyMax else {
        return refuse(413, "content-too-large", context)
      }
      state = .answering  // Gives up the stored reference, so that appending does not copy.
      body.writeBuffer(&chunk)
      state = .reading(head, body)
    case (.end, .reading(let head, let body)): answer(head, body, context)
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, .waiting), (is HTTPParserError, .reading):
      refuse(400, "malformed-request", context)
    // One request was read and is being answered; what follows it is of no interest.
    case (is HTTPParserError, .answering): break
    default: context.close(promise: nil)
    }
  }

  private func answer(
    _ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext
  ) {
    state = .answering
    timer?.cancel()
    let request = WireRequest(
      method: head.method.rawValue, target: head.uri,
      headers: Headers(head.headers.map { ($0.name, $0.value) }), body: body)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    let (loop, handler) = (context.eventLoop, self.handler)
    Task {
      let response = await handler(request)
      loop.execute { connection.value.write(response, bound.value) }
    }
  }

  private func write(_ response: WireResponse, _ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    for field in response.headers.fields { head.headers.add(name: field.name, value: field.value) }
    head.headers.replaceOrAdd(name: "content-length", value: String(response.body.readableBytes))
    head.headers.replaceOrAdd(name: "connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      bound.value.close(promise: nil)
    }
  }

  private func refuse(_ status: Int, _ slug: String, _ context: ChannelHandlerContext) {
    state = .answering
    timer?.cancel()
    let body = #"{"status":\#(status),"type":"\#(Problem.typePrefix)\#(slug)"}"#
    write(
      WireResponse(
        status: status, headers: ["content-type": "application/problem+json"],
        body: ByteBuffer(string: body)), context)
  }
}
