import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import PolicyBundles
import SwiftASN1
import Vocabulary
import X509

/// One accepted connection: gathers a request within its limits, has it answered, writes the answer.
/// A class, because NIO's handlers are; it lives on one event loop.
final class PolicyConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case handshaking
    case idle
    case reading(HTTPRequestHead, ByteBuffer)
    /// The answer to a request that broke a limit is out; the rest of what it sends is dropped.
    case refusing
    case answering
  }
  private var state = State.handshaking
  /// The first bytes of a request are here; its time runs.
  private var hasBegun = false
  private var timer: Scheduled<Void>?
  private var closesAt: NIODeadline?
  /// When `timer` looks. It may look too early and is then set again: most requests touch no timer.
  private var looksAt: NIODeadline?
  /// What came while an answer was made: taken up behind it.
  private var held: CircularBuffer<HTTPServerRequestPart> = []
  /// Parts that may be held. Who sends more ahead loses the connection.
  static let heldMax = 64
  private var caller = ""
  /// Subject of the caller's certificate.
  private var subject: String?
  private let service: PolicyService
  private let bodyBytesMax: Int
  private let limits: PolicyConnectionLimits
  private let authentication: RequestAuthentication
  private let isEncrypted: Bool
  private let connections: PolicyConnections

  init(
    service: PolicyService, limits: PolicyConnectionLimits, authentication: RequestAuthentication,
    isEncrypted: Bool, connections: PolicyConnections
  ) {
    self.service = service
    bodyBytesMax = service.limits.bodyBytesMax
    self.limits = limits
    self.authentication = authentication
    self.isEncrypted = isEncrypted
    self.connections = connections
  }

  func channelActive(context: ChannelHandlerContext) {
    if let address = context.remoteAddress, let host = address.ipAddress, let port = address.port {
      caller = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
    if isEncrypted {
      closeAfter(limits.handshakeMax, context)
    } else {
      state = .idle
      closeAfter(limits.idleMax, context)
    }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSUserEvent.handshakeCompleted:
      if authentication == .tls {
        // Without a certificate that we can read there is no caller, and no connection.
        guard let name = Self.subject(context) else { return context.close(promise: nil) }
        subject = name
      }
      state = .idle
      closeAfter(limits.idleMax, context)
    case is BytesCame:
      guard case .idle = state, !hasBegun else { return }
      hasBegun = true
      closeAfter(limits.requestReadMax, context)
    case is DrainBegan: if case .idle = state { context.close(promise: nil) }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  private static func subject(_ context: ChannelHandlerContext) -> String? {
    guard
      let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
      let bytes = try? handler.peerCertificate?.toDERBytes(),
      let certificate = try? Certificate(derEncoded: bytes)
    else { return nil }
    return certificate.subject.description
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
    case (.body(var chunk), .reading(let head, var body)):
      guard body.readableBytes + chunk.readableBytes <= bodyBytesMax else {
        return refuse(Self.tooLarge(bodyBytesMax), context)
      }
      state = .refusing  // Gives up the stored reference, so that appending does not copy.
      body.writeBuffer(&chunk)
      state = .reading(head, body)
    case (.end, .reading(let head, let body)): answer(head, body, context)
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (error, state) {
    case (is HTTPParserError, .idle), (is HTTPParserError, .reading):
      refuse(.invalid("the request is no HTTP, or its head is too large"), context)
    default: context.close(promise: nil)
    }
  }

  private static func tooLarge(_ bytesMax: Int) -> PolicyRefusal {
    PolicyRefusal(
      status: 413, code: "content_too_large", message: "a body has at most \(bytesMax) bytes")
  }

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    // RFC 9112 §3.2: whom a request is for must be said once.
    guard head.version == .http1_0 || head.headers[canonicalForm: "host"].count == 1 else {
      return refuse(.invalid("a request of HTTP/1.1 has one Host field"), context)
    }
    if let length = head.headers.first(name: "content-length"), (Int(length) ?? .max) > bodyBytesMax
    {
      return refuse(Self.tooLarge(bodyBytesMax), context)
    }
    if let encoding = head.headers.first(name: "content-encoding"),
      !["identity", Self.gzip].contains(encoding.lowercased())
    {
      return refuse(
        PolicyRefusal(
          status: 415, code: "unsupported_encoding",
          message: "content encoding \(encoding) is not taken; send the body as it is, or by gzip"),
        context)
    }
    state = .reading(head, ByteBuffer())
    if !hasBegun { closeAfter(limits.requestReadMax, context) }
    if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
      context.writeAndFlush(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))),
        promise: nil)
    }
  }

  private func answer(
    _ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext
  ) {
    state = .answering
    hasBegun = false
    closesAt = nil
    let request: PolicyRequest
    do {
      request = try PolicyRequest(
        method: head.method.rawValue, target: head.uri,
        headers: head.headers.map { ($0.name, $0.value) }, body: try plain(body, of: head),
        caller: caller, identity: identity(head))
    } catch {
      return write(error.answer, mayStay: head.isKeepAlive, context)
    }
    switch service.answer(request, on: context.eventLoop) {
    case .now(let answer): write(answer, mayStay: head.isKeepAlive, context)
    case .later(let answer):
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      answer.whenComplete { result in
        let (connection, context) = bound.value
        // It fails only while the server stops.
        guard case .success(let answer) = result else { return context.close(promise: nil) }
        connection.write(answer, mayStay: head.isKeepAlive, context)
      }
    }
  }

  private static let gzip = "gzip"

  /// The body as it was before the client packed it, within the same limit.
  private func plain(
    _ body: ByteBuffer, of head: HTTPRequestHead
  ) throws(PolicyRefusal) -> [UInt8] {
    let bytes = Array(body.readableBytesView)
    guard head.headers.first(name: "content-encoding")?.lowercased() == Self.gzip else {
      return bytes
    }
    do {
      return try GzipStream.unpacked(bytes, bytesMax: bodyBytesMax)
    } catch {
      throw .invalid("the body is not one gzip member: \(error)")
    }
  }

  private func identity(_ head: HTTPRequestHead) -> String? {
    switch authentication {
    case .off: return nil
    case .tls: return subject
    case .token:
      let fields = head.headers[canonicalForm: "authorization"]
      // Of two tokens nobody can say whose request it is.
      guard fields.count == 1, let field = fields.first,
        field.prefix(7).lowercased() == "bearer "
      else { return nil }
      return String(field.dropFirst(7).drop { $0 == " " })
    }
  }

  private func refuse(_ refusal: PolicyRefusal, _ context: ChannelHandlerContext) {
    state = .refusing
    closesAt = nil
    write(refusal.answer, mayStay: false, context)
  }

  private func write(_ answer: PolicyAnswer, mayStay: Bool, _ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    let stays = mayStay && !connections.isDraining
    var head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
    if let contentType = answer.contentType {
      head.headers.add(name: "content-type", value: contentType)
    }
    if answer.status != 204, answer.status != 304 {
      head.headers.add(name: "content-length", value: String(answer.body.utf8.count))
    }
    if !stays { head.headers.add(name: "connection", value: "close") }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if !answer.body.isEmpty {
      let body = context.channel.allocator.buffer(string: answer.body)
      context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }
    let taken = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    closeAfter(limits.answerWriteMax, context)
    taken.whenComplete { _ in
      let (connection, context) = bound.value
      guard stays else { return context.close(promise: nil) }
      connection.goOn(context)
    }
  }

  /// The client has the answer; the next request may come.
  private func goOn(_ context: ChannelHandlerContext) {
    guard case .answering = state else { return }
    state = .idle
    closeAfter(limits.idleMax, context)
    if connections.isDraining, held.isEmpty { return context.close(promise: nil) }
    while !held.isEmpty {
      if case .answering = state { return }
      take(held.removeFirst(), context)
    }
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
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(deadline: moment) {
      let (connection, context) = bound.value
      connection.looksAt = nil
      guard let end = connection.closesAt else { return }
      if end <= .now() {
        context.close(promise: nil)
      } else {
        connection.look(at: end, context)
      }
    }
  }
}

/// Something came, even if it is no whole head yet.
struct BytesCame: Sendable {}

/// Tells of bytes before the decoder keeps them: a head that comes a byte at a time is not silence.
final class BytesTeller: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.fireUserInboundEventTriggered(BytesCame())
    context.fireChannelRead(data)
  }
}
