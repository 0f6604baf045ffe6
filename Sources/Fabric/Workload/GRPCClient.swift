package import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Vocabulary

/// A gRPC connection to a Unix socket: unary and server-streaming calls. It never connects again by
/// itself; whoever keeps it decides that.
package final class GRPCClient: Sendable {
  private let channel: any Channel
  private let streams: NIOHTTP2Handler.StreamMultiplexer
  private let limits: GRPCLimits

  private init(
    channel: any Channel, streams: NIOHTTP2Handler.StreamMultiplexer, limits: GRPCLimits
  ) {
    self.channel = channel
    self.streams = streams
    self.limits = limits
  }

  /// - Throws: `GRPCSocketError.pathTooLong`, or the system's error when nobody listens.
  package static func connect(
    path: String, limits: GRPCLimits = GRPCLimits(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> GRPCClient {
    guard path.utf8.count <= GRPCServer.pathBytesMax else { throw GRPCSocketError.pathTooLong }
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(.seconds(2))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let http2 = NIOHTTP2Handler(mode: .client, eventLoop: channel.eventLoop) { stream in
            // A server opens no streams towards a client.
            stream.close()
          }
          try channel.pipeline.syncOperations.addHandlers([http2, ConnectionErrors()])
        }
      }
    let channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
    let streams = try await channel.pipeline.handler(type: NIOHTTP2Handler.self).flatMap {
      $0.multiplexer
    }.get()
    return GRPCClient(channel: channel, streams: streams, limits: limits)
  }

  /// The messages of one call, until its status. Ends by throwing `GRPCStatus` unless the status is
  /// OK. Dropping the sequence cancels the call.
  package func messages(
    _ path: String, _ message: [UInt8], metadata: [(name: String, value: String)] = []
  ) -> AsyncThrowingStream<[UInt8], any Error> {
    let (messages, continuation) = AsyncThrowingStream.makeStream(
      of: [UInt8].self, bufferingPolicy: .bufferingNewest(limits.waitingMax))
    var head: HPACKHeaders = [
      ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
      "content-type": "application/grpc", "te": "trailers", "user-agent": "strongroom",
    ]
    for item in metadata { head.add(name: item.name, value: item.value) }
    let limits = limits
    let request = head
    let opened = streams.createStreamChannel { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(
          GRPCClientStream(
            head: request, message: message, limits: limits, continuation: continuation))
      }
    }
    opened.whenFailure { _ in
      continuation.finish(throwing: GRPCStatus.unavailable("connection lost"))
    }
    continuation.onTermination = { _ in
      opened.whenSuccess { $0.close(promise: nil) }
    }
    return messages
  }

  /// The only message of a unary call.
  /// - Throws: `GRPCStatus`; `deadlineExceeded` after `timeout`.
  package func call(
    _ path: String, _ message: [UInt8], metadata: [(name: String, value: String)] = [],
    timeout: Duration
  ) async throws -> [UInt8] {
    let milliseconds = max(1, timeout.milliseconds)
    let answers = messages(
      path, message, metadata: metadata + [("grpc-timeout", "\(milliseconds)m")])
    return try await withThrowingTaskGroup(of: [UInt8].self) { group in
      group.addTask {
        var only: [UInt8]?
        for try await answer in answers { only = answer }
        guard let only else { throw GRPCStatus.internalError }
        return only
      }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw GRPCStatus.deadlineExceeded
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw GRPCStatus.internalError }
      return first
    }
  }

  package func close() { channel.close(promise: nil) }
}

/// One call on the client. A class, because NIO's handlers are; it lives on its stream's event
/// loop.
private final class GRPCClientStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let head: HPACKHeaders
  private let message: [UInt8]
  private let limits: GRPCLimits
  private let continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation
  private var body = ByteBuffer()

  init(
    head: HPACKHeaders, message: [UInt8], limits: GRPCLimits,
    continuation: AsyncThrowingStream<[UInt8], any Error>.Continuation
  ) {
    self.head = head
    self.message = message
    self.limits = limits
    self.continuation = continuation
  }

  func channelActive(context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(.headers(.init(headers: head))), promise: nil)
    let data = HTTP2Frame.FramePayload.Data(
      data: .byteBuffer(GRPCFrame.write(message)), endStream: true)
    context.writeAndFlush(wrapOutboundOut(.data(data)), promise: nil)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let frame):
      if frame.headers.first(name: "grpc-status") != nil || frame.endStream {
        finish(frame.headers)
      }
    case .data(let frame):
      guard case .byteBuffer(var bytes) = frame.data else { return }
      body.writeBuffer(&bytes)
      deliver(context: context)
    case .priority, .rstStream, .settings, .pushPromise, .ping, .goAway, .windowUpdate,
      .alternativeService, .origin:
      break
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    continuation.finish(throwing: GRPCStatus.unavailable("connection lost"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    continuation.finish(throwing: GRPCStatus.unavailable("connection lost"))
    context.close(promise: nil)
  }

  private func deliver(context: ChannelHandlerContext) {
    do throws(GRPCStatus) {
      while let message = try GRPCFrame.read(&body, bytesMax: limits.messageBytesMax) {
        continuation.yield(message)
      }
      body.discardReadBytes()
    } catch {
      continuation.finish(throwing: error)
      context.close(promise: nil)
    }
  }

  private func finish(_ trailers: HPACKHeaders) {
    guard let code = trailers.first(name: "grpc-status").flatMap({ Int($0) }) else {
      return continuation.finish(throwing: GRPCStatus.unavailable("not a gRPC server"))
    }
    guard code != 0 else { return continuation.finish() }
    continuation.finish(
      throwing: GRPCStatus(code: code, trailers.first(name: "grpc-message") ?? ""))
  }
}
