import NIOCore
import NIOHPACK
import NIOHTTP2
import Vocabulary

/// One request of a connection of HTTP/2, until its stream is closed and its answer has gone.
struct EdgeStream {
  /// While its content is read; then the request is refused, or its answer is made.
  var passage: Passage?
  /// While content comes, kept or dropped; nil after END_STREAM.
  var content: StreamContent?
  /// Counted in the connection's `contentBytes`.
  var bytesHeld = 0
  /// The answer is being made.
  var isAnswering = false
  /// Of an answer that is written and that the client has not taken: its bytes and 1.
  var unread = 0
  /// The library knows it no more; it stands here for what is still at work for it, so that whoever resets a stream does
  /// not win another for it.
  var isClosed = false
  var deadline = NIODeadline.distantFuture

  var isReading: Bool { passage != nil }
}

extension EdgeStreams {
  func begin(
    _ id: HTTP2StreamID, _ section: HPACKHeaders, endsStream: Bool,
    _ context: ChannelHandlerContext
  ) {
    guard state == .serving else { return }
    lastStream = id
    requests += 1
    defer {
      if requests >= limits.requestsPerConnectionMax || doors.areClosing { leave(context) }
    }
    guard streams.count < limits.streamsMax, answerBytes <= limits.answerBytesWaitingMax else {
      reset(id, .refusedStream, context)
      return charge(FrameMeter.resetPoints, .rapidReset, context)
    }
    deadline = .distantFuture
    streams[id] = EdgeStream(content: endsStream ? nil : StreamContent(dropping: nil))
    do throws(RequestFault) {
      let read = try StreamHead(section, endsStream: endsStream, limits: limits)
      if !endsStream { streams[id]?.content = StreamContent(dropping: read.declared) }
      switch edge.arrive(read.head, from: source, on: context.eventLoop) {
      case .answered(let answer): finish(id, answer, read.head, context)
      case .proceed(let passage, let bytesMax):
        guard !read.head.hasUnexpectedContent else { throw .unexpectedContent }
        let content = try StreamContent(declared: read.declared, bytesMax: bytesMax)
        if endsStream { return answer(id, passage, content, context) }
        expect(content, of: id, passage, context)
      }
    } catch { refuse(id, error, context) }
  }

  private func expect(
    _ content: StreamContent, of id: HTTP2StreamID, _ passage: Passage,
    _ context: ChannelHandlerContext
  ) {
    let held = content.bytesHeldMax
    guard contentBytes == 0 || contentBytes + held <= limits.contentBytesAtOnceMax else {
      return reset(id, .refusedStream, context)
    }
    contentBytes += held
    streams[id] = EdgeStream(
      passage: passage, content: content, bytesHeld: held,
      deadline: .now() + .nanoseconds(limits.bodyWithin.nanoseconds))
    if passage.head.expectsContinue, held > 0 {
      write(.headers(.init(headers: [":status": "100"])), on: id, context)
    }
  }

  /// DATA.
  func take(
    _ part: ByteBuffer, of id: HTTP2StreamID, endsStream: Bool, _ context: ChannelHandlerContext
  ) {
    guard var content = streams[id]?.content else { return }
    // Gives up the stored copy, so that appending does not copy the bytes.
    streams[id]?.content = nil
    let passage = streams[id]?.passage
    do throws(RequestFault) {
      if part.readableBytes > 0, let passage, !passage.head.mayHaveContent {
        throw .unexpectedContent
      }
      try content.add(part)
      if endsStream { try content.checkEnd() }
    } catch {
      if !endsStream { streams[id]?.content = content.dropping }
      return refuse(id, error, context)
    }
    if !endsStream {
      streams[id]?.content = content
    } else if let passage {
      answer(id, passage, content, context)
    }
  }

  /// A second field section ends the content (RFC 9113 §8.1).
  func trail(_ id: HTTP2StreamID, _ section: HPACKHeaders, _ context: ChannelHandlerContext) {
    guard let stream = streams[id], !stream.isClosed else { return }
    streams[id]?.content = nil
    do throws(RequestFault) {
      try StreamHead.checkTrailers(section)
      if stream.isReading { throw .trailers }
    } catch { refuse(id, error, context) }
  }

  /// More room for content that is still expected, and for the connection whatever came.
  func widen(_ event: NIOHTTP2WindowUpdatedEvent, _ context: ChannelHandlerContext) {
    guard isOpen, let left = event.inboundWindowSize, left < StreamWindow.bytesLow else { return }
    if event.streamID != .rootStream {
      guard let stream = streams[event.streamID], stream.isReading,
        stream.content?.isExpectingMore == true
      else { return }
    }
    write(
      .windowUpdate(windowSizeIncrement: StreamWindow.bytes - left), on: event.streamID, context)
  }
}

// MARK: answers

extension EdgeStreams {
  private func answer(
    _ id: HTTP2StreamID, _ passage: Passage, _ content: StreamContent,
    _ context: ChannelHandlerContext
  ) {
    finish(
      id, edge.answer(passage, content.bytes, on: context.eventLoop), passage.head, context)
  }

  private func finish(
    _ id: HTTP2StreamID, _ answer: EventLoopFuture<EdgeAnswer>, _ head: RequestHead?,
    _ context: ChannelHandlerContext
  ) {
    release(id)
    streams[id]?.isAnswering = true
    // The route's own deadline governs from here to the answer.
    streams[id]?.deadline = .distantFuture
    working += 1
    place.stand(.busy)
    let omitsContent = head?.method == "HEAD"
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    answer.whenComplete { result in
      let (connection, context) = bound.value
      let told = (try? result.get()) ?? connection.edge.answerToDefect()
      connection.send(told, on: id, omitsContent: omitsContent, context)
    }
  }

  private func send(
    _ answer: EdgeAnswer, on id: HTTP2StreamID, omitsContent: Bool,
    _ context: ChannelHandlerContext
  ) {
    working -= 1
    if working == 0 { place.stand(.idle) }
    guard isOpen, let stream = streams[id] else { return }
    guard !stream.isClosed else {
      streams[id] = nil
      return settle(context)
    }
    let hasContent = !omitsContent && answer.mayHaveContent && answer.content.readableBytes > 0
    let unread = 1 + (hasContent ? answer.content.readableBytes : 0)
    answerBytes += unread
    streams[id]?.isAnswering = false
    streams[id]?.unread = unread
    streams[id]?.deadline = .now() + .nanoseconds(limits.answerWithin.nanoseconds)
    let written = context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    written.futureResult.whenComplete { result in
      let (connection, context) = bound.value
      if case .success = result { connection.gate.meter.reward(answerBytes: unread) }
      connection.taken(id, context)
    }
    let section = writer.section(of: answer, at: edge.now())
    write(
      .headers(.init(headers: section, endStream: !hasContent)), on: id, context,
      promise: hasContent ? nil : written)
    if hasContent {
      write(
        .data(.init(data: .byteBuffer(answer.content), endStream: true)), on: id, context,
        promise: written)
    }
    context.flush()
  }

  /// The client has the answer, or will never have it.
  private func taken(_ id: HTTP2StreamID, _ context: ChannelHandlerContext) {
    guard let stream = streams[id] else { return }
    answerBytes -= stream.unread
    lastTaken = .now()
    streams[id]?.unread = 0
    if stream.isClosed {
      streams[id] = nil
      settle(context)
    } else if let content = stream.content {
      // What nobody reads may still come as far as it is on its way; more of it is not wanted (RFC 9113 §8.1).
      if content.isBeyondWindow { return reset(id, .noError, context) }
      streams[id]?.deadline = .now() + .nanoseconds(limits.bodyWithin.nanoseconds)
    }
  }

  /// Answers a fault, or resets the stream where it is malformed by the rules of HTTP/2 itself.
  func refuse(_ id: HTTP2StreamID, _ fault: RequestFault, _ context: ChannelHandlerContext) {
    release(id)
    guard fault.resetsStream else {
      let answer = edge.answer(fault, from: source, on: context.eventLoop)
      return finish(id, context.eventLoop.makeSucceededFuture(answer), nil, context)
    }
    edge.note(fault, from: source, on: context.eventLoop)
    reset(id, .protocolError, context)
    charge(FrameMeter.resetPoints, .brokenStreams, context)
  }

  func reset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode, _ context: ChannelHandlerContext) {
    write(.rstStream(code), on: id, context)
    context.flush()
  }

  /// The library closed it: both sides are done, or one has reset it.
  func closed(_ id: HTTP2StreamID, _ context: ChannelHandlerContext) {
    guard let stream = streams[id] else { return }
    release(id)
    streams[id]?.isClosed = true
    streams[id]?.content = nil
    guard !stream.isAnswering, stream.unread == 0 else { return }
    streams[id] = nil
    settle(context)
  }

  /// Nothing of its content is kept from here on.
  func release(_ id: HTTP2StreamID) {
    guard let stream = streams[id] else { return }
    contentBytes -= stream.bytesHeld
    streams[id]?.bytesHeld = 0
    streams[id]?.passage = nil
    streams[id]?.content = stream.content?.dropping
  }

  func write(
    _ payload: HTTP2Frame.FramePayload, on id: HTTP2StreamID, _ context: ChannelHandlerContext,
    promise: EventLoopPromise<Void>? = nil
  ) {
    context.write(
      wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: promise)
  }
}
