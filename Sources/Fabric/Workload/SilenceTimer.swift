import NIOCore
import NIOHTTP2

/// Closes a connection that does not open HTTP/2 in time, and one on which nothing is asked for too
/// long. NIO's own management asks such a peer to go, and waits for its answer for ever.
/// A class, because NIO's handlers are; everything in it happens on the connection's event loop.
final class SilenceTimer: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let limits: GRPCLimits
  private let heard: () -> Void
  private var timer: Scheduled<Void>?
  private var hasSpoken = false
  private var streams = 0

  /// - Parameter heard: called once, when the preface and the first frame are here.
  init(limits: GRPCLimits, heard: @escaping () -> Void) {
    self.limits = limits
    self.heard = heard
  }

  func handlerAdded(context: ChannelHandlerContext) {
    close(context.channel, after: limits.prefaceMax)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if !hasSpoken {
      hasSpoken = true
      heard()
      if streams == 0 { close(context.channel, after: limits.idleMax + limits.farewellMax) }
    }
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func streamCreated() {
    streams += 1
    timer?.cancel()
  }

  func streamClosed(on channel: any Channel) {
    streams -= 1
    guard streams == 0, channel.isActive else { return }
    close(channel, after: limits.idleMax + limits.farewellMax)
  }

  private func close(_ channel: any Channel, after span: Duration) {
    timer?.cancel()
    timer = channel.eventLoop.scheduleTask(in: TimeAmount(span)) { channel.close(promise: nil) }
  }
}

/// Tells both of a connection's timers of its streams: NIO's, which says good-bye, and ours, which
/// closes.
struct StreamWatch: NIOHTTP2StreamDelegate {
  let farewell: any NIOHTTP2StreamDelegate
  let timer: NIOLoopBound<SilenceTimer>

  func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
    farewell.streamCreated(id, channel: channel)
    onLoop { $0.streamCreated() }
  }

  func streamClosed(_ id: HTTP2StreamID, channel: any Channel) {
    farewell.streamClosed(id, channel: channel)
    guard let connection = channel.parent else { return }
    onLoop { $0.streamClosed(on: connection) }
  }

  private func onLoop(_ tell: @escaping @Sendable (SilenceTimer) -> Void) {
    let timer = timer
    if timer.eventLoop.inEventLoop { return tell(timer.value) }
    timer.eventLoop.execute { tell(timer.value) }
  }
}
