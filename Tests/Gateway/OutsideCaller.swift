import NIOCore
import NIOPosix
import NIOSSL
import StrictJSON
import Synchronization
import Vocabulary

/// An answer as the outside sees it.
struct OutsideAnswer {
  let status: Int
  let fields: [String: String]
  let content: String

  var json: JSON? { try? JSON.parse(Array(content.utf8)) }
  var slug: String? { json?["type"]?.string.map { String($0.dropFirst(Problem.typePrefix.count)) } }
}

/// A client that writes exactly the bytes it is given, over TLS.
struct OutsideCaller: Sendable {
  let channel: any Channel
  private let inbox: Inbox

  static func connect(
    port: Int, trusting authority: [UInt8], version: TLSVersion, group: any EventLoopGroup,
    from source: String = "127.0.0.1"
  ) async throws -> OutsideCaller {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates([
      try NIOSSLCertificate(bytes: authority, format: .der)
    ])
    configuration.minimumTLSVersion = .tlsv12
    configuration.maximumTLSVersion = version
    let context = try NIOSSLContext(configuration: configuration)
    let inbox = Inbox()
    let channel = try await ClientBootstrap(group: group).bind(
      to: SocketAddress(ipAddress: source, port: 0)
    ).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers([
          try NIOSSLClientHandler(context: context, serverHostname: "localhost"),
          InboxHandler(inbox),
        ])
      }
    }.connect(host: "127.0.0.1", port: port).get()
    return OutsideCaller(channel: channel, inbox: inbox)
  }

  func write(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text))
  }

  func ask(_ text: String) async throws -> OutsideAnswer {
    try await write(text)
    return try await next()
  }

  /// The next whole answer; fails after five seconds or when the connection ends before.
  func next(hasContent: Bool = true) async throws -> OutsideAnswer {
    for _ in 0..<1_000 {
      if let answer = inbox.take(hasContent: hasContent) { return answer }
      if inbox.isClosed {
        if let answer = inbox.take(hasContent: hasContent) { return answer }
        throw Silence.closed
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw Silence.timeout
  }

  enum Silence: Error { case closed, timeout }

  var isClosed: Bool { inbox.isClosed }

  func untilClosed() async -> Bool {
    for _ in 0..<1_000 {
      if inbox.isClosed { return true }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  /// Says that nothing more will come, and goes on reading.
  func endInput() async throws { try await channel.close(mode: .output) }

  func close() { channel.close(promise: nil) }
}

/// Bytes that came, for the test to look at from its own thread.
private final class Inbox: Sendable {
  private let state = Mutex((bytes: [UInt8](), isClosed: false))
  var isClosed: Bool { state.withLock { $0.isClosed } }
  func add(_ bytes: some Sequence<UInt8>) { state.withLock { $0.bytes += bytes } }
  func end() { state.withLock { $0.isClosed = true } }

  func take(hasContent: Bool) -> OutsideAnswer? {
    state.withLock { state in
      let end = Array("\r\n\r\n".utf8)
      guard
        let split = state.bytes.indices.first(where: { state.bytes[$0...].starts(with: end) })
      else { return nil }
      let lines = String(decoding: state.bytes[..<split], as: UTF8.self)
        .split(separator: "\r\n").map(String.init)
      var fields: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
        fields[parts[0]] = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
      }
      let length = hasContent ? Int(fields["content-length"] ?? "0") ?? 0 : 0
      guard state.bytes.count >= split + 4 + length else { return nil }
      let content = String(
        decoding: state.bytes[(split + 4)..<(split + 4 + length)], as: UTF8.self)
      state.bytes.removeFirst(split + 4 + length)
      return OutsideAnswer(
        status: Int(lines[0].split(separator: " ")[1]) ?? 0, fields: fields, content: content)
    }
  }
}

private final class InboxHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let inbox: Inbox
  init(_ inbox: Inbox) { self.inbox = inbox }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    inbox.add(unwrapInboundIn(data).readableBytesView)
  }
  func channelInactive(context: ChannelHandlerContext) {
    inbox.end()
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    inbox.end()
    context.close(promise: nil)
  }
}
