import NIOCore
import NIOHPACK
import NIOHTTP2
import Vocabulary

/// One outside connection of HTTP/2: each of its streams is one request, and passes what a request of HTTP/1.1 passes. The
/// library reads and writes frames and keeps the states of RFC 9113 §5.1; this one knows what they mean to the door.
/// All state lives on the connection's event loop; no task, no channel and no timer is made for a stream. A class, because
/// NIO's handlers are.
final class EdgeStreams: ChannelInboundHandler, NIOHTTP2FrameDelegate {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  enum State {
    /// The client's preface has not come.
    case opening
    case serving
    /// GOAWAY is out: streams that are open are finished, new ones are not begun.
    case leaving
    /// The last answer is out; what still comes is dropped, so that the client can read it before the end.
    case lingering
    case closed
  }

  let edge: Edge
  let limits: EdgeLimits
  let doors: EdgeDoors
  let place: EdgePlace
  let gate: FrameGate
  var state = State.opening
  /// Open ones, and closed ones whose answer is still being made or written.
  var streams: [HTTP2StreamID: EdgeStream] = [:]
  var writer = AnswerWriter()
  var source = Source(nil)
  var requests = 0
  var lastStream = HTTP2StreamID.rootStream
  /// Requests that are being answered.
  var working = 0
  /// Bytes of content that streams may still send or have sent, of those that are not whole.
  var contentBytes = 0
  /// Bytes of answers that were written and not taken.
  var answerBytes = 0
  var lastTaken = NIODeadline.now()
  var deadline = NIODeadline.distantFuture
  var tick: Scheduled<Void>?
  /// The library has said why it ends the connection.
  private var brokenBy: HTTP2ErrorCode?
  private var inputHasEnded = false

  init(edge: Edge, limits: EdgeLimits, doors: EdgeDoors, place: EdgePlace, gate: FrameGate) {
    self.edge = edge
    self.limits = limits
    self.doors = doors
    self.place = place
    self.gate = gate
  }

  func handlerAdded(context: ChannelHandlerContext) {
    source = Source(context.remoteAddress)
    expire(after: limits.headWithin)
    scheduleTick(context)
  }
  func handlerRemoved(context: ChannelHandlerContext) { tick?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    state = .closed
    tick?.cancel()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case let event as StreamClosedEvent: closed(event.streamID, context)
    case let event as NIOHTTP2WindowUpdatedEvent: widen(event, context)
    case let fault as ConnectionFault: fail(fault, context)
    case ChannelEvent.inputClosed: endInput(context)
    case is DoorsClosing: leave(context)
    case is GiveWay: leave(context)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    if state == .opening {
      state = .serving
      awaitRequest()
    }
    switch frame.payload {
    case .headers(let head):
      if streams[frame.streamID] == nil {
        begin(frame.streamID, head.headers, endsStream: head.endStream, context)
      } else {
        trail(frame.streamID, head.headers, context)
      }
    case .data(let part):
      guard case .byteBuffer(let bytes) = part.data else { return }
      take(bytes, of: frame.streamID, endsStream: part.endStream, context)
    case .goAway: leave(context)
    case .rstStream, .priority, .settings, .pushPromise, .ping, .windowUpdate,
      .alternativeService, .origin:
      break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let brokenBy {
      // The library has sent GOAWAY.
      guard isOpen else { return }
      edge.note(ConnectionFault(brokenBy, error), from: source, on: context.eventLoop)
      linger(context)
    } else if error is any NIOHTTP2Error {
      charge(FrameMeter.resetPoints, .brokenStreams, context)
    } else {
      close(context)
    }
  }

  func wroteFrame(_ frame: HTTP2Frame) {
    if isOpen, case .goAway(_, let code, _) = frame.payload, code != .noError { brokenBy = code }
  }

  var isOpen: Bool { [.opening, .serving, .leaving].contains(state) }

  /// The client has said that nothing more will come: what is whole is answered.
  private func endInput(_ context: ChannelHandlerContext) {
    inputHasEnded = true
    for (id, stream) in streams where stream.isReading {
      release(id)
      streams[id] = nil
    }
    if state != .closed, state != .lingering { state = .leaving }
    settle(context)
  }

  func awaitRequest() { expire(after: limits.idleMax) }
}

// MARK: the end of a connection

extension EdgeStreams {
  /// Begins no more streams, and ends with the last one.
  func leave(_ context: ChannelHandlerContext) {
    guard state == .opening || state == .serving else { return }
    state = .leaving
    sayGoodbye(.noError, context)
    settle(context)
  }

  /// Ends at once, and tells why.
  func fail(_ fault: ConnectionFault, _ context: ChannelHandlerContext) {
    guard isOpen else { return }
    edge.note(fault, from: source, on: context.eventLoop)
    state = .lingering
    sayGoodbye(.enhanceYourCalm, context)
    linger(context)
  }

  /// Takes points for what was broken on a stream.
  func charge(_ cost: Int, _ kind: ConnectionFault, _ context: ChannelHandlerContext) {
    if let fault = gate.meter.spend(cost, kind) { fail(fault, context) }
  }

  private func sayGoodbye(_ code: HTTP2ErrorCode, _ context: ChannelHandlerContext) {
    let goodbye = HTTP2Frame.FramePayload.goAway(
      lastStreamID: lastStream, errorCode: code, opaqueData: nil)
    write(goodbye, on: .rootStream, context)
    context.flush()
  }

  /// After each stream that ended: what the connection does now.
  func settle(_ context: ChannelHandlerContext) {
    guard streams.isEmpty else { return }
    switch state {
    case .leaving: if inputHasEnded { close(context) } else { linger(context) }
    case .serving: awaitRequest()
    case .opening, .lingering, .closed: return
    }
  }

  private func linger(_ context: ChannelHandlerContext) {
    state = .lingering
    gate.isShut = true
    expire(after: EdgeConnection.lingerMax)
    if inputHasEnded { close(context) }
  }

  func close(_ context: ChannelHandlerContext) {
    guard state != .closed else { return }
    state = .closed
    tick?.cancel()
    context.channel.hangUp()
  }
}

extension ConnectionFault {
  /// Of a connection that the library ends.
  init(_ code: HTTP2ErrorCode, _ error: any Error) {
    switch (code, error) {
    case (.compressionError, _), (_, is NIOHTTP2Errors.ExcessivelyLargeHeaderBlock):
      self = .compression
    case (_, is NIOHTTP2Errors.ExcessiveRSTFrames): self = .rapidReset
    case (_, is NIOHTTP2Errors.ExcessiveContinuationFrames): self = .continuations
    case (_, is NIOHTTP2Errors.ExcessiveControlFrames): self = .pings
    case (_, is NIOHTTP2Errors.ExcessiveEmptyDataFrames): self = .emptyData
    case (.enhanceYourCalm, _): self = .brokenStreams
    default: self = .brokenProtocol
    }
  }
}

// MARK: time

extension EdgeStreams {
  func expire(after span: Duration) { deadline = .now() + .nanoseconds(span.nanoseconds) }

  private func scheduleTick(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    tick = context.eventLoop.scheduleTask(in: .nanoseconds(limits.tickEvery.nanoseconds)) {
      let (connection, context) = bound.value
      connection.look(at: .now(), context)
    }
  }

  private func look(at now: NIODeadline, _ context: ChannelHandlerContext) {
    for (id, stream) in streams where stream.deadline <= now { expired(id, stream, now, context) }
    let frameMax = TimeAmount.nanoseconds(limits.headWithin.nanoseconds)
    if let since = gate.waitsSince, since + frameMax <= now { fail(.slowFrame, context) }
    if deadline <= now {
      switch state {
      case .opening, .lingering, .closed: return close(context)
      case .serving where streams.isEmpty: leave(context)
      case .serving, .leaving: break
      }
    }
    if state != .closed { scheduleTick(context) }
  }

  private func expired(
    _ id: HTTP2StreamID, _ stream: EdgeStream, _ now: NIODeadline, _ context: ChannelHandlerContext
  ) {
    guard isOpen else { return }
    if stream.isReading { return refuse(id, .bodyTimeout, context) }
    guard stream.unread > 0 else { return reset(id, .noError, context) }
    // Somebody who takes the other answers may forget one; who takes none holds them all.
    let answerMax = TimeAmount.nanoseconds(limits.answerWithin.nanoseconds)
    guard lastTaken + answerMax > now else { return fail(.unreadAnswers, context) }
    reset(id, .cancel, context)
    charge(FrameMeter.resetPoints, .unreadAnswers, context)
  }
}
