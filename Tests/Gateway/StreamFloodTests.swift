import AuditAPI
import Drill
import Gateway
import NIOCore
import Testing
import Transport
import Vocabulary

@Suite struct `A connection of HTTP/2 that asks for nothing` {
  private static func times(_ count: Int, _ frame: [UInt8]) -> [UInt8] {
    Array(repeating: frame, count: count).flatMap { $0 }
  }
  private static let zeros = [UInt8](repeating: 0, count: 8)

  /// A head that fills the table for compression with one large entry, and names it so often (RFC 7541 §6.1).
  private static func bomb(_ count: Int) -> [UInt8] {
    let entry =
      [0x40] + StreamFrame.string("x") + StreamFrame.string(String(repeating: "y", count: 4_000))
    return StreamFrame.frame(
      1, 5, 1, StreamFrame.section(Door.health) + entry + [UInt8](repeating: 0xbe, count: count))
  }

  private static func streams(
    _ count: UInt32, _ bytes: (_ stream: UInt32) -> [UInt8]
  ) -> [UInt8] {
    (0..<count).flatMap { bytes(2 * $0 + 1) }
  }
  private static let resets = streams(200) {
    StreamFrame.headers($0, Door.health, endsStream: false) + StreamFrame.reset($0)
  }
  private static let broken = streams(200) {
    StreamFrame.headers($0, Door.health + [("te", "gzip")])
  }
  private static let pieces: [UInt8] =
    StreamFrame.frame(1, 1, 1, []) + times(2_000, StreamFrame.frame(9, 0, 1, [0]))
  private static let nothings: [UInt8] =
    StreamFrame.headers(1, Door.head("POST", "/login"), endsStream: false)
    + times(600, StreamFrame.data(1, "", endsStream: false))
  private static let priority: [UInt8] = StreamFrame.frame(2, 0, 1, Array(zeros.prefix(5)))
  private static let overlong: [UInt8] = StreamFrame.frame(1, 5, 1, [255, 255, 255, 255, 15])

  private static let floods: [(ConnectionFault, [UInt8])] = [
    (.rapidReset, resets), (.brokenStreams, broken), (.continuations, pieces),
    (.settings, times(600, StreamFrame.setting(4, 65_535))),
    (.pings, times(600, StreamFrame.frame(6, 0, 0, zeros))),
    (.priorities, times(600, priority)),
    (.windowUpdates, times(600, StreamFrame.windowUpdate(0, 1))),
    (.otherFrames, times(600, StreamFrame.frame(200, 0, 0, zeros))),
    (.emptyData, nothings), (.compression, bomb(12_000)), (.compression, overlong),
    (.brokenProtocol, StreamFrame.data(7, "a")), (.brokenProtocol, StreamFrame.frame(6, 0, 0, [1])),
  ]

  @Test func `is told to calm down and closed, on record by kind, and harms no other`() async throws
  {
    let door = try await Door(factor: 1_000)
    let bystander = try await StreamCaller.connect(door, from: "127.0.0.8")
    var stream: UInt32 = 1
    for (kind, bytes) in Self.floods {
      let caller = try await StreamCaller.connect(door, from: "127.0.0.7")
      try await caller.write(bytes)
      let goodbye = try await caller.goodbye()
      let own: Set<ConnectionFault> = [.compression, .brokenProtocol, .emptyData]
      #expect(own.contains(kind) || goodbye.code == StreamCaller.calm, "\(kind) \(goodbye)")
      #expect(goodbye.code != 0)
      #expect(await caller.untilClosed(), "\(kind)")
      #expect(door.records.all.contains { $0.reason == kind.rawValue }, "\(kind)")
      #expect(try await bystander.ask(stream, Door.health).status == 200)
      stream += 2
    }
    #expect(door.seen.all.isEmpty)
    bystander.close()
    await door.close()
  }

  @Test func `is counted after the first of a minute`() async throws {
    let door = try await Door(factor: 1_000)
    for _ in 0..<3 {
      let caller = try await StreamCaller.connect(door)
      try await caller.write(Self.times(600, StreamFrame.frame(6, 0, 0, Self.zeros)))
      #expect(try await caller.goodbye().code == StreamCaller.calm)
    }
    #expect(door.records.all.filter { $0.reason == "http2-pings" }.count == 1)
    let counted = door.refusals.close().filter { $0.reason == "http2-pings" }
    #expect(counted.map { $0.detail["count"] } == ["2"])
    await door.close()
  }

  @Test func `does not win a place for each stream that it resets`() async throws {
    var limits = EdgeLimits()
    limits.streamsMax = 10
    let door = try await Door(limits: limits, factor: 1_000) { _ in
      try? await Task.sleep(for: .seconds(2))
      return WireResponse(status: 200)
    }
    let token = try door.token()
    let caller = try await StreamCaller.connect(door)
    for number in 0..<10 as Range<UInt32> {
      try await caller.write(
        StreamFrame.headers(2 * number + 1, Door.get(token)) + StreamFrame.reset(2 * number + 1))
    }
    try await caller.write(StreamFrame.headers(201, Door.get(token)))
    #expect(try await caller.reset(of: 201) == StreamCaller.refused)
    #expect(door.seen.all.count <= 10)
    caller.close()
    await door.close()
  }

  @Test func `is closed when it takes no answer`() async throws {
    var limits = EdgeLimits()
    limits.answerWithin = .seconds(1)
    limits.answerBytesWaitingMax = 40_000
    let page = String(repeating: "x", count: 30_000)
    let door = try await Door(limits: limits, factor: 1_000) { _ in
      WireResponse(
        status: 200, headers: ["content-type": "application/json"],
        body: ByteBuffer(string: "\"\(page)\""))
    }
    let token = try door.token()
    let caller = try await StreamCaller.connect(
      door, preface: StreamFrame.preface + StreamFrame.setting(4, 0))
    for stream in [1, 3] as [UInt32] {
      try await caller.write(StreamFrame.headers(stream, Door.get(token)))
    }
    while door.seen.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
    try await Task.sleep(for: .milliseconds(200))
    // More than 40,000 bytes wait: nobody asks for more until they are taken.
    try await caller.write(StreamFrame.headers(5, Door.get(token)))
    #expect(try await caller.reset(of: 5) == StreamCaller.refused)
    #expect(try await caller.goodbye().code == StreamCaller.calm)
    #expect(await caller.untilClosed())
    #expect(door.records.all.contains { $0.reason == "http2-unread-answers" })
    #expect(door.seen.all.count == 2 && caller.count(on: 1) == 0)
    await door.close()
  }

  @Test func `is closed when a frame does not become whole`() async throws {
    var limits = EdgeLimits()
    limits.headWithin = .seconds(2)
    let door = try await Door(limits: limits)
    for (bytes, kind) in [
      (Array(StreamFrame.headers(1, Door.health).dropLast(1)), ConnectionFault.slowFrame),
      (StreamFrame.frame(1, 1, 1, StreamFrame.section(Door.health)), .slowFrame),
    ] {
      let caller = try await StreamCaller.connect(door)
      try await caller.write(bytes)
      #expect(try await caller.goodbye().code == StreamCaller.calm)
      #expect(door.records.all.contains { $0.reason == kind.rawValue })
    }
    let silent = try await StreamCaller.connect(door, preface: Array("PRI * HTTP".utf8))
    #expect(await silent.untilClosed())
    await door.close()
  }
}

@Suite struct `A connection of HTTP/2, over time,` {
  @Test
  func `says goodbye after its last request, after a while without one, and when the door closes`()
    async throws
  {
    var limits = EdgeLimits()
    limits.requestsPerConnectionMax = 2
    limits.idleMax = .seconds(2)
    let door = try await Door(limits: limits, factor: 10) { _ in
      try? await Task.sleep(for: .milliseconds(400))
      return WireResponse(
        status: 200, headers: ["content-type": "application/json"],
        body: ByteBuffer(string: "done"))
    }
    let full = try await StreamCaller.connect(door)
    #expect(try await full.ask(1, Door.health).status == 200)
    #expect(try await full.ask(3, Door.health).status == 200)
    let last = try await full.goodbye()
    #expect(last.last == 3 && last.code == 0)
    #expect(await full.untilClosed())
    let idle = try await StreamCaller.connect(door)
    #expect(try await idle.ask(1, Door.health).status == 200)
    #expect(try await idle.goodbye().code == 0)
    #expect(await idle.untilClosed())

    let busy = try await StreamCaller.connect(door)
    try await busy.write(StreamFrame.headers(1, Door.get(try door.token())))
    while door.seen.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    async let drained: Void = door.listener.drain(within: .seconds(5))
    let goodbye = try await busy.goodbye()
    #expect(goodbye.last == 1 && goodbye.code == 0)
    #expect(try await busy.answer(on: 1).content == "done")
    #expect(await busy.untilClosed())
    await drained
    #expect(door.listener.openConnections == 0)
    await door.close()
  }

  @Test func `gives its place to a newcomer, after what it is at`() async throws {
    var limits = EdgeLimits()
    limits.connectionsMax = 2
    let door = try await Door(limits: limits, factor: 10) { _ in
      try? await Task.sleep(for: .milliseconds(500))
      return WireResponse(
        status: 200, headers: ["content-type": "application/json"],
        body: ByteBuffer(string: "done"))
    }
    let first = try await StreamCaller.connect(door, from: "127.0.0.7")
    let second = try await StreamCaller.connect(door, from: "127.0.0.7")
    let token = try door.token()
    for caller in [first, second] {
      try await caller.write(StreamFrame.headers(1, Door.get(token)))
    }
    while door.seen.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
    let newcomer = try await StreamCaller.connect(door, from: "127.0.0.8")
    #expect(try await newcomer.ask(1, Door.health).status == 200)
    #expect(try await first.answer(on: 1).content == "done")
    #expect(await first.untilClosed())
    #expect(try await second.answer(on: 1).content == "done")
    #expect(try await second.ask(3, Door.health).status == 200)
    for caller in [first, second, newcomer] { caller.close() }
    await door.close()
  }
}
