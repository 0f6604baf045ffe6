import NIOCore
import NIOHTTP2
import NIOSSL

/// What an accepted connection is made of, step by step: each part comes when the one before is through, so that somebody
/// who says nothing costs as little as can be.
struct EdgePipeline: Sendable {
  /// By RFC 7301, the first that the client offers too.
  static let protocols = [http2, "http/1.1"]
  static let http2 = "h2"

  let edge: Edge
  let limits: EdgeLimits
  let doors: EdgeDoors
  let identity: EdgeIdentity

  /// Waits for the client's first message; a connection too many is closed. On the channel's loop.
  func receive(_ channel: any Channel) throws {
    guard let place = doors.admit(channel) else { return channel.close(promise: nil) }
    try channel.pipeline.syncOperations.addHandler(
      ProtocolGate(within: limits.headWithin) { pipeline, timer in
        try pipeline.addHandler(NIOSSLServerHandler(context: identity.context))
        try pipeline.addHandler(
          EdgeHandshake(timer: timer) { name, pipeline in
            try pipeline.addHandlers(name == Self.http2 ? streams(place) : requests(place))
          })
      })
  }

  private func requests(_ place: EdgePlace) -> [any ChannelHandler] {
    [EdgeConnection(edge: edge, limits: limits, doors: doors, place: place)]
  }

  private func streams(_ place: EdgePlace) -> [any ChannelHandler] {
    let gate = FrameGate(limits: limits)
    let streams = EdgeStreams(edge: edge, limits: limits, doors: doors, place: place, gate: gate)
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streamsMax),
      // Up to here a head is unpacked and answered with 431; a lower limit may be kept than is told (RFC 9113 §6.5.2).
      HTTP2Setting(parameter: .maxHeaderListSize, value: 2 * limits.headBytesMax),
    ]
    // Judged by `StreamHead` and `StreamContent`, with everything else that is judged of a head.
    connection.headerBlockValidation = .disabled
    connection.contentLengthValidation = .disabled
    connection.maximumBufferedControlFrames = limits.framePointsMax
    connection.maximumSequentialContinuationFrames = limits.continuationsMax
    connection.maximumConnectionGlitches = limits.framesIn30SecondsMax
    connection.controlFrameRateLimit.maximumCount = limits.framesIn30SecondsMax
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.streamResetFrameRateLimit.maximumCount = limits.framesIn30SecondsMax
    stream.streamErrorRateLimit.maximumCount = limits.framesIn30SecondsMax
    let library = NIOHTTP2Handler(
      mode: .server, frameDelegate: streams, connectionConfiguration: connection,
      streamConfiguration: stream)
    return [gate, library, streams]
  }
}
