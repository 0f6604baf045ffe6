import NIOCore
import NIOHTTP1
import NIOPosix
import Transport
import Vocabulary

/// The way from the sidecar to its program: HTTP/1.1 over the program's Unix socket, one request for
/// each connection.
struct ProgramLine: Sendable {
  let socket: String
  let group: any EventLoopGroup
  let clock: Clock
  private static let connectMax: TimeAmount = .seconds(1)

  init(socket: String, group: any EventLoopGroup, clock: Clock) {
    self.socket = socket
    self.group = group
    self.clock = clock
  }

  /// The answer as it came, framed and within its size; what it means is `ProgramAnswer`'s.
  func send(
    _ request: WireRequest, by deadline: Deadline
  ) async throws(ProgramFailure) -> WireResponse {
    let remaining = deadline.remaining(at: clock.now())
    guard remaining > .zero else { throw .late }
    let loop = group.next()
    let promise = loop.makePromise(of: WireResponse.self)
    let exchange = loop.submit {
      NIOLoopBound(ProgramExchange(request, answering: promise), eventLoop: loop)
    }
    let late = loop.scheduleTask(in: .nanoseconds(remaining.nanoseconds)) {
      promise.fail(ProgramFailure.late)
    }
    exchange.flatMap { bound in
      ClientBootstrap(group: loop).connectTimeout(Self.connectMax)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTPRequestEncoder())
            try pipeline.addHandler(
              ByteToMessageHandler(HTTPResponseDecoder(limitConfiguration: .sidecar)))
            try pipeline.addHandler(bound.value)
          }
        }.connect(unixDomainSocketPath: socket)
    }.whenComplete { outcome in
      switch outcome {
      case .failure: promise.fail(ProgramFailure.absent)
      // Whoever waits has the answer, or has given up: either way the connection has served.
      case .success(let channel):
        promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
      }
    }
    do {
      let answer = try await promise.futureResult.get()
      late.cancel()
      return answer
    } catch {
      late.cancel()
      throw error as? ProgramFailure ?? .lost
    }
  }
}

/// One request and its answer. A class, because NIO's handlers are; it lives on one event loop.
private final class ProgramExchange: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let request: WireRequest
  private let promise: EventLoopPromise<WireResponse>
  private var answer: WireResponse?

  init(_ request: WireRequest, answering promise: EventLoopPromise<WireResponse>) {
    self.request = request
    self.promise = promise
  }

  func channelActive(context: ChannelHandlerContext) {
    var head = HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target)
    head.headers.add(name: "host", value: "program")
    for field in request.headers.fields { head.headers.add(name: field.name, value: field.value) }
    head.headers.add(name: "content-length", value: String(request.body.readableBytes))
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.body.readableBytes > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let headers = Headers(head.headers.map { ($0.name, $0.value) })
      let status = Int(head.status.code)
      guard ProgramAnswer.isFramed(status: status, headers: headers) else {
        return promise.fail(ProgramFailure.malformed)
      }
      answer = WireResponse(status: status, headers: headers)
    case .body(var chunk):
      guard var whole = answer else { return }
      guard whole.body.readableBytes + chunk.readableBytes <= ProgramAnswer.bytesMax else {
        return promise.fail(ProgramFailure.tooLarge)
      }
      answer = nil  // Gives up the stored reference, so that appending does not copy.
      whole.body.writeBuffer(&chunk)
      answer = whole
    case .end:
      guard let answer else { return promise.fail(ProgramFailure.malformed) }
      promise.succeed(answer)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error is HTTPParserError ? ProgramFailure.malformed : ProgramFailure.lost)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(ProgramFailure.lost)
    context.fireChannelInactive()
  }
}

extension NIOHTTPDecoderLimitConfiguration {
  /// As in the mesh, `TransportLimits`.
  static var sidecar: NIOHTTPDecoderLimitConfiguration {
    let limits = TransportLimits()
    var configuration = NIOHTTPDecoderLimitConfiguration()
    configuration.maxHeaderFieldSize = limits.headBytesMax
    configuration.maxHeaderListSize = limits.headBytesMax
    configuration.maxHeaderFieldCount = limits.headerFieldsMax
    return configuration
  }
}
