import NIOCore
import NIOTLS
import Vocabulary

/// One outside connection: bytes in, one request at a time, bytes out. All its state lives on its
/// event loop; no task is made for a request. A class, because NIO's handlers are.
final class EdgeConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
    case handshaking
    /// Between requests; nothing of the next one is here.
    case idle
    case head
    case content(Passage, ContentReader)
    /// The answer is being made or written.
    case answering
    /// The last answer is out; what still comes is dropped, so that the client can read it before
    /// the end.
    case lingering
    case closed
  }

  /// After the last answer, time for the client to read it and close.
  static let lingerMax: Duration = .seconds(1)
  /// Bytes that may wait while an answer is made; then reading stops.
  static let waitingBytesMax = 65_536

  private let edge: Edge
  private let limits: EdgeLimits
  private let doors: EdgeDoors
  private let place: EdgePlace
  private var state = State.handshaking
  private var reader: RequestReader
  private var writer = AnswerWriter()
  private var buffer = ByteBuffer()
  private var source = Source(nil)
  private var requests = 0
  private var deadline = NIODeadline.distantFuture
  private var tick: Scheduled<Void>?
  private var readsPaused = false
  private var givesWay = false
  /// The client has said that nothing more will come.
  private var inputHasEnded = false

  init(edge: Edge, limits: EdgeLimits, doors: EdgeDoors, place: EdgePlace) {
    self.edge = edge
    self.limits = limits
    self.doors = doors
    self.place = place
    reader = RequestReader(limits: limits)
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
    case TLSUserEvent.handshakeCompleted:
      // Whoever can shake hands has proven nothing: its place stands as it did.
      if case .handshaking = state { awaitRequest() }
    case ChannelEvent.inputClosed:
      inputHasEnded = true
      // What is being answered is answered; what is not whole by now never will be.
      if case .answering = state { return }
      close(context)
    case is DoorsClosing:
      if case .idle = state { close(context) }
    case is GiveWay:
      switch state {
      case .content, .answering: givesWay = true
      case .handshaking, .idle, .head, .lingering, .closed: close(context)
      }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    switch state {
    case .lingering, .closed, .handshaking: return
    case .idle:
      buffer = bytes
      state = .head
      expire(after: limits.headWithin)
    case .head, .content, .answering:
      buffer.writeBuffer(&bytes)
    }
    work(context)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard case .answering = state, buffer.readableBytes > Self.waitingBytesMax, !readsPaused else {
      return
    }
    readsPaused = true
    context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close(context) }

  /// Reads as far as the bytes go.
  private func work(_ context: ChannelHandlerContext) {
    do throws(RequestFault) {
      while true {
        switch state {
        case .head:
          guard let head = try reader.head(from: &buffer) else {
            // An empty line is no beginning: whoever sends one after a form is not late with the next request.
            if inputHasEnded { return close(context) }
            if buffer.readableBytes == 0 { awaitRequest() }
            return
          }
          try begin(head, context)
        case .content(let passage, var content):
          // Gives up the stored copy, so that appending does not copy the bytes.
          state = .answering
          guard try content.read(from: &buffer) else {
            if inputHasEnded { return close(context) }
            state = .content(passage, content)
            return
          }
          answer(passage, content.content, context)
        case .handshaking, .idle, .answering, .lingering, .closed: return
        }
      }
    } catch { refuse(error, context) }
  }

  private func begin(
    _ head: RequestHead, _ context: ChannelHandlerContext
  ) throws(RequestFault) {
    requests += 1
    let keepsAlive =
      head.keepsAlive && requests < limits.requestsPerConnectionMax && !doors.areClosing
    switch edge.arrive(head, from: source, on: context.eventLoop) {
    case .answered(let answer):
      // Content that nobody will read makes the next request's start uncertain.
      finish(answer, head, keepsAlive: keepsAlive && head.content == .length(0), context)
    case .proceed(let passage, let bytesMax):
      guard !head.hasUnexpectedContent else { throw .unexpectedContent }
      let content = try ContentReader(head.content, bytesMax: bytesMax)
      if head.expectsContinue, !content.isWhole, buffer.readableBytes == 0 {
        let line = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
        context.writeAndFlush(wrapOutboundOut(line), promise: nil)
      }
      state = .content(passage, content)
      expire(after: limits.bodyWithin)
    }
  }

  private func answer(
    _ passage: Passage, _ content: ByteBuffer, _ context: ChannelHandlerContext
  ) {
    let keepsAlive =
      passage.head.keepsAlive && requests < limits.requestsPerConnectionMax && !doors.areClosing
    finish(
      edge.answer(passage, content, on: context.eventLoop), passage.head, keepsAlive: keepsAlive,
      context)
  }

  private func finish(
    _ answer: EventLoopFuture<EdgeAnswer>, _ head: RequestHead, keepsAlive: Bool,
    _ context: ChannelHandlerContext
  ) {
    state = .answering
    place.stand(.busy)
    // The route's own deadline governs from here to the answer.
    deadline = .distantFuture
    let omitsContent = head.method == "HEAD"
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    answer.whenComplete { result in
      let (connection, context) = bound.value
      guard case .answering = connection.state else { return }
      let told = (try? result.get()) ?? connection.edge.answerToDefect()
      connection.write(told, keepsAlive: keepsAlive, omitsContent: omitsContent, context)
    }
  }

  private func write(
    _ answer: EdgeAnswer, keepsAlive: Bool, omitsContent: Bool, _ context: ChannelHandlerContext
  ) {
    var bytes = context.channel.allocator.buffer(capacity: 768 + answer.content.readableBytes)
    writer.write(
      answer, keepsAlive: keepsAlive, omitsContent: omitsContent, at: edge.now(), to: &bytes)
    expire(after: limits.answerWithin)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(bytes)).whenComplete { result in
      let (connection, context) = bound.value
      guard case .success = result else { return connection.close(context) }
      connection.written(keepsAlive: keepsAlive, context)
    }
  }

  private func written(keepsAlive: Bool, _ context: ChannelHandlerContext) {
    guard case .answering = state else { return }
    // Nothing that somebody still sends can keep him from reading the end.
    if inputHasEnded, !keepsAlive || givesWay || buffer.readableBytes == 0 {
      return close(context)
    }
    guard keepsAlive, !givesWay else {
      state = .lingering
      expire(after: Self.lingerMax)
      buffer = ByteBuffer()
      resumeReads(context)
      return
    }
    resumeReads(context)
    guard buffer.readableBytes > 0 else {
      if doors.areClosing { return close(context) }
      place.stand(.idle)
      return awaitRequest()
    }
    buffer.discardReadBytes()
    place.stand(.idle)
    state = .head
    expire(after: limits.headWithin)
    // From the loop's next turn, so that a long pipeline does not grow the stack.
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.execute {
      let (connection, context) = bound.value
      connection.work(context)
    }
  }

  private func refuse(_ fault: RequestFault, _ context: ChannelHandlerContext) {
    state = .answering
    write(
      edge.answer(fault, from: source, on: context.eventLoop), keepsAlive: false,
      omitsContent: false, context)
  }

  private func awaitRequest() {
    state = .idle
    expire(after: limits.idleMax)
  }

  private func resumeReads(_ context: ChannelHandlerContext) {
    guard readsPaused else { return }
    readsPaused = false
    context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
  }

  private func close(_ context: ChannelHandlerContext) {
    state = .closed
    tick?.cancel()
    // From here on the other end's goodbye is the end: the TLS library would wait seconds for more.
    try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
    context.close(promise: nil)
  }
}

/// Time: one slow tick for each connection instead of one timer for each request.
extension EdgeConnection {
  private func expire(after span: Duration) {
    deadline = .now() + .nanoseconds(span.nanoseconds)
  }

  private var tickEvery: Duration { min(.seconds(1), limits.headWithin / 4) }

  private func scheduleTick(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    tick = context.eventLoop.scheduleTask(in: .nanoseconds(tickEvery.nanoseconds)) {
      let (connection, context) = bound.value
      connection.look(context)
    }
  }

  private func look(_ context: ChannelHandlerContext) {
    if deadline <= .now() {
      switch state {
      case .head: refuse(.headTimeout, context)
      case .content: refuse(.bodyTimeout, context)
      case .handshaking, .idle, .answering, .lingering: return close(context)
      case .closed: return
      }
    }
    scheduleTick(context)
  }
}
