package import NIOCore

/// Counts what a connection sends that asks for nothing. Frames are told by their first nine bytes (RFC 9113 §4.1) before
/// anybody unpacks them. Each costs points; who has none left is cut off. Answers that are taken give points back, so a
/// connection that is used never runs out, however long it stands, and no clock is needed. Pure.
package struct FrameMeter: Sendable {
  /// What resetting a stream costs: the client's RST_STREAM, and a broken rule that makes the door send one.
  package static let resetPoints = 4
  /// What an answer gives that was taken to its end, and each of its parts of a frame's size: a client may say of both the
  /// connection and the stream that it has room for more.
  package static let answerPoints = 8
  package static let answerPartPoints = 2
  /// DATA with fewer bytes that does not end its stream is a frame for nothing.
  package static let smallDataBytes = 32

  private static let prefaceBytes = 24
  private static let headerBytes = 9
  private static let partBytes = 16_384

  private let limits: EdgeLimits
  private var points: Int
  private var prefaceLeft = Self.prefaceBytes
  private var header: [UInt8] = []
  private var payloadLeft = 0
  private var isData = false
  /// A head has begun that another frame goes on with.
  private var isInHead = false
  private var continuations = 0
  /// Frames begun, but for those that go on with a head.
  package private(set) var frames: UInt64 = 0

  package init(limits: EdgeLimits) {
    self.limits = limits
    points = limits.framePointsMax
    header.reserveCapacity(Self.headerBytes)
  }

  /// Whether the rest of a frame that holds up all others must come: any but DATA, which has its stream's own time.
  package var isWaiting: Bool { !header.isEmpty || isInHead || (payloadLeft > 0 && !isData) }

  /// Looks at the next bytes.
  /// - Returns: what was too much; then nothing more is to be read.
  package mutating func read(_ bytes: ByteBufferView) -> ConnectionFault? {
    var rest = bytes[...]
    while !rest.isEmpty {
      if prefaceLeft > 0 {
        let part = min(prefaceLeft, rest.count)
        prefaceLeft -= part
        rest = rest.dropFirst(part)
      } else if payloadLeft > 0 {
        let part = min(payloadLeft, rest.count)
        payloadLeft -= part
        rest = rest.dropFirst(part)
      } else {
        let part = rest.prefix(Self.headerBytes - header.count)
        header += part
        rest = rest.dropFirst(part.count)
        guard header.count == Self.headerBytes else { return nil }
        if let fault = begin() { return fault }
        header.removeAll(keepingCapacity: true)
      }
    }
    return nil
  }

  /// Takes points for what no frame alone shows.
  package mutating func spend(_ cost: Int, _ kind: ConnectionFault) -> ConnectionFault? {
    guard cost <= points else { return kind }
    points -= cost
    return nil
  }

  /// The client took a whole answer.
  package mutating func reward(answerBytes: Int) {
    let parts = answerBytes / Self.partBytes
    points = min(
      limits.framePointsMax, points + Self.answerPoints + parts * Self.answerPartPoints)
  }

  private mutating func begin() -> ConnectionFault? {
    payloadLeft = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
    let (kind, flags) = (header[3], header[4])
    isData = kind == 0
    if kind != 9 { frames &+= 1 }
    switch kind {
    case 0:
      let endsStream = flags & 1 == 1
      return payloadLeft < Self.smallDataBytes && !endsStream ? spend(1, .emptyData) : nil
    case 1:
      isInHead = flags & 4 == 0
      continuations = 0
      return nil
    case 2: return spend(1, .priorities)
    case 3: return spend(Self.resetPoints, .rapidReset)
    case 4: return spend(2, .settings)
    case 6: return spend(2, .pings)
    case 8: return spend(1, .windowUpdates)
    case 9:
      isInHead = flags & 4 == 0
      continuations += 1
      return continuations > limits.continuationsMax ? .continuations : spend(1, .continuations)
    default: return spend(1, .otherFrames)
    }
  }
}

/// Lets a connection's bytes through as long as its points last. It stands between TLS and the HTTP/2 library. A class,
/// because NIO's handlers are.
final class FrameGate: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  var meter: FrameMeter
  /// From here on whatever comes is dropped.
  var isShut = false
  /// Since when the rest of a frame is waited for.
  private(set) var waitsSince: NIODeadline?
  private var waitsFor: UInt64 = 0

  init(limits: EdgeLimits) { meter = FrameMeter(limits: limits) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isShut else { return }
    if let fault = meter.read(unwrapInboundIn(data).readableBytesView) {
      isShut = true
      context.fireUserInboundEventTriggered(fault)
      return
    }
    if !meter.isWaiting {
      waitsSince = nil
    } else if waitsSince == nil || waitsFor != meter.frames {
      (waitsSince, waitsFor) = (.now(), meter.frames)
    }
    context.fireChannelRead(data)
  }
}
