import NIOCore
import NIOHTTP1
import NIOTLS
import Vocabulary

/// One accepted connection: gathers a request within its limits, has it answered, writes the answer.
/// A class, because NIO's handlers are; it lives on one event loop.
final class DoorConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case handshaking
    case idle
    case reading(HTTPRequestHead, ByteBuffer, bodyMax: Int)
    /// The answer to a request that broke a rule is out; the rest of what it sends is dropped.
    case refusing
    case answering
  }
  private var state = State.handshaking
  private var context: ChannelHandlerContext?
  /// The first bytes of a request are here; its time runs.
  private var hasBegun = false
  /// Closes the connection, unless something happens before; silent while an answer is made.
  private lazy var alarm = Alarm(on: loop) { [weak self] in self?.close() }
  /// What came while an answer was made (RFC 9112 §9.3.2): taken up behind it.
  private var held: CircularBuffer<HTTPServerRequestPart> = []
  private var visitor = Visitor()
  private let openedAt = NIODeadline.now()
  /// The connection goes after the answer.
  private var isLast = false
  /// The request that is answered asks for a head only.
  private var isHead = false
  private let door: Door
  private let attendant: any Attendant
  private let connections: OpenConnections
  private let isEncrypted: Bool
  private let loop: any EventLoop

  private var limits: DoorLimits { door.limits }

  init(
    _ door: Door, _ attendant: any Attendant, _ connections: OpenConnections, isEncrypted: Bool,
    on loop: any EventLoop
  ) {
    self.door = door
    self.attendant = attendant
    self.connections = connections
    self.isEncrypted = isEncrypted
    self.loop = loop
  }

  func close() { context?.close(promise: nil) }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    alarm.set(in: limits.handshakeMax)
  }
  func handlerRemoved(context: ChannelHandlerContext) {
    alarm.stop()
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    if !isEncrypted { letIn(context) }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSUserEvent.handshakeCompleted: letIn(context)
    case is GoWhenIdle:
      isLast = true
      if case .idle = state { close() }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  private func letIn(_ context: ChannelHandlerContext) {
    guard let visitor = attendant.identify(context.channel),
      connections.recognise(context.channel, as: visitor.share)
    else {
      door.turnAway()
      return close()
    }
    self.visitor = visitor
    state = .idle
    alarm.set(in: limits.idleMax)
  }

  /// Something came, even if it is no whole head yet: a head that comes a byte at a time is not silence.
  func hear() {
    guard case .idle = state, !hasBegun else { return }
    hasBegun = true
    alarm.set(in: limits.requestReadMax)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    take(unwrapInboundIn(data))
  }

  private func take(_ part: HTTPServerRequestPart) {
    switch (part, state) {
    case (_, .answering):
      // What follows the only request of a connection is of no interest.
      guard limits.keepsConnections else { return }
      guard held.count < DoorLimits.partsAheadMax else { return close() }
      held.append(part)
    case (.head(let head), .idle): begin(head)
    case (.body(var chunk), .reading(let head, var body, let bodyMax)):
      guard body.readableBytes + chunk.readableBytes <= bodyMax else {
        return refuse(attendant.refusal(of: .bodyTooLarge(bytesMax: bodyMax)))
      }
      state = .refusing  // Gives up the stored reference, so that appending does not copy.
      body.writeBuffer(&chunk)
      state = .reading(head, body, bodyMax: bodyMax)
    case (.end, .reading(let head, let body, _)): answer(head, body)
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, .idle), (is HTTPParserError, .reading):
      refuse(attendant.refusal(of: .malformed))
    // One request was read and is being answered; what follows it cannot be read.
    case (is HTTPParserError, .answering): isLast = true
    default: close()
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    guard head.version == .http1_0 || Self.namesHostOnce(head) else {
      return refuse(attendant.refusal(of: .hostNotOnce))
    }
    let bodyMax: Int
    switch attendant.look(at: head) {
    case .read(let bytesMax): bodyMax = bytesMax
    case .refuse(let answer): return refuse(answer)
    }
    if let length = head.headers.first(name: "content-length"), (Int(length) ?? .max) > bodyMax {
      return refuse(attendant.refusal(of: .bodyTooLarge(bytesMax: bodyMax)))
    }
    state = .reading(head, ByteBuffer(), bodyMax: bodyMax)
    if !hasBegun { alarm.set(in: limits.requestReadMax) }
    if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
      context?.writeAndFlush(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))),
        promise: nil)
    }
  }

  private static func namesHostOnce(_ head: HTTPRequestHead) -> Bool {
    var count = 0
    for field in head.headers
    where field.name.utf8.count == 4 && field.name.lowercased() == "host" {
      count += field.value.utf8.contains(UInt8(ascii: ",")) ? 2 : 1
    }
    return count == 1
  }

  private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer) {
    guard visitor.isProven() else { return close() }
    state = .answering
    hasBegun = false
    alarm.clear()
    isHead = head.method == .HEAD
    let age = NIODeadline.now() - openedAt
    if !head.isKeepAlive || !limits.keepsConnections
      || age >= .nanoseconds(limits.connectionAgeMax.nanoseconds)
    {
      isLast = true
    }
    attendant.answer(
      LineRequest(head: head, body: body),
      Reply(connection: NIOLoopBound(self, eventLoop: loop), loop: loop))
  }

  private func refuse(_ answer: LineAnswer) {
    state = .refusing
    isLast = true
    write(answer)
  }

  func write(_ answer: consuming LineAnswer) {
    guard let context, context.channel.isActive else { return }
    var answer = answer
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
    // Taken, not shared: what is added would copy them.
    swap(&head.headers, &answer.headers)
    // RFC 9110 §8.6.
    if !LineAnswer.hasNoBody(answer.status) {
      head.headers.replaceOrAdd(name: "content-length", value: String(answer.body.readableBytes))
    }
    if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if answer.body.readableBytes > 0, !isHead {
      context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
    }
    let stays = !isLast
    alarm.set(in: limits.answerWriteMax)
    let bound = NIOLoopBound(self, eventLoop: loop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      if stays { bound.value.goOn() } else { bound.value.close() }
    }
  }

  /// The other end has the answer; the next request may come.
  private func goOn() {
    guard case .answering = state else { return }
    state = .idle
    alarm.set(in: limits.idleMax)
    // Told to go while the answer was on its way.
    if isLast, held.isEmpty { return close() }
    while !held.isEmpty {
      if case .answering = state { return }
      take(held.removeFirst())
    }
  }
}

/// Tells of bytes before the decoder keeps them. A class, because NIO's handlers are.
final class BytesTeller: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let connection: DoorConnection

  init(_ connection: DoorConnection) { self.connection = connection }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    connection.hear()
    context.fireChannelRead(data)
  }
}
