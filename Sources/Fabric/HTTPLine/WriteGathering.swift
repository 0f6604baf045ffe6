import NIOCore

/// Makes one buffer of all that is written between two flushes, so that a message costs one TLS record and not one for
/// its head and one for its body. A class, because NIO's handlers are; it lives on one event loop.
final class WriteGathering: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What is longer goes by itself: it fills TLS records anyway, and is not copied.
  static let gatheredMax = 16_384

  private var gathered: ByteBuffer?
  private var promise: EventLoopPromise<Void>?

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    var bytes = unwrapOutboundIn(data)
    guard bytes.readableBytes <= Self.gatheredMax else {
      pass(context)
      return context.write(data, promise: promise)
    }
    if gathered == nil { gathered = bytes } else { gathered?.writeBuffer(&bytes) }
    guard let promise else { return }
    if let first = self.promise {
      first.futureResult.cascade(to: promise)
    } else {
      self.promise = promise
    }
  }

  func flush(context: ChannelHandlerContext) {
    pass(context)
    context.flush()
  }

  private func pass(_ context: ChannelHandlerContext) {
    guard let bytes = gathered else { return }
    gathered = nil
    let told = promise
    promise = nil
    context.write(wrapOutboundOut(bytes), promise: told)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    promise?.fail(ChannelError.ioOnClosedChannel)
    promise = nil
    gathered = nil
  }
}
