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
