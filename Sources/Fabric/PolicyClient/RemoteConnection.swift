import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import Vocabulary

struct RemoteQuestion: Sendable {
  let target: String
  let bearer: String?
  let body: ByteBuffer
}

struct RemoteAnswer: Sendable {
  let status: Int
  let body: ByteBuffer
}

/// One connection to a policy server: one question at a time.
/// A class, because NIO's handlers are; it lives on one event loop.
final class RemoteConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private enum State {
    case opening(EventLoopPromise<Void>)
    case idle(since: NIODeadline)
    case awaiting(EventLoopPromise<RemoteAnswer>)
    case reading(EventLoopPromise<RemoteAnswer>, HTTPResponseHead, ByteBuffer)
    case closed
  }
  private var state: State
  private var context: ChannelHandlerContext?
  private let address: RemotePolicyAddress
  private let limits: RemotePolicyLimits
  private let openedAt = NIODeadline.now()
  private var mayStay = true
  /// Called once, when it is gone.
  private let onClose: () -> Void
  private var isGone = false

  init(
    address: RemotePolicyAddress, limits: RemotePolicyLimits, ready: EventLoopPromise<Void>,
    onClose: @escaping () -> Void
  ) {
    self.address = address
    self.limits = limits
    self.onClose = onClose
    state = .opening(ready)
  }

  func isUsable(at now: NIODeadline) -> Bool {
    guard case .idle(let since) = state, mayStay, context?.channel.isActive == true else {
      return false
    }
    return now - since < .nanoseconds(limits.idleMax.nanoseconds)
      && now - openedAt < .nanoseconds(limits.connectionAgeMax.nanoseconds)
  }

  /// Callers have seen that it is usable.
  func send(_ question: RemoteQuestion, on loop: any EventLoop) -> EventLoopFuture<RemoteAnswer> {
    guard let context, case .idle = state else {
      return loop.makeFailedFuture(RemotePolicyFailure.answerLost)
    }
    let promise = loop.makePromise(of: RemoteAnswer.self)
    state = .awaiting(promise)
    var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: question.target)
    head.headers.add(name: "host", value: address.authority)
    head.headers.add(name: "content-type", value: "application/json")
    head.headers.add(name: "content-length", value: String(question.body.readableBytes))
    if let bearer = question.bearer {
      head.headers.add(name: "authorization", value: "Bearer \(bearer)")
    }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(question.body))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    return promise.futureResult
  }

  func fail(_ failure: RemotePolicyFailure) {
    let before = state
    state = .closed
    switch before {
    case .opening(let ready): ready.fail(failure)
    case .awaiting(let promise), .reading(let promise, _, _): promise.fail(failure)
    case .idle, .closed: break
    }
    context?.close(promise: nil)
    leave()
  }

  private func leave() {
    guard !isGone else { return }
    isGone = true
    onClose()
  }

  private func open() {
    guard case .opening(let ready) = state else { return }
    state = .idle(since: .now())
    ready.succeed()
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    if !address.isEncrypted { open() }
    context.fireChannelActive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event { open() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (unwrapInboundIn(data), state) {
    case (.head(let head), .awaiting(let promise)):
      mayStay = head.isKeepAlive
      state = .reading(promise, head, ByteBuffer())
    case (.body(var chunk), .reading(let promise, let head, var body)):
      guard body.readableBytes + chunk.readableBytes <= limits.answerBytesMax else {
        return fail(.tooLarge)
      }
      state = .awaiting(promise)  // Gives up the stored reference, so that appending does not copy.
      body.writeBuffer(&chunk)
      state = .reading(promise, head, body)
    case (.end, .reading(let promise, let head, let body)):
      state = .idle(since: .now())
      promise.succeed(RemoteAnswer(status: Int(head.status.code), body: body))
    default: fail(.answerMalformed("more than one answer"))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, _): fail(.answerMalformed("not HTTP"))
    case (is NIOSSLError, .opening), (is NIOSSLExtraError, .opening), (is BoringSSLError, .opening):
      fail(.notTheServer)
    case (_, .opening): fail(.unreachable)
    default: fail(.answerLost)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .opening = state { fail(.unreachable) } else { fail(.answerLost) }
    context.fireChannelInactive()
  }
}
