import Chassis
import HTTPLine
import NIOCore
import NIOPosix
import NIOSSL
import PolicyEngine
import PolicyServer
import Synchronization
import Telemetry
import Vocabulary

/// A policy server on a real socket, and what its decision log says.
struct Stand {
  let service: PolicyService
  let server: PolicyServer
  let log: DecisionLog
  let lines: LineBox

  var port: Int { server.port }

  /// On a machine that is full of tests everything takes longer; a test of a limit sets its own.
  private static var patient: DoorLimits {
    var limits = DoorLimits.policyServer
    limits.handshakeMax = .seconds(60)
    limits.requestReadMax = .seconds(60)
    limits.answerWriteMax = .seconds(60)
    return limits
  }

  /// With a server that goes away afterwards.
  static func with<Result>(
    _ modules: [String: String] = [:], data: String = "{}",
    authorization: RequestAuthorization = .off, authentication: RequestAuthentication = .off,
    limits: PolicyServerLimits = PolicyServerLimits(),
    connections: DoorLimits = Self.patient, tls: PolicyServerTLS? = nil,
    _ body: (Stand) async throws -> Result
  ) async throws -> Result {
    let lines = LineBox()
    let log = DecisionLog(
      labels: [("id", .string("stand"))],
      log: Log(service: "policy", sink: LogSink { _ in }, clock: .system)
    ) { bytes in
      lines.add(bytes)
      return true
    }
    let store = try PolicyStore(
      modules: modules.map { (file: $0.key, source: $0.value) },
      data: try Value.parse(json: data.utf8), limits: limits)
    let service = PolicyService(
      store, authorization: authorization, labels: [("id", .string("stand"))], version: "1",
      decisionLog: log, clock: .system, randomness: .system)
    let server = try await PolicyServer.listen(
      host: "127.0.0.1", port: 0, service: service, authentication: authentication,
      tls: try tls?.context(), limits: connections, group: MultiThreadedEventLoopGroup.singleton)
    do {
      let result = try await body(
        Stand(service: service, server: server, log: log, lines: lines))
      await server.drain(within: .seconds(5))
      await service.stop()
      return result
    } catch {
      await server.drain(within: .zero)
      await service.stop()
      throw error
    }
  }

  /// One request on a connection of its own.
  func ask(
    _ method: String, _ target: String, _ body: String = "", headers: [(String, String)] = []
  ) async throws -> Answer {
    let caller = try await Caller.connect(port: port)
    defer { caller.close() }
    return try await caller.ask(method, target, body, headers: headers)
  }

  /// The decision log so far.
  func decisions() throws -> [Value] {
    log.flush()
    return try lines.all.map { try Value.parse(json: $0.utf8) }
  }
}

/// Lines that a log wrote.
final class LineBox: Sendable {
  private let bytes = Mutex<[UInt8]>([])
  func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }
  var all: [String] {
    String(decoding: bytes.withLock { $0 }, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

struct Answer: Sendable {
  let status: Int
  let fields: [String: String]
  let body: String

  var json: Value? { try? Value.parse(json: body.utf8) }

  subscript(_ name: String) -> Value? {
    if case .object(let members)? = json { members[name] } else { nil }
  }
}

/// A client that writes exactly the bytes it is given.
struct Caller: Sendable {
  enum Silence: Error { case closed, timeout }

  let channel: any Channel
  private let inbox: Inbox

  /// - Parameter receiveBytes: what the system may keep for us before we read it; nil: its choice.
  static func connect(
    port: Int, tls: TLSConfiguration? = nil, receiveBytes: CInt? = nil
  ) async throws -> Caller {
    let inbox = Inbox()
    let context = try tls.map { try NIOSSLContext(configuration: $0) }
    let plain = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    let bootstrap =
      receiveBytes.map {
        plain.channelOption(.socketOption(.so_rcvbuf), value: SocketOptionValue($0))
      } ?? plain
    let channel = try await bootstrap.channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        let pipeline = channel.pipeline.syncOperations
        if let context {
          try pipeline.addHandler(
            NIOSSLClientHandler(context: context, serverHostname: "localhost"))
        }
        try pipeline.addHandler(InboxHandler(inbox))
      }
    }.connect(host: "127.0.0.1", port: port).get()
    return Caller(channel: channel, inbox: inbox)
  }

  func write(_ text: String) async throws { try await write(bytes: Array(text.utf8)) }

  func write(bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  func ask(
    _ method: String, _ target: String, _ body: String = "", headers: [(String, String)] = []
  ) async throws -> Answer {
    let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
    try await write(
      "\(method) \(target) HTTP/1.1\r\nhost: localhost\r\n\(fields)"
        + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
    return try await next()
  }

  /// The next whole answer; fails after twenty seconds, or when the connection ends before.
  func next() async throws -> Answer {
    for _ in 0..<10_000 {
      // What came before the end counts.
      let isClosed = inbox.isClosed
      if let answer = inbox.take() { return answer }
      if isClosed { throw Silence.closed }
      try await Task.sleep(for: .milliseconds(2))
    }
    throw Silence.timeout
  }

  func untilClosed() async -> Bool {
    for _ in 0..<5_000 {
      if inbox.isClosed { return true }
      try? await Task.sleep(for: .milliseconds(2))
    }
    return false
  }

  func close() { channel.close(promise: nil) }
}

/// Bytes that came, for the test to look at from its own thread.
private final class Inbox: Sendable {
  private let state = Mutex((bytes: [UInt8](), isClosed: false))
  var isClosed: Bool { state.withLock { $0.isClosed } }
  func add(_ bytes: some Sequence<UInt8>) { state.withLock { $0.bytes += bytes } }
  func end() { state.withLock { $0.isClosed = true } }

  func take() -> Answer? {
    state.withLock { state in
      // Heads are short; a body may be long, and is not looked through again and again.
      let start = state.bytes.prefix(16_384)
      let text = String(decoding: start, as: UTF8.self)
      guard let split = text.firstRange(of: "\r\n\r\n") else { return nil }
      let head = text[..<split.upperBound].utf8.count
      let lines = text[..<split.lowerBound].split(separator: "\r\n")
      var fields: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        fields[parts[0].lowercased()] = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
      }
      let length = Int(fields["content-length"] ?? "0") ?? 0
      guard state.bytes.count >= head + length else { return nil }
      let body = String(decoding: state.bytes[head..<(head + length)], as: UTF8.self)
      state.bytes.removeFirst(head + length)
      return Answer(
        status: Int(lines[0].split(separator: " ")[1]) ?? 0, fields: fields, body: body)
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
  func channelInactive(context: ChannelHandlerContext) { inbox.end() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

/// JSON in a test's source.
func json(_ text: String) throws -> Value { try Value.parse(json: text.utf8) }
