import NIOCore
import NIOPosix
import NIOSSL
import Vocabulary

/// A caller that keeps no rule: any TLS version, any certificate or none, any bytes, and no look at who answers.
struct RawCaller {
  let host: String
  let port: Int
  /// Nil speaks plain TCP.
  let tls: TLSConfiguration?

  /// What came back before the peer closed or the time was up.
  enum Outcome: Sendable {
    case bytes([UInt8])
    case nothing(why: String)

    /// The status of an HTTP answer, if it is one.
    var status: Int? {
      guard case .bytes(let bytes) = self, bytes.starts(with: Array("HTTP/1.".utf8)) else {
        return nil
      }
      return Int(String(decoding: bytes.dropFirst(9).prefix(3), as: UTF8.self))
    }
    /// How many HTTP answers came.
    var answers: Int {
      guard case .bytes(let bytes) = self else { return 0 }
      return Self.answers(in: bytes)
    }
    static func answers(in bytes: [UInt8]) -> Int {
      String(decoding: bytes, as: UTF8.self).ranges(of: "HTTP/1.1 ").count
    }
    var text: String {
      switch self {
      case .bytes: status.map { "an HTTP answer \($0)" } ?? "bytes that are no HTTP answer"
      case .nothing(let why): why
      }
    }
  }

  static let answerBytesMax = 16_384

  /// - Parameters:
  ///   - pieces: sent one after the other, each after `pause`, the first after `first` where that is another.
  ///   - answers: how many to wait for.
  func send(
    _ pieces: [[UInt8]], pause: Duration = .zero, first: Duration? = nil,
    within limit: Duration = .seconds(3), answers: Int = 1
  ) async -> Outcome {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let done = loop.makePromise(of: Outcome.self)
    let tls = tls
    let bootstrap = ClientBootstrap(group: loop).connectTimeout(.seconds(2)).channelInitializer {
      channel in
      channel.eventLoop.makeCompletedFuture {
        let pipeline = channel.pipeline.syncOperations
        if let tls {
          try pipeline.addHandler(
            NIOSSLClientHandler(context: NIOSSLContext(configuration: tls), serverHostname: nil))
        }
        try pipeline.addHandler(Collector(done, answers: answers))
      }
    }
    do {
      let channel = try await bootstrap.connect(host: host, port: port).get()
      let late = loop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) {
        channel.pipeline.fireUserInboundEventTriggered(Collector.TimeIsUp())
      }
      let writing = Task {
        for (number, piece) in pieces.enumerated() {
          let wait = number == 0 ? first ?? pause : pause
          if wait > .zero { try await Task.sleep(for: wait) }
          try await channel.writeAndFlush(ByteBuffer(bytes: piece))
        }
      }
      let outcome = try await done.futureResult.get()
      writing.cancel()
      late.cancel()
      channel.close(promise: nil)
      return outcome
    } catch {
      done.succeed(.nothing(why: "no connection"))
      return .nothing(why: "no connection")
    }
  }

  /// The certificate of nobody in particular, and no look at the peer's.
  static func tls(
    _ versions: ClosedRange<Int> = 12...13, chain: [[UInt8]] = [], key: [UInt8]? = nil
  ) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    configuration.minimumTLSVersion = versions.lowerBound == 13 ? .tlsv13 : .tlsv12
    configuration.maximumTLSVersion = versions.upperBound == 12 ? .tlsv12 : .tlsv13
    configuration.applicationProtocols = ["http/1.1"]
    configuration.certificateChain = try chain.map {
      .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
    }
    if let key {
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .der))
    }
    return configuration
  }
}

/// Gathers what comes until there is an HTTP head, the peer closes, or time is up.
private final class Collector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  struct TimeIsUp: Sendable {}

  private var bytes: [UInt8] = []
  private var done: EventLoopPromise<RawCaller.Outcome>?

  private let answers: Int

  init(_ done: EventLoopPromise<RawCaller.Outcome>, answers: Int) {
    self.done = done
    self.answers = answers
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes += Array(unwrapInboundIn(data).readableBytesView)
    let isWhole =
      bytes.firstRange(of: Array("\r\n\r\n".utf8)) != nil
      && (answers == 1 || RawCaller.Outcome.answers(in: bytes) >= answers)
    if bytes.count > RawCaller.answerBytesMax || isWhole { finish(.bytes(bytes)) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish(
      bytes.isEmpty
        ? .nothing(why: error is NIOSSLError ? "the TLS handshake was refused" : "cut off")
        : .bytes(bytes))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish(bytes.isEmpty ? .nothing(why: "closed without a word") : .bytes(bytes))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is TimeIsUp {
      finish(bytes.isEmpty ? .nothing(why: "no answer") : .bytes(bytes))
    }
    context.fireUserInboundEventTriggered(event)
  }

  private func finish(_ outcome: RawCaller.Outcome) {
    done?.succeed(outcome)
    done = nil
  }
}
