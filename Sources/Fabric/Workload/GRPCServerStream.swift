import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call on the server: collects the request, then lets the handler run until the caller goes
/// away. A class, because NIO's handlers are; it lives on its stream's event loop.
final class GRPCServerStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let peer: PeerCredentials
  private let limits: GRPCLimits
  private let handler: GRPCServer.Handler
  private var head: HPACKHeaders?
  private var body = ByteBuffer()
  private var isAnswered = false
  private var task: Task<Void, Never>?
  private var readTimer: Scheduled<Void>?
  private var deadlineTimer: Scheduled<Void>?

  init(peer: PeerCredentials, limits: GRPCLimits, handler: @escaping GRPCServer.Handler) {
    self.peer = peer
    self.limits = limits
    self.handler = handler
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    readTimer = context.eventLoop.scheduleTask(in: TimeAmount(limits.requestReadMax)) {
      channel.close(promise: nil)
    }
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      if head == nil { receive(frame.headers, context: context) }
      if frame.endStream { receiveEnd(context: context) }
    case .data(let frame):
      guard case .byteBuffer(var bytes) = frame.data, !isAnswered else { return }
      guard
        body.readableBytes + bytes.readableBytes <= limits.messageBytesMax + GRPCFrame.headerBytes
      else { return refuse(.resourceExhausted("the message is too long"), context: context) }
      body.writeBuffer(&bytes)
      if frame.endStream { receiveEnd(context: context) }
    case .priority, .rstStream, .settings, .pushPromise, .ping, .goAway, .windowUpdate,
      .alternativeService, .origin:
      break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    readTimer?.cancel()
    deadlineTimer?.cancel()
    task?.cancel()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func receive(_ headers: HPACKHeaders, context: ChannelHandlerContext) {
    head = headers
    let type = headers.first(name: "content-type") ?? ""
    guard headers.first(name: ":method") == "POST", type.hasPrefix("application/grpc") else {
      isAnswered = true
      let answer: HPACKHeaders = [":status": "415"]
      let frame = HTTP2Frame.FramePayload.headers(.init(headers: answer, endStream: true))
      context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
      return
    }
  }

  private func receiveEnd(context: ChannelHandlerContext) {
    readTimer?.cancel()
    guard let head, !isAnswered else { return }
    let message: [UInt8]
    do throws(GRPCStatus) {
      guard let whole = try GRPCFrame.read(&body, bytesMax: limits.messageBytesMax),
        body.readableBytes == 0
      else { throw .invalidArgument("exactly one message is expected") }
      message = whole
    } catch {
      return refuse(error, context: context)
    }
    isAnswered = true
    let call = GRPCCall(
      path: head.first(name: ":path") ?? "", metadata: head, message: message, peer: peer,
      channel: context.channel, hasBegun: Latch())
    start(call, timeout: head.first(name: "grpc-timeout").flatMap(Self.timeout), context: context)
  }

  private func start(_ call: GRPCCall, timeout: TimeAmount?, context: ChannelHandlerContext) {
    let handler = handler
    let isFinished = Latch()
    let task = Task {
      let status: GRPCStatus?
      do {
        try await handler(call)
        status = nil
      } catch let refusal as GRPCStatus {
        status = refusal
      } catch is CancellationError {
        status = .cancelled
      } catch {
        // What went wrong is ours to know; the handler has logged it.
        status = .internalError
      }
      if isFinished.close() { call.finish(status) }
    }
    self.task = task
    guard let timeout else { return }
    deadlineTimer = context.eventLoop.scheduleTask(in: timeout) {
      task.cancel()
      if isFinished.close() { call.finish(.deadlineExceeded) }
    }
  }

  private func refuse(_ status: GRPCStatus, context: ChannelHandlerContext) {
    guard !isAnswered else { return }
    isAnswered = true
    body.clear()
    GRPCCall(
      path: "", metadata: HPACKHeaders(), message: [], peer: peer, channel: context.channel,
      hasBegun: Latch()
    ).finish(status)
  }

  /// `grpc-timeout`: up to eight digits and a unit (H, M, S, m, u, n). Nil, so no deadline, when
  /// malformed.
  static func timeout(_ text: String) -> TimeAmount? {
    guard let unit = text.last, (2...9).contains(text.utf8.count),
      let value = Int64(text.dropLast())
    else { return nil }
    switch unit {
    case "H": return .hours(value)
    case "M": return .minutes(value)
    case "S": return .seconds(value)
    case "m": return .milliseconds(value)
    case "u": return .microseconds(value)
    case "n": return .nanoseconds(value)
    default: return nil
    }
  }
}
