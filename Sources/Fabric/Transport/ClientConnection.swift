import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import Vocabulary

/// One connection to one service: one request at a time.
/// A class, because NIO's handlers are; it lives on one event loop.
final class ClientConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private enum State {
    case handshaking(EventLoopPromise<Void>)
    case idle
    case awaiting(EventLoopPromise<WireResponse>)
    case reading(EventLoopPromise<WireResponse>, HTTPResponseHead, ByteBuffer)
    case closed
  }
  private var state: State
  private var context: ChannelHandlerContext?
  /// The end of the peer's proof; nil before there is one.
  private let peerEnd: () -> Instant?
  private let limits: TransportLimits
  private(set) var openedAt: Instant
  private var mayBeReused = true

  init(
    peerEnd: @escaping () -> Instant?, limits: TransportLimits, openedAt: Instant,
    ready: EventLoopPromise<Void>
  ) {
    self.peerEnd = peerEnd
    self.limits = limits
    self.openedAt = openedAt
    state = .handshaking(ready)
  }

  /// Connects `connection`, whose `ready` then follows the handshake, or fails it. `tls` is asked on the loop.
  /// - Parameter source: the local address to come from; any when nil.
  static func open(
    _ connection: NIOLoopBound<ClientConnection>, host: String, port: Int, limits: TransportLimits,
    loop: any EventLoop, from source: SocketAddress? = nil,
    tls: @escaping @Sendable () throws -> NIOSSLClientHandler
  ) {
    let bootstrap = ClientBootstrap(group: loop)
    (source.map { bootstrap.bind(to: $0) } ?? bootstrap)
      .connectTimeout(.nanoseconds(limits.connectMax.nanoseconds))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(tls())
          try pipeline.addHandler(WriteGathering())
          try pipeline.addHandler(HTTPRequestEncoder())
          try pipeline.addHandler(
            ByteToMessageHandler(HTTPResponseDecoder(limitConfiguration: limits.decoder)))
          try pipeline.addHandler(connection.value)
        }
      }
      .connect(host: host, port: port)
      .whenFailure { _ in connection.value.fail(.unreachable) }
  }

  /// Whether the pool may hand this connection out: idle, young enough, and both certificates still good.
  func isUsable(at now: Instant) -> Bool {
    guard case .idle = state, mayBeReused, let peerEnd = peerEnd(),
      context?.channel.isActive == true
    else { return false }
    // One that was opened later than now was opened before the clock was set back; nobody knows how old it is.
    return now < peerEnd && now >= openedAt && now < openedAt + limits.connectionAgeMax
  }

  func send(_ request: WireRequest, host: String) -> EventLoopFuture<WireResponse> {
    guard let context, case .idle = state else {
      preconditionFailure("the pool hands out idle connections only")
    }
    let promise = context.eventLoop.makePromise(of: WireResponse.self)
    state = .awaiting(promise)
    var head = HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target)
    head.headers.add(name: "host", value: host)
    for field in request.headers.fields where field.name != "host" && field.name != "content-length"
    {
      head.headers.add(name: field.name, value: field.value)
    }
    head.headers.add(name: "content-length", value: String(request.body.readableBytes))
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.body.readableBytes > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    return promise.futureResult
  }

  func close() { context?.close(promise: nil) }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event, case .handshaking(let ready) = state {
      guard peerEnd() != nil else { return fail(.notTheService) }
      state = .idle
      ready.succeed()
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), .awaiting(let promise)):
      mayBeReused = head.isKeepAlive
      state = .reading(promise, head, ByteBuffer())
    case (.body(var chunk), .reading(let promise, let head, var body)):
      guard body.readableBytes + chunk.readableBytes <= limits.answerBytesMax else {
        return fail(.answerMalformed)
      }
      state = .awaiting(promise)  // Gives up the stored reference, so that appending does not copy.
      body.writeBuffer(&chunk)
      state = .reading(promise, head, body)
    case (.end, .reading(let promise, let head, let body)):
      state = .idle
      if !mayBeReused { context.close(promise: nil) }
      promise.succeed(
        WireResponse(
          status: Int(head.status.code), headers: Headers(head.headers.map { ($0.name, $0.value) }),
          body: body))
    default: fail(.answerMalformed)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, _): fail(.answerMalformed)
    // One that hung up in the middle, as a server under a flood does, has proved nothing either way: it may be asked again.
    case (NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])), .handshaking):
      fail(.unreachable)
    case (_, .handshaking): fail(error is NIOSSLError ? .notTheService : .unreachable)
    default: fail(.answerLost)
    }
  }
  func channelInactive(context: ChannelHandlerContext) {
    if case .handshaking = state { fail(.unreachable) } else { fail(.answerLost) }
    context.fireChannelInactive()
  }

  func fail(_ failure: TransportFailure) {
    let before = state
    state = .closed
    switch before {
    case .handshaking(let ready): ready.fail(failure)
    case .awaiting(let promise), .reading(let promise, _, _): promise.fail(failure)
    case .idle, .closed: break
    }
    context?.close(promise: nil)
  }
}
