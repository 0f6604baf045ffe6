import HTTPLine
import NIOCore
import NIOPosix
import PolicyClient
import PolicyEngine
import PolicyServer
import Synchronization
import Testing

@Suite struct `A remote policy` {
  static let policy = [
    "authz.rego": """
    package authz

    allow if input.user == "ada"

    echo := input

    conflict := 1 if true

    conflict := 2 if true
    """
  ]

  /// A busy machine has time: tests of time set their own.
  private static var patient: RemotePolicyLimits {
    var limits = RemotePolicyLimits()
    limits.deadline = .seconds(20)
    limits.line.connectMax = .seconds(20)
    return limits
  }

  private func remote(
    _ port: Int, limits: RemotePolicyLimits = Self.patient,
    token: @escaping @Sendable () -> String? = { nil }
  ) throws -> RemotePolicy {
    try RemotePolicy(
      RemotePolicyAddress("http://127.0.0.1:\(port)"), limits: limits,
      group: MultiThreadedEventLoopGroup.singleton, token: token)
  }

  @Test func `gives decisions`() async throws {
    try await Stand.with(Self.policy) { stand in
      let remote = try remote(stand.port)
      let allowed = try await remote.decide("authz/allow", input: json(#"{"user":"ada"}"#))
      #expect(allowed.isAllowed)
      #expect(allowed.result == .bool(true))
      #expect(allowed.decisionID != nil)
      let undefined = try await remote.decide("/authz/allow/", input: json(#"{"user":"bob"}"#))
      #expect(undefined.result == nil && !undefined.isAllowed)
      let input = try json(#"{"a b":[1.50,{"x":"é\n"}],"n":123456789012345678901234567890}"#)
      let echo = try await remote.decide("authz/echo", input: input)
      #expect(echo.result == input && !echo.isAllowed)
      remote.close()
    }
  }

  @Test func `is asked by many at once, over few connections`() async throws {
    var limits = RemotePolicyLimits()
    limits.line.connectionsMax = 3
    limits.deadline = .seconds(20)
    var connections = DoorLimits.policyServer
    connections.connectionsMax = 3
    try await Stand.with(Self.policy, connections: connections) { [limits] stand in
      let remote = try remote(stand.port, limits: limits)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<200 {
          group.addTask {
            let decision = try await remote.decide("authz/echo", input: .integer(number))
            #expect(decision.result == .integer(number))
          }
        }
        try await group.waitForAll()
      }
      remote.close()
    }
  }

  @Test func `says why there is no decision`() async throws {
    var limits = PolicyServerLimits()
    limits.bodyBytesMax = 1_000
    try await Stand.with(Self.policy, limits: limits) { stand in
      let remote = try remote(stand.port)
      func failure(_ path: String, _ input: Value = .null) async throws -> RemotePolicyFailure? {
        do {
          _ = try await remote.decide(path, input: input)
          return nil
        } catch {
          return error
        }
      }
      #expect(
        try await failure("authz/conflict")
          == .refused(
            status: 500, code: "internal_error", message: "error(s) occurred while evaluating query"
          ))
      guard
        case .refused(413, "content_too_large", _)? = try await failure(
          "authz/echo", .string(String(repeating: "x", count: 2_000)))
      else {
        Issue.record("a body that is too large was taken")
        return
      }
      #expect(
        try await failure("authz/echo", .string(String(repeating: "x", count: 2 << 20)))
          == .tooLarge)
      remote.close()
    }
  }

  @Test func `sends its token, and is refused without`() async throws {
    let policy = Self.policy.merging([
      "system.rego":
        "package system.authz\n\ndefault allow := false\n\nallow if input.identity == \"t0\"\n"
    ]) { $1 }
    try await Stand.with(policy, authorization: .basic, authentication: .token) { stand in
      let good = try remote(stand.port, token: { "t0" })
      #expect(try await good.decide("authz/echo", input: .integer(1)).result == .integer(1))
      for token in [nil, "t1"] {
        let bad = try remote(stand.port, token: { token })
        await #expect(
          throws: RemotePolicyFailure.refused(
            status: 401, code: "unauthorized", message: "request rejected by administrative policy")
        ) { try await bad.decide("authz/echo", input: .null) }
        bad.close()
      }
      let broken = try remote(stand.port, token: { "t0\r\nx: y" })
      await #expect(throws: RemotePolicyFailure.self) {
        try await broken.decide("authz/echo", input: .null)
      }
      good.close()
    }
  }

  @Test func `is proven by its certificate, and shows one`() async throws {
    let files = try Certificates()
    defer { files.remove() }
    let tls = PolicyServerTLS(
      certificateFile: files.path("server.pem"), keyFile: files.path("server.key"),
      callerAuthorityFile: files.path("ca.pem"))
    try await Stand.with(Self.policy, authentication: .tls, tls: tls) { stand in
      func ask(_ host: String, _ authority: String, _ name: String?) async throws -> Bool {
        let remote = try RemotePolicy(
          RemotePolicyAddress("https://\(host):\(stand.port)"),
          trust: RemotePolicyTrust(
            authorityFile: files.path(authority),
            certificateFile: name.map { files.path("\($0).pem") },
            keyFile: name.map { files.path("\($0).key") }),
          limits: Self.patient, group: MultiThreadedEventLoopGroup.singleton)
        defer { remote.close() }
        return try await remote.decide("authz/allow", input: json(#"{"user":"ada"}"#)).isAllowed
      }
      for host in ["localhost", "127.0.0.1"] {
        let isAllowed = try await ask(host, "ca.pem", "teller")
        #expect(isAllowed)
      }
      await #expect(throws: RemotePolicyFailure.notTheServer) {
        try await ask("localhost", "other.pem", "teller")
      }
      await #expect(throws: RemotePolicyFailure.self) {
        try await ask("localhost", "ca.pem", nil)
      }
      await #expect(throws: RemotePolicyFailure.self) {
        try await ask("localhost", "none.pem", "teller")
      }
    }
  }

  @Test(
    arguments: [
      (
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        "refused"
      ),
      ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue", "malformed"),
      ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"result\"", "malformed"),
      (
        "HTTP/1.1 200 OK\r\ncontent-length: 33\r\n\r\n{\"result\":false,  \"result\": true}",
        "malformed"
      ),
      ("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nOops", "refused"),
      (
        "HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n" + String(repeating: " ", count: 90_000),
        "large"
      ),
      ("SSH-2.0-x\r\n\r\n", "malformed"), ("", "lost"), ("HTTP/1.1 200 OK\r\n", "deadline"),
    ])
  func `believes nothing else`(_ text: String, _ kind: String) async throws {
    let liar = try await Liar.listen(saying: text, closes: kind == "lost")
    var limits = RemotePolicyLimits()
    limits.line.answerBytesMax = 50_000
    limits.line.connectMax = .seconds(20)
    // Short where it is what is waited for; else a busy machine has time.
    limits.deadline = kind == "deadline" ? .milliseconds(300) : .seconds(20)
    let remote = try remote(liar.port, limits: limits)
    do {
      let decision = try await remote.decide("x", input: .null)
      Issue.record("\(decision)")
    } catch {
      switch error {
      case .refused: #expect(kind == "refused")
      case .answerMalformed: #expect(kind == "malformed")
      case .tooLarge: #expect(kind == "large")
      case .answerLost: #expect(kind == "lost")
      case .deadlineExceeded: #expect(kind == "deadline")
      default: Issue.record("\(error)")
      }
    }
    remote.close()
    await liar.close()
  }

  @Test func `is asked once more where a kept connection was closed under the question`()
    async throws
  {
    // It answers one question on each connection, and closes when the next one comes.
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"result\":true}"
    let liar = try await Liar.listen(saying: answer, closes: false, answersMax: 1)
    let remote = try remote(liar.port)
    for _ in 0..<3 {
      #expect(try await remote.decide("x", input: .null).isAllowed)
    }
    #expect(liar.connections == 3)
    remote.close()
    await liar.close()
  }

  @Test func `is not there, and nobody waits for ever`() async throws {
    let liar = try await Liar.listen(saying: "", closes: false)
    await liar.close()
    let remote = try remote(liar.port)
    await #expect(throws: RemotePolicyFailure.unreachable) {
      try await remote.decide("x", input: .null)
    }
    remote.close()
    await #expect(throws: RemotePolicyFailure.unreachable) {
      try await remote.decide("x", input: .null)
    }
  }

  @Test func `refuses more questions than may wait`() async throws {
    let silent = try await Liar.listen(saying: nil, closes: false)
    var limits = RemotePolicyLimits()
    limits.line.connectionsMax = 1
    limits.line.waitingMax = 2
    limits.deadline = .milliseconds(500)
    let remote = try remote(silent.port, limits: limits)
    let failures = await withTaskGroup(of: RemotePolicyFailure?.self) { group in
      for _ in 0..<10 {
        group.addTask {
          do throws(RemotePolicyFailure) {
            _ = try await remote.decide("x", input: .null)
            return nil
          } catch {
            return error
          }
        }
      }
      return await group.reduce(into: [RemotePolicyFailure?]()) { $0.append($1) }
    }
    #expect(failures.count { $0 == .overloaded } == 7)
    #expect(failures.count { $0 == .deadlineExceeded } == 3)
    remote.close()
    await silent.close()
  }
}

/// A server that says the same to everybody.
private final class Liar: Sendable {
  private let listener: any Channel
  private let count: Counted
  let port: Int

  private init(_ listener: any Channel, _ count: Counted, _ port: Int) {
    self.listener = listener
    self.count = count
    self.port = port
  }

  var connections: Int { count.made.load(ordering: .relaxed) }

  /// - Parameters:
  ///   - text: nil: nothing is ever said.
  ///   - answersMax: on one connection; the next question closes it.
  static func listen(saying text: String?, closes: Bool, answersMax: Int = .max) async throws
    -> Liar
  {
    let count = Counted()
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        count.made.wrappingAdd(1, ordering: .relaxed)
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            Parrot(text: text, closes: closes, answersMax: answersMax))
        }
      }.bind(host: "127.0.0.1", port: 0).get()
    return Liar(listener, count, listener.localAddress?.port ?? 0)
  }

  func close() async { try? await listener.close() }

  final class Counted: Sendable {
    let made = Atomic<Int>(0)
  }

  private final class Parrot: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let text: String?
    private let closes: Bool
    private var left: Int

    init(text: String?, closes: Bool, answersMax: Int) {
      self.text = text
      self.closes = closes
      left = answersMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard let text else { return }
      guard left > 0, !closes else { return context.close(promise: nil) }
      left -= 1
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
  }
}
