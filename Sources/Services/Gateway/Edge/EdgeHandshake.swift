import NIOCore
import NIOTLS

/// Stands behind TLS until hands are shaken, then lets the handlers of the chosen protocol in, and leaves. A class,
/// because NIO's handlers are.
final class EdgeHandshake: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private let timer: Scheduled<Void>
  private let serve: (_ protocolName: String?, ChannelPipeline.SynchronousOperations) throws -> Void

  /// - Parameters:
  ///   - timer: closes the connection when it takes too long.
  ///   - serve: adds the handlers that serve a protocol of RFC 7301.
  init(
    timer: Scheduled<Void>,
    serve: @escaping (String?, ChannelPipeline.SynchronousOperations) throws -> Void
  ) {
    self.timer = timer
    self.serve = serve
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer.cancel() }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSUserEvent.handshakeCompleted(let negotiatedProtocol):
      do {
        try serve(negotiatedProtocol, context.pipeline.syncOperations)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
      } catch {
        context.channel.hangUp()
      }
    case ChannelEvent.inputClosed, is DoorsClosing, is GiveWay: context.channel.hangUp()
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.channel.hangUp() }
}

extension Channel {
  /// Closes without waiting: the TLS library would give the other end seconds to say goodbye. On the channel's loop.
  func hangUp() {
    try? syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
    close(promise: nil)
  }
}
