import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import Vocabulary

/// One accepted connection: gathers a request within its limits, hands it on, writes the answer.
/// A class, because NIO's handlers are; it lives on one event loop.
final class ServerConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case handshaking
    case idle
    case reading(HTTPRequestHead, ByteBuffer, bodyMax: Int)
    /// The answer to a request that broke a limit is out; the rest of what it sends is dropped.
    case refusing
    case answering
  }

  private var state = State.handshaking
  private var timer: Scheduled<Void>?
  /// When the connection is closed, unless something happens before; nil while an answer is made.
  private var closesAt: NIODeadline?
  /// When `timer` looks. It may look too early and is then set again: most requests touch no timer.
  private var looksAt: NIODeadline?
  /// What came while an answer was made (RFC 9112 §9.3.2): taken up behind it.
  private var held: CircularBuffer<HTTPServerRequestPart> = []
  /// Parts that may be held. Who sends more ahead loses the connection.
  static let heldMax = 64
  /// Longest body, in bytes, of a request that is worked on on the event loop's thread. To read a longer one takes
  /// milliseconds, in which nobody else would be answered.
  static let loopBodyMax = 65_536
  private var openedAt: Instant
  /// Whether its place is given to another caller.
  private var isLast = false
  private let slot: PeerSlot
  private let limits: TransportLimits
  private let clock: Clock
  private let bodyLimit: TransportServer.BodyLimit
  private let connections: OpenConnections
  private let handler: TransportServer.Handler
  private let tasks: LoopTasks

  init(
    slot: PeerSlot, limits: TransportLimits, clock: Clock,
    bodyLimit: @escaping TransportServer.BodyLimit, connections: OpenConnections,
    tasks: LoopTasks, handler: @escaping TransportServer.Handler
  ) {
    self.slot = slot
    self.tasks = tasks
    self.limits = limits
    self.clock = clock
    self.bodyLimit = bodyLimit
    self.connections = connections
    self.handler = handler
    openedAt = clock.now()
  }

  func handlerAdded(context: ChannelHandlerContext) {
    closeAfter(limits.handshakeMax, context)
  }
  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSUserEvent.handshakeCompleted:
      // A resumed session skips the verification callback; without a verified peer there is no connection.
      guard let peer = slot.peer, connections.recognise(context.channel, as: peer.id) else {
        return context.close(promise: nil)
      }
      state = .idle
      closeAfter(limits.idleMax, context)
    case is DrainBegan:
      if case .idle = state { context.close(promise: nil) }
    case is PlaceTaken:
      isLast = true
      if case .idle = state { context.close(promise: nil) }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    take(unwrapInboundIn(data), context)
  }

  private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    switch (part, state) {
    case (_, .answering):
      guard held.count < Self.heldMax else { return context.close(promise: nil) }
      held.append(part)
    case (.head(let head), .idle): begin(head, context)
    case (.body(var chunk), .reading(let head, var body, let bodyMax)):
      guard body.readableBytes + chunk.readableBytes <= bodyMax else {
        return refuse(413, "content-too-large", context)
      }
      state = .refusing  // Gives up the stored reference, so that appending does not copy.
      body.writeBuffer(&chunk)
      state = .reading(head, body, bodyMax: bodyMax)
    case (.end, .reading(let head, let body, _)): answer(head, body, context)
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, .idle), (is HTTPParserError, .reading):
      refuse(400, "malformed-request", context)
    default: context.close(promise: nil)
    }
  }

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let bodyMax = bodyLimit(head.method.rawValue, head.uri)
    if let length = head.headers.first(name: "content-length"), (Int(length) ?? .max) > bodyMax {
      return refuse(413, "content-too-large", context)
    }
    state = .reading(head, ByteBuffer(), bodyMax: bodyMax)
    closeAfter(limits.requestReadMax, context)
  }

  private func answer(
    _ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext
  ) {
    let now = clock.now()
    guard let peer = slot.peer, now < peer.notAfter else { return context.close(promise: nil) }
    state = .answering
    closesAt = nil
    let request = WireRequest(
      method: head.method.rawValue, target: head.uri,
      headers: Headers(head.headers.map { ($0.name, $0.value) }), body: body)
    let mayStay = head.isKeepAlive && now < openedAt + limits.connectionAgeMax
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    let (loop, handler) = (context.eventLoop, self.handler)
    let isLong = body.readableBytes > Self.loopBodyMax
    Task(executorPreference: isLong ? nil : tasks) {
      let response = await handler(request, peer)
      let answer = { @Sendable in connection.value.write(response, mayStay: mayStay, bound.value) }
      if loop.inEventLoop { answer() } else { loop.execute(answer) }
    }
  }

  private func write(_ response: WireResponse, mayStay: Bool, _ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    let stays = mayStay && !isLast && !connections.isDraining
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status))
    for field in response.headers.fields { head.headers.add(name: field.name, value: field.value) }
    head.headers.replaceOrAdd(name: "content-length", value: String(response.body.readableBytes))
    if !stays { head.headers.replaceOrAdd(name: "connection", value: "close") }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if response.body.readableBytes > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
    }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let finished = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    guard stays else { return finished.whenComplete { _ in bound.value.close(promise: nil) } }
    state = .idle
    closeAfter(limits.idleMax, context)
    while !held.isEmpty {
      if case .answering = state { return }
      take(held.removeFirst(), context)
    }
  }

  /// For requests that never reach the pipeline of the chassis: the bare problem, then the connection goes.
  private func refuse(_ status: Int, _ slug: String, _ context: ChannelHandlerContext) {
    state = .refusing
    closesAt = nil
    let body = #"{"status":\#(status),"type":"\#(Problem.typePrefix)\#(slug)"}"#
    write(
      WireResponse(
        status: status, headers: ["content-type": "application/problem+json"],
        body: ByteBuffer(string: body)), mayStay: false, context)
  }

  private func closeAfter(_ span: Duration, _ context: ChannelHandlerContext) {
    let end = NIODeadline.now() + .nanoseconds(span.nanoseconds)
    closesAt = end
    if let looksAt, looksAt <= end { return }
    look(at: end, context)
  }

  private func look(at moment: NIODeadline, _ context: ChannelHandlerContext) {
    timer?.cancel()
    looksAt = moment
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(deadline: moment) {
      connection.value.looksAt = nil
      guard let end = connection.value.closesAt else { return }
      if end <= .now() {
        bound.value.close(promise: nil)
      } else {
        connection.value.look(at: end, bound.value)
      }
    }
  }
}
