import NIOCore

/// Stands before TLS until the client's first message is whole, and refuses who speaks none of our protocols:
/// RFC 7301 §3.2 wants `no_application_protocol` then, where the TLS library would go on without one, and the client
/// would speak HTTP/2 to somebody who does not. A class, because NIO's handlers are; it leaves after the first message.
final class ProtocolGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var gathered = ByteBuffer()

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    gathered.writeBuffer(&bytes)
    switch ClientHello.look(at: gathered.readableBytesView) {
    case .incomplete: return
    case .refused:
      let alert = ByteBuffer(bytes: ClientHello.noApplicationProtocol)
      gathered = ByteBuffer()
      let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.writeAndFlush(wrapOutboundOut(alert)).whenComplete { _ in
        bound.value.close(promise: nil)
      }
    case .passed:
      // First the bytes, then the handler, so that none can overtake.
      context.fireChannelRead(wrapInboundOut(gathered))
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
  }
}

/// Looks at a ClientHello (RFC 8446 §4.1.2) for one thing: whether it offers protocols (RFC 7301) and ours is not among
/// them. Everything else is the TLS library's to judge, so whatever is not understood here passes.
enum ClientHello {
  enum Finding: Hashable { case incomplete, passed, refused }

  /// Ours, as it stands in a ClientHello.
  static let ours = Array("http/1.1".utf8)
  /// Most bytes that are waited for; a longer first message passes unread.
  static let bytesMax = 16_384
  /// A record with the fatal alert 120.
  static let noApplicationProtocol: [UInt8] = [21, 3, 3, 0, 2, 2, 120]

  static func look(at bytes: ByteBufferView) -> Finding {
    var message: [UInt8] = []
    var rest = bytes[...]
    // A handshake message may come in several records.
    while true {
      guard rest.count >= 5 else { return isLong(bytes) ? .passed : .incomplete }
      let at = rest.startIndex
      guard rest[at] == 22 else { return .passed }
      let length = Int(rest[at + 3]) << 8 | Int(rest[at + 4])
      guard length > 0, length <= bytesMax else { return .passed }
      let record = rest.dropFirst(5).prefix(length)
      message += record
      if message.count >= 4 {
        let needed = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
        guard message[0] == 1, needed <= bytesMax else { return .passed }
        if message.count >= 4 + needed { return judge(message[4..<(4 + needed)]) }
      }
      guard record.count == length else { return isLong(bytes) ? .passed : .incomplete }
      rest = rest.dropFirst(5 + length)
    }
  }

  private static func isLong(_ bytes: ByteBufferView) -> Bool { bytes.count >= 2 * bytesMax }

  private static func judge(_ body: ArraySlice<UInt8>) -> Finding {
    var body = body
    // legacy_version and random, then session id, cipher suites, compression methods.
    guard body.count > 34 else { return .passed }
    body = body.dropFirst(34)
    guard vector(&body, lengthBytes: 1) != nil, vector(&body, lengthBytes: 2) != nil,
      vector(&body, lengthBytes: 1) != nil, var extensions = vector(&body, lengthBytes: 2)
    else { return .passed }
    while extensions.count >= 4 {
      let kind =
        Int(extensions[extensions.startIndex]) << 8
        | Int(extensions[extensions.startIndex + 1])
      extensions = extensions.dropFirst(2)
      guard var content = vector(&extensions, lengthBytes: 2) else { return .passed }
      guard kind == 16 else { continue }
      guard var names = vector(&content, lengthBytes: 2), !names.isEmpty else { return .passed }
      while !names.isEmpty {
        guard let name = vector(&names, lengthBytes: 1) else { return .passed }
        if name.elementsEqual(ours) { return .passed }
      }
      return .refused
    }
    return .passed
  }

  /// Takes a vector (RFC 8446 §3.4) off the front; nil when it is not whole.
  private static func vector(
    _ bytes: inout ArraySlice<UInt8>, lengthBytes: Int
  ) -> ArraySlice<UInt8>? {
    guard bytes.count >= lengthBytes else { return nil }
    let length = bytes.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
    let rest = bytes.dropFirst(lengthBytes)
    guard rest.count >= length else { return nil }
    bytes = rest.dropFirst(length)
    return rest.prefix(length)
  }
}
