import Crypto
import FoundationEssentials
import Glibc
import Synchronization
import SwiftProtobuf
import Telemetry
import TestKit
import Testing
import Vocabulary
import Workload
import WorkloadAPI
import WorkloadIdentity

private func socketPath() -> String { "/tmp/sr-\(hexText(Randomness.system.bytes(6))).sock" }

@Suite struct `A gRPC call over a Unix socket` {
  @Test func `shows the server who is calling, by the kernel's word`() async throws {
    let path = socketPath()
    let server = try await GRPCServer.listen(path: path) { call in
      try await call.send(Array("\(call.peer.pid) \(call.peer.uid)".utf8))
    }
    let client = try await GRPCClient.connect(path: path)
    let answer = try await client.call("/Test/Who", [], timeout: .seconds(5))
    #expect(String(decoding: answer, as: UTF8.self) == "\(getpid()) \(getuid())")
    client.close()
    await server.close()
  }

  @Test func `streams messages in order and ends with the status`() async throws {
    let path = socketPath()
    let server = try await GRPCServer.listen(path: path) { call in
      for number in 0..<5 { try await call.send(call.message + [UInt8(number)]) }
      throw GRPCStatus.permissionDenied("enough: 100%")
    }
    let client = try await GRPCClient.connect(path: path)
    var received: [[UInt8]] = []
    await #expect(throws: GRPCStatus(code: 7, "enough: 100%25")) {
      for try await message in client.messages("/Test/Stream", [42]) { received.append(message) }
    }
    #expect(received == (0..<5).map { [42, UInt8($0)] })
    client.close()
    await server.close()
  }

  @Test func `may be as long as the limit and not a byte longer`() async throws {
    let path = socketPath()
    var limits = GRPCLimits()
    limits.messageBytesMax = 1_000
    let server = try await GRPCServer.listen(path: path, limits: limits) { call in
      try await call.send([UInt8(call.message.count % 251)])
    }
    let client = try await GRPCClient.connect(path: path)
    let whole = try await client.call(
      "/Test/Long", [UInt8](repeating: 7, count: 1_000), timeout: .seconds(5))
    #expect(whole == [UInt8(1_000 % 251)])
    await #expect(throws: GRPCStatus(code: 8, "the message is too long")) {
      try await client.call("/Test/Long", [UInt8](repeating: 7, count: 1_001), timeout: .seconds(5))
    }
    client.close()
    await server.close()
  }

  @Test func `is cancelled on the server when the caller goes`() async throws {
    let path = socketPath()
    let ended = Mutex(false)
    let server = try await GRPCServer.listen(path: path) { call in
      try await call.send([1])
      do { try await Task.sleep(for: .seconds(30)) } catch { ended.withLock { $0 = true } }
    }
    let client = try await GRPCClient.connect(path: path)
    for try await _ in client.messages("/Test/Wait", []) { break }
    client.close()
    for _ in 0..<200 where !ended.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
    #expect(ended.withLock { $0 })
    await server.close()
  }

  @Test func `ends at its deadline`() async throws {
    let path = socketPath()
    let server = try await GRPCServer.listen(path: path) { _ in
      try await Task.sleep(for: .seconds(30))
    }
    let client = try await GRPCClient.connect(path: path)
    await #expect(throws: GRPCStatus.deadlineExceeded) {
      try await client.call("/Test/Slow", [], timeout: .milliseconds(100))
    }
    client.close()
    await server.close()
  }

  @Test func `refuses a path that does not fit into a socket address`() async throws {
    let long = "/tmp/" + String(repeating: "x", count: GRPCServer.pathBytesMax - 4)
    await #expect(throws: GRPCSocketError.pathTooLong) {
      _ = try await GRPCServer.listen(path: long) { _ in }
    }
  }
}

@Suite(.serialized) struct `A socket that everybody may open` {
  /// A preface and an empty SETTINGS frame (RFC 9113 §3.4).
  static let hello =
    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

  private static let echo: GRPCServer.Handler = { try await $0.send($0.message) }

  private func answers(_ path: String) async throws -> Bool {
    let client = try await GRPCClient.connect(path: path)
    defer { client.close() }
    return try await client.call("/Test/Echo", [7], timeout: .seconds(5)) == [7]
  }

  @Test(arguments: [[], hello])
  func `gives another process no more than its share, silent or not`(bytes: [UInt8]) async throws {
    let path = socketPath()
    let server = try await GRPCServer.listen(path: path, handler: Self.echo)
    let crowd = try SilentCrowd(300, at: path, saying: bytes)
    #expect(try await answers(path))
    #expect(crowd.untilLost(300 - GRPCLimits().connectionsPerProcessMax))
    #expect(try await answers(path))
    await server.close()
  }

  @Test func `lets a caller in where silent ones hold every place`() async throws {
    let path = socketPath()
    var limits = GRPCLimits()
    // As many processes as there are places would do; here one stands for them.
    limits.connectionsPerProcessMax = 1_000
    let server = try await GRPCServer.listen(path: path, limits: limits, handler: Self.echo)
    let crowd = try SilentCrowd(300, at: path)
    #expect(crowd.untilLost(300 - limits.connectionsMax))
    for _ in 0..<5 { #expect(try await answers(path)) }
    await server.close()
  }

  @Test func `closes who does not begin, and who goes silent and will not go`() async throws {
    let path = socketPath()
    var limits = GRPCLimits()
    (limits.prefaceMax, limits.idleMax) = (.milliseconds(300), .milliseconds(800))
    limits.farewellMax = .milliseconds(200)
    let server = try await GRPCServer.listen(path: path, limits: limits) { call in
      try await Task.sleep(for: .milliseconds(1_500))
      try await call.send(call.message)
    }
    let silent = try SilentCrowd(2, at: path)
    #expect(silent.untilLost(2))
    let idle = try SilentCrowd(2, at: path, saying: Self.hello)
    #expect(idle.untilLost(2))
    // A call that lasts longer is not silence.
    #expect(try await answers(path))
    await server.close()
  }
}

/// Users and processes that a test cannot be: the rule alone.
@Suite struct `The shares of a socket` {
  private static func peer(_ pid: Int32, _ uid: UInt32) -> PeerCredentials {
    PeerCredentials(pid: pid, uid: uid, gid: uid)
  }

  @Test func `bound a user with many processes, and keep places for root`() {
    let limits = GRPCLimits()
    var shares = SocketShares<Int>(limits: limits, trusted: [0, 500])
    var key = 0
    func enter(_ pid: Int32, _ uid: UInt32) -> SocketShares<Int>.Admission {
      key += 1
      return shares.enter(key, from: Self.peer(pid, uid))
    }
    for pid in 0..<Int32(limits.connectionsPerUserMax) {
      #expect(enter(pid, 1_000) == .admitted(instead: nil))
    }
    #expect(enter(99, 1_000) == .refused)
    // Many users together fill what is not kept.
    for uid in 1_001..<1_012 as Range<UInt32> {
      for pid in 0..<16 as Range<Int32> {
        #expect(enter(Int32(uid) * 100 + pid, uid) == .admitted(instead: nil))
      }
    }
    for key in 1...key { shares.hear(key) }
    #expect(enter(7, 2_000) == .refused, "each of them has as few as it would have")
    for pid in 1...Int32(limits.connectionsKept) {
      #expect(enter(-pid, pid % 2 == 0 ? 0 : 500) == .admitted(instead: nil))
    }
  }

  @Test func `let many services and commands of one user in`() {
    var shares = SocketShares<Int>(limits: GRPCLimits(), trusted: [0, 500])
    for key in 0..<200 {
      #expect(shares.enter(key, from: Self.peer(Int32(key / 4), 500)) == .admitted(instead: nil))
      shares.hear(key)
    }
    #expect(shares.enter(200, from: Self.peer(0, 500)) == .refused)
    for key in 200..<256 { _ = shares.enter(key, from: Self.peer(Int32(key / 4), 500)) }
    // Full: a silent one goes first, and then the oldest of who holds most.
    #expect(shares.enter(300, from: Self.peer(900, 500)) == .admitted(instead: 200))
    for key in 201..<256 { shares.hear(key) }
    shares.hear(300)
    #expect(shares.enter(301, from: Self.peer(901, 500)) != .refused)
  }
}

@Suite struct `A workload source` {
  let log = Log(
    service: "payments", sink: LogSink { _ in }, clock: Clock { Instant(seconds: 1_800_000_000) })

  static func answer(_ credentials: WorkloadCredentials) throws -> [UInt8] {
    try WorkloadX509SVIDResponse.with {
      $0.svids = [
        WorkloadX509SVID.with {
          $0.spiffeID = credentials.svid.id.description
          $0.x509Svid = Data(credentials.svid.chain.flatMap { $0 })
          $0.x509SvidKey = credentials.svid.privateKey.derRepresentation
          $0.bundle = Data(credentials.bundle.authorityBytes.flatMap { $0 })
        }
      ]
    }.serializedBytes()
  }

  @Test func `waits for an authority that starts late, then follows its rotations`() async throws {
    let path = socketPath()
    let now = Instant(seconds: 1_800_000_000)
    let authority = try MeshAuthority(at: now)
    let first = try authority.credentials(for: "payments", at: now)
    let second = try authority.credentials(for: "payments", at: now)
    async let connecting = WorkloadSource.connect(socket: path, log: log)
    try await Task.sleep(for: .milliseconds(200))
    let rotate = Mutex(false)
    let server = try await GRPCServer.listen(path: path) { call in
      guard call.metadata("workload.spiffe.io") == "true" else {
        throw GRPCStatus.invalidArgument("security header missing")
      }
      try await call.send(try Self.answer(first))
      while !rotate.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
      try await call.send(try Self.answer(second))
      try await Task.sleep(for: .seconds(60))
    }
    let source = try await connecting
    #expect(source.current.svid.chain == first.svid.chain)
    let updates = Mutex<[[UInt8]]>([])
    source.onUpdate { fresh in updates.withLock { $0.append(fresh.svid.chain[0]) } }
    rotate.withLock { $0 = true }
    for _ in 0..<300 where updates.withLock(\.isEmpty) {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(updates.withLock { $0 } == [second.svid.chain[0]])
    #expect(source.current.svid.chain == second.svid.chain)
    source.close()
    await server.close()
  }

  @Test func `says why when it is denied`() async throws {
    let path = socketPath()
    let server = try await GRPCServer.listen(path: path) { _ in
      throw GRPCStatus.permissionDenied("no identity issued")
    }
    await #expect(throws: WorkloadFailure.denied) {
      _ = try await WorkloadSource.connect(
        socket: path, log: log, firstFetchMax: .milliseconds(300))
    }
    await server.close()
  }

  @Test func `believes no key that is not the certificate's`() async throws {
    let path = socketPath()
    let now = Instant(seconds: 1_800_000_000)
    let authority = try MeshAuthority(at: now)
    let good = try authority.credentials(for: "payments", at: now)
    let swapped = WorkloadCredentials(
      svid: X509SVID(
        id: good.svid.id, chain: good.svid.chain, privateKey: P256.Signing.PrivateKey(),
        notBefore: good.svid.notBefore, notAfter: good.svid.notAfter), bundle: good.bundle)
    let server = try await GRPCServer.listen(path: path) { call in
      try await call.send(try Self.answer(swapped))
    }
    await #expect(throws: WorkloadFailure.malformedAnswer) {
      _ = try await WorkloadSource.connect(
        socket: path, log: log, firstFetchMax: .milliseconds(300))
    }
    await server.close()
  }
}
