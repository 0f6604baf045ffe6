import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS
import Vocabulary

/// One connection that was dialled: one request at a time.
/// A class, because NIO's handlers are; it lives on one event loop.
final class LineConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private enum State {
    case opening
    case idle(since: NIODeadline)
    case awaiting(Errand, isKept: Bool)
    case reading(Errand, HTTPResponseHead, ByteBuffer)
    case closed
  }
  private var state = State.opening
  private var context: ChannelHandlerContext?
  private var isProven: () -> Bool = { true }
  private let openedAt = NIODeadline.now()
  private var mayStay = true
  private weak var line: DialledLine?
  private let limits: LineLimits
  private lazy var alarm = Alarm(on: loop) { [weak self] in self?.ring() }
  private let loop: any EventLoop

  init(_ line: DialledLine, on loop: any EventLoop) {
    self.line = line
    self.loop = loop
    limits = line.limits
    alarm.set(in: limits.connectMax + limits.handshakeMax)
  }

  /// The other end has accepted: what was dialled is this connection's from here on.
  func take(_ channel: any Channel, _ security: DialledLine.Security?) throws {
    guard case .opening = state else { return channel.close(promise: nil) }
    let pipeline = channel.pipeline.syncOperations
    if let security {
      isProven = security.isProven
      try pipeline.addHandler(security.tls)
      try pipeline.addHandler(WriteGathering())
    }
    try pipeline.addHandler(HTTPRequestEncoder())
    try pipeline.addHandler(
      ByteToMessageHandler(
        HTTPResponseDecoder(
          limitConfiguration: .init(
            headBytesMax: limits.headBytesMax, headerFieldsMax: limits.headerFieldsMax))))
    try pipeline.addHandler(self)
    if security == nil { stand() }
  }

  /// - Parameter isNew: nothing was sent on it yet. However long it took to open, it is not too old for who waits for it.
  func isUsable(at now: NIODeadline, isNew: Bool = false) -> Bool {
    guard case .idle(let since) = state, mayStay, context?.channel.isActive == true else {
      return false
    }
    let isYoung = isNew || now - openedAt < .nanoseconds(limits.connectionAgeMax.nanoseconds)
    return isYoung && now - since < .nanoseconds(limits.idleMax.nanoseconds) && isProven()
  }

  /// The line has seen that it is usable.
  func send(_ errand: Errand, isKept: Bool) {
    guard let context, case .idle = state else {
      return errand.promise.fail(LineFailure.unreachable)
    }
    state = .awaiting(errand, isKept: isKept)
    alarm.set(errand.deadline)
    var head = errand.request.head
    let body = errand.request.body
    head.headers.add(name: "content-length", value: String(body.readableBytes))
    if !limits.keepsConnections {
      head.headers.replaceOrAdd(name: "connection", value: "close")
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if body.readableBytes > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func fail(_ failure: LineFailure) {
    let before = state
    state = .closed
    alarm.stop()
    context?.close(promise: nil)
    switch before {
    case .opening: line?.miss(failure)
    case .idle: line?.lose(self, failure, nil)
    case .awaiting(let errand, let isKept): lose(errand, failure, mayRepeat: isKept)
    case .reading(let errand, _, _): lose(errand, failure, mayRepeat: false)
    case .closed: break
    }
  }

  private func lose(_ errand: Errand, _ failure: LineFailure, mayRepeat: Bool) {
    if !mayRepeat { errand.mayRepeat = false }
    guard let line else { return errand.promise.fail(failure) }
    line.lose(self, failure, errand)
  }

  private func ring() {
    if case .opening = state { fail(.unreachable) } else { fail(.deadlineExceeded) }
  }

  private func stand() {
    guard case .opening = state else { return }
    guard isProven() else { return fail(.notProven) }
    rest(isKept: false)
  }

  private func rest(isKept: Bool) {
    state = .idle(since: .now())
    alarm.clear()
    line?.takeBack(self, isKept: isKept)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event { stand() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), .awaiting(let errand, _)):
      mayStay = limits.keepsConnections && head.isKeepAlive
      guard !limits.wantsLength || Self.tellsLength(head, errand) else {
        return fail(.answerMalformed)
      }
      state = .reading(errand, head, ByteBuffer())
    case (.body(var chunk), .reading(let errand, let head, var body)):
      guard body.readableBytes + chunk.readableBytes <= limits.answerBytesMax else {
        return fail(.answerTooLarge)
      }
      // Gives up the stored reference, so that appending does not copy.
      state = .awaiting(errand, isKept: false)
      body.writeBuffer(&chunk)
      state = .reading(errand, head, body)
    case (.end, .reading(let errand, let head, let body)):
      rest(isKept: true)
      errand.promise.succeed(
        LineAnswer(status: Int(head.status.code), headers: head.headers, body: body))
    default: fail(.answerMalformed)
    }
  }

  private static func tellsLength(_ head: HTTPResponseHead, _ errand: Errand) -> Bool {
    LineAnswer.hasNoBody(Int(head.status.code)) || errand.request.head.method == .HEAD
      || head.headers.contains(name: "content-length")
      || head.headers.contains(name: "transfer-encoding")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, _): fail(.answerMalformed)
    case (is IOError, .opening), (is ChannelError, .opening): fail(.unreachable)
    // One that hung up in the middle, as a server under a flood does, has proved nothing either way.
    case (NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])), .opening):
      fail(.unreachable)
    // All else that can go wrong before it stands is the handshake.
    case (_, .opening): fail(.notProven)
    default: fail(.answerLost)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .opening = state { fail(.unreachable) } else { fail(.answerLost) }
    context.fireChannelInactive()
  }
}
