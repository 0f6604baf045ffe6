import Chassis
import Gateway
import NIOCore
import NIOSSL
import Testing
import Transport
import Vocabulary

@Suite struct `The door, over time,` {
  private let health = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"

  @Test func `shows a renewed certificate to who comes, and keeps who is there`() async throws {
    let door = try await Door()
    let before = try await door.caller()
    #expect(try await before.ask(health).status == 200)
    let papers = try EdgePapers(at: Clock.system.now())
    try door.identity.replace(chain: papers.chain, privateKey: papers.privateKey)
    #expect(try await before.ask(health).status == 200)
    let after = try await OutsideCaller.connect(
      port: door.listener.port, trusting: papers.authority, version: .tlsv13, group: door.group)
    #expect(try await after.ask(health).status == 200)
    before.close()
    after.close()
    await door.close()
  }

  @Test func `answers what it let in before it shuts`() async throws {
    let door = try await Door { _ in
      try? await Task.sleep(for: .milliseconds(400))
      return WireResponse(
        status: 200, headers: ["content-type": "application/json"],
        body: ByteBuffer(string: "done"))
    }
    let idle = try await door.caller()
    #expect(try await idle.ask(health).status == 200)
    let busy = try await door.caller()
    try await busy.write(Door.payment(try door.token()))
    while door.seen.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    async let drained: Void = door.listener.drain(within: .seconds(5))
    #expect(try await busy.next().content == "done")
    #expect(await idle.untilClosed())
    await drained
    #expect(door.listener.openConnections == 0)
    await door.close()
  }

  @Test func `ends a connection after its last allowed request`() async throws {
    var limits = EdgeLimits()
    limits.requestsPerConnectionMax = 2
    let door = try await Door(limits: limits)
    let caller = try await door.caller()
    #expect(try await caller.ask(health).fields["connection"] == nil)
    #expect(try await caller.ask(health).fields["connection"] == "close")
    #expect(await caller.untilClosed())
    await door.close()
  }

  @Test func `gives a newcomer the place of the oldest of whoever holds most`() async throws {
    var limits = EdgeLimits()
    limits.connectionsMax = 4
    let door = try await Door(limits: limits)
    var greedy: [OutsideCaller] = []
    for _ in 0..<3 {
      let caller = try await door.caller(from: "127.0.0.7")
      #expect(try await caller.ask(health).status == 200)
      greedy.append(caller)
    }
    let other = try await door.caller(from: "127.0.0.8")
    #expect(try await other.ask(health).status == 200)
    let newcomer = try await door.caller(from: "127.0.0.9")
    #expect(try await newcomer.ask(health).status == 200)
    #expect(await greedy[0].untilClosed())
    #expect(try await greedy[1].ask(health).status == 200)
    #expect(try await other.ask(health).status == 200)
    // Two, one and one: nobody holds so much more that a second of .9 could take it.
    await #expect(throws: (any Error).self) {
      _ = try await door.caller(from: "127.0.0.9").ask(health)
    }
    for caller in greedy + [other, newcomer] { caller.close() }
    await door.close()
  }

  @Test func `parts with who has asked nothing before it touches an address that many share`()
    async throws
  {
    var limits = EdgeLimits()
    limits.connectionsMax = 5
    let door = try await Door(limits: limits)
    var shared: [OutsideCaller] = []
    for _ in 0..<3 {
      let caller = try await door.caller(from: "127.0.0.7")
      #expect(try await caller.ask(health).status == 200)
      shared.append(caller)
    }
    var silent: [OutsideCaller] = []
    for _ in 0..<2 {
      silent.append(try await door.caller(from: "127.0.0.8"))
      // The caller is done with its handshake before the door, which has a loop for each connection, need know of it.
      while door.listener.openConnections < shared.count + silent.count {
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    let newcomer = try await door.caller(from: "127.0.0.9")
    #expect(try await newcomer.ask(health).status == 200)
    #expect(await silent[0].untilClosed())
    for caller in shared { #expect(try await caller.ask(health).status == 200) }
    for caller in shared + silent + [newcomer] { caller.close() }
    await door.close()
  }

  @Test(arguments: [512, 0])
  func `answers a request that was under way when its place was given, as far as it may`(
    leavingMax: Int
  ) async throws {
    var limits = EdgeLimits()
    (limits.connectionsMax, limits.connectionsLeavingMax) = (2, leavingMax)
    let door = try await Door(limits: limits)
    // Without a token, whose judgement depends on the time since the door heard of revocations.
    let login =
      "POST /login HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      + "Content-Length: 3\r\n\r\na=b"
    let sending = try await door.caller(from: "127.0.0.7")
    try await sending.write(String(login.dropLast(1)))
    let second = try await door.caller(from: "127.0.0.7")
    #expect(try await second.ask(health).status == 200)
    let newcomer = try await door.caller(from: "127.0.0.8")
    #expect(try await newcomer.ask(health).status == 200)
    if leavingMax > 0 {
      let answer = try await sending.ask(String(login.suffix(1)))
      #expect(answer.status == 200, "\(answer.content)")
    }
    #expect(await sending.untilClosed())
    #expect(try await second.ask(health).status == 200)
    for caller in [sending, second, newcomer] { caller.close() }
    await door.close()
  }

  @Test func `lets no more connections in than it can hold`() async throws {
    var limits = EdgeLimits()
    limits.connectionsMax = 1
    let door = try await Door(limits: limits)
    let first = try await door.caller()
    #expect(try await first.ask(health).status == 200)
    await #expect(throws: (any Error).self) {
      _ = try await door.caller().ask(health)
    }
    first.close()
    await door.close()
  }
}
