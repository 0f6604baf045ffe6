import Drill
import Gateway
import NIOCore
import NIOHPACK
import NIOPosix
import NIOSSL
import Synchronization

/// A client of HTTP/2 that writes exactly the bytes it is given, over TLS.
struct StreamCaller: Sendable {
  static let refused: UInt32 = 7
  static let protocolError: UInt32 = 1
  static let calm: UInt32 = 11

  let channel: any Channel
  private let inbox: FrameInbox

  /// - Parameter settings: sent with the preface.
  static func connect(
    _ door: Door, from source: String = "127.0.0.1", preface: [UInt8] = StreamFrame.preface
  ) async throws -> StreamCaller {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates([
      try NIOSSLCertificate(bytes: door.edgeAuthority, format: .der)
    ])
    configuration.applicationProtocols = ["h2"]
    let context = try NIOSSLContext(configuration: configuration)
    let inbox = FrameInbox()
    let channel = try await ClientBootstrap(group: door.group).bind(
      to: SocketAddress(ipAddress: source, port: 0)
    ).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers([
          try NIOSSLClientHandler(context: context, serverHostname: "localhost"),
          FrameInboxHandler(inbox),
        ])
      }
    }.connect(host: "127.0.0.1", port: door.listener.port).get()
    let caller = StreamCaller(channel: channel, inbox: inbox)
    try await caller.write(preface)
    return caller
  }

  func write(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  /// A request on a stream of its own, and its whole answer.
  func ask(
    _ stream: UInt32, _ fields: [(String, String)], _ content: String? = nil
  ) async throws -> OutsideAnswer {
    try await write(
      StreamFrame.headers(stream, fields, endsStream: content == nil)
        + (content.map { StreamFrame.data(stream, $0) } ?? []))
    return try await answer(on: stream)
  }

  /// Fails after five seconds, or when stream or connection end before.
  func answer(on stream: UInt32) async throws -> OutsideAnswer {
    try await wait { inbox in
      if let answer = inbox.answers[stream], answer.isEnded { return answer.told }
      if let code = inbox.resets[stream] { throw Silence.reset(code) }
      if inbox.isClosed { throw Silence.closed }
      return nil
    }
  }

  /// With what code the door reset a stream.
  func reset(of stream: UInt32) async throws -> UInt32 {
    try await wait { inbox in
      if let code = inbox.resets[stream] { return code }
      if inbox.isClosed { throw Silence.closed }
      return nil
    }
  }

  /// With what the door ends the connection: the last stream that it looked at, and why.
  func goodbye() async throws -> (last: UInt32, code: UInt32) {
    try await wait { inbox in
      if let goodbye = inbox.goodbye { return goodbye }
      if inbox.isClosed { throw Silence.closed }
      return nil
    }
  }

  enum Silence: Error, Equatable { case closed, timeout, reset(UInt32) }

  private func wait<Found>(
    for look: (FrameInbox.State) throws -> Found?
  ) async throws -> Found {
    for _ in 0..<1_000 {
      if let found = try inbox.read(look) { return found }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw Silence.timeout
  }

  func untilClosed() async -> Bool {
    (try? await wait { $0.isClosed ? true : nil }) ?? false
  }
  var isClosed: Bool { inbox.read { $0.isClosed } }
  /// Bytes of content that came on a stream.
  func count(on stream: UInt32) -> Int {
    inbox.read { $0.answers[stream]?.content.count ?? 0 }
  }
  func close() { channel.close(promise: nil) }
}

/// What came, for the test to look at from its own thread.
private final class FrameInbox: Sendable {
  struct Answer {
    var status = 0
    var fields: [String: String] = [:]
    var content: [UInt8] = []
    var isEnded = false
    var told: OutsideAnswer {
      OutsideAnswer(
        status: status, fields: fields, content: String(decoding: content, as: UTF8.self))
    }
  }
  struct State {
    var bytes: [UInt8] = []
    var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    var answers: [UInt32: Answer] = [:]
    var resets: [UInt32: UInt32] = [:]
    var goodbye: (last: UInt32, code: UInt32)?
    var isClosed = false

    mutating func parse() {
      while bytes.count >= 9 {
        let length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        guard bytes.count >= 9 + length else { return }
        let (kind, flags) = (bytes[3], bytes[4])
        let stream = Self.number(bytes[5..<9]) & 0x7fff_ffff
        let payload = Array(bytes[9..<(9 + length)])
        bytes.removeFirst(9 + length)
        take(kind, flags, stream, payload)
      }
    }

    private mutating func take(
      _ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]
    ) {
      switch kind {
      case 0:
        answers[stream, default: Answer()].content += payload
        answers[stream]?.isEnded = flags & 1 == 1
      case 1:
        var block = ByteBuffer(bytes: payload)
        guard let section = try? decoder.decodeHeaders(from: &block) else { return }
        var answer = answers[stream, default: Answer()]
        for (name, value, _) in section { answer.fields[name] = value }
        answer.status = Int(answer.fields[":status"] ?? "") ?? 0
        answer.isEnded = flags & 1 == 1
        answers[stream] = answer
      case 3: resets[stream] = Self.number(payload[...])
      case 7: goodbye = (Self.number(payload[0..<4]), Self.number(payload[4..<8]))
      default: break
      }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
      bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }
  }
  private let state = Mutex(State())

  func read<Found>(_ look: (State) throws -> Found) rethrows -> Found {
    try state.withLock { try look($0) }
  }
  func add(_ bytes: some Sequence<UInt8>) {
    state.withLock { state in
      state.bytes += bytes
      state.parse()
    }
  }
  func end() { state.withLock { $0.isClosed = true } }
}

private final class FrameInboxHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let inbox: FrameInbox
  init(_ inbox: FrameInbox) { self.inbox = inbox }
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
