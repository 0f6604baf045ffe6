import Foundation
import HTTPLine
import NIOCore
import PolicyEngine
import PolicyServer
import Testing

@Suite struct `A policy server at its limits` {
  static let loop = """
    package endless

    numbers := numbers.range(1, 4000)

    p := count([1 | some x in numbers; some y in numbers; x + y == 0])
    """

  @Test func `takes a body of the largest size, and none beyond`() async throws {
    var limits = PolicyServerLimits()
    limits.bodyBytesMax = 1_000
    try await Stand.with(limits: limits) { stand in
      let frame = #"{"input":""}"#
      let most = #"{"input":"\#(String(repeating: "x", count: 1_000 - frame.utf8.count))"}"#
      #expect(try await stand.ask("POST", "/v1/data", most).status == 200)
      let more = try await stand.ask("POST", "/v1/data", most + " ")
      #expect(more.status == 413)
      #expect(more.fields["content-type"] == "application/problem+json")
      #expect(more.fields["connection"] == "close")
      // The same where the length is not told before.
      let caller = try await Caller.connect(port: stand.port)
      try await caller.write(
        "POST /v1/data HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
          + "3e9\r\n\(most) \r\n0\r\n\r\n")
      #expect(try await caller.next().status == 413)
      #expect(await caller.untilClosed())
    }
  }

  @Test func `ends an evaluation that runs away, and goes on answering meanwhile`() async throws {
    var limits = PolicyServerLimits()
    limits.budget = EvaluationBudget(stepsMax: 300_000)
    try await Stand.with(["endless.rego": Self.loop], data: #"{"x":1}"#, limits: limits) { stand in
      let clock = ContinuousClock()
      let start = clock.now
      var slowest = Duration.zero
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            let answer = try await stand.ask("POST", "/v1/data/endless/p", #"{"input":{}}"#)
            #expect(answer.status == 500)
            #expect(answer.body.contains("eval_budget_error"))
          }
        }
        // One connection on each event loop; none waits for an evaluation of theirs.
        try await Task.sleep(for: .milliseconds(50))
        for _ in 0..<20 {
          let asked = clock.now
          #expect(try await stand.ask("GET", "/v1/data/x")["result"] == json("1"))
          slowest = max(slowest, clock.now - asked)
        }
        try await group.waitForAll()
      }
      // Milliseconds where nobody else is at work; on a machine that is full of tests much more.
      #expect(slowest < .seconds(15))
      #expect(clock.now - start < .seconds(60))
      let metrics = try await stand.ask("GET", "/metrics").body
      #expect(metrics.contains("strongroom_policy_long_requests_total 4\n"))
    }
  }

  @Test func `refuses more long evaluations at once than it has room for`() async throws {
    var limits = PolicyServerLimits()
    limits.longMax = 1
    limits.budget = EvaluationBudget(stepsMax: 300_000)
    try await Stand.with(["endless.rego": Self.loop], limits: limits) { stand in
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<6 {
          group.addTask {
            try await stand.ask("POST", "/v1/data/endless/p", #"{"input":{}}"#).status
          }
        }
        return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
      }
      #expect((statuses[500] ?? 0) >= 1)
      #expect((statuses[503] ?? 0) >= 1)
      #expect(statuses.values.reduce(0, +) == 6)
    }
  }

  @Test func `closes who is slow with a request, and who is silent`() async throws {
    var connections = DoorLimits.policyServer
    connections.requestReadMax = .milliseconds(300)
    connections.idleMax = .milliseconds(600)
    try await Stand.with(connections: connections) { stand in
      let slow = try await Caller.connect(port: stand.port)
      try? await slow.write("POST /v1/data HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n")
      // On a busy machine it may be closed before it has begun.
      let silent = try await Caller.connect(port: stand.port)
      let halting = try await Caller.connect(port: stand.port)
      try? await halting.write("GET /hea")
      #expect(await slow.untilClosed())
      #expect(await silent.untilClosed())
      #expect(await halting.untilClosed())
      // On a busy machine this caller may be too slow for the limit, too, and asks again.
      var status: Int?
      for _ in 0..<50 where status == nil {
        status = try? await stand.ask("GET", "/health").status
      }
      #expect(status == 200)
    }
  }

  @Test func `closes who sends a head one byte after the other`() async throws {
    var connections = DoorLimits.policyServer
    connections.requestReadMax = .milliseconds(500)
    connections.idleMax = .seconds(60)
    try await Stand.with(connections: connections) { stand in
      let caller = try await Caller.connect(port: stand.port)
      // Never silent for as long as the limit, and never done.
      let dribble = Task {
        for byte in "GET /health HTTP/1.1\r\nhost: \(String(repeating: "x", count: 2_000))" {
          guard (try? await caller.write(String(byte))) != nil else { return }
          try await Task.sleep(for: .milliseconds(50))
        }
      }
      #expect(await caller.untilClosed())
      dribble.cancel()
    }
  }

  @Test(arguments: ["", "host: a\r\nhost: b\r\n"])
  func `refuses a request that does not say once whom it is for`(_ fields: String) async throws {
    try await Stand.with { stand in
      let caller = try await Caller.connect(port: stand.port)
      try await caller.write("GET /health HTTP/1.1\r\n\(fields)\r\n")
      #expect(try await caller.next().status == 400)
      #expect(await caller.untilClosed())
      // HTTP/1.0 knows no such field.
      let old = try await Caller.connect(port: stand.port)
      try await old.write("GET /health HTTP/1.0\r\n\r\n")
      #expect(try await old.next().status == 200)
    }
  }

  @Test func `closes who does not take an answer`() async throws {
    var connections = DoorLimits.policyServer
    connections.answerWriteMax = .milliseconds(300)
    // More than the system keeps for a connection.
    let large = String(repeating: "x", count: 6 << 20)
    try await Stand.with(data: #"{"large":"\#(large)"}"#, connections: connections) { stand in
      // The system keeps less for it than is answered.
      let caller = try await Caller.connect(port: stand.port, receiveBytes: 65_536)
      try await caller.channel.setOption(.autoRead, value: false).get()
      try await caller.write("GET /v1/data/large HTTP/1.1\r\nhost: x\r\n\r\n")
      let decided = #"strongroom_policy_decisions_total{outcome="defined"} 1"#
      while try await !stand.ask("GET", "/metrics").body.contains(decided) {
        try await Task.sleep(for: .milliseconds(50))
      }
      try await Task.sleep(for: .seconds(1))
      try await caller.channel.setOption(.autoRead, value: true).get()
      await #expect(throws: Caller.Silence.self) { try await caller.next() }
    }
  }

  @Test func `has no place for one connection too many`() async throws {
    var connections = DoorLimits.policyServer
    connections.connectionsMax = 2
    try await Stand.with(connections: connections) { stand in
      let first = try await Caller.connect(port: stand.port)
      let second = try await Caller.connect(port: stand.port)
      #expect(try await first.ask("GET", "/health").status == 200)
      #expect(try await second.ask("GET", "/health").status == 200)
      let third = try await Caller.connect(port: stand.port)
      #expect(await third.untilClosed())
      #expect(try await first.ask("GET", "/health").status == 200)
      first.close()
      second.close()
    }
  }

  @Test(
    arguments: [
      "HELLO\r\n\r\n",
      "GET /health HTTP/1.1\r\nhost: x\r\nx: \(String(repeating: "y", count: 40_000))\r\n\r\n",
      "POST /v1/data HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
  func `refuses what is no HTTP`(_ text: String) async throws {
    try await Stand.with { stand in
      let caller = try await Caller.connect(port: stand.port)
      try await caller.write(text)
      if let answer = try? await caller.next() { #expect(answer.status == 400) }
      #expect(await caller.untilClosed())
      #expect(try await stand.ask("GET", "/health").status == 200)
    }
  }

  @Test func `answers requests that were sent ahead, in order`() async throws {
    try await Stand.with(data: #"{"a":[0,1,2,3,4,5,6,7]}"#) { stand in
      let caller = try await Caller.connect(port: stand.port)
      try await caller.write(
        (0..<8).map { "GET /v1/data/a/\($0) HTTP/1.1\r\nhost: x\r\n\r\n" }.joined())
      for number in 0..<8 {
        #expect(try await caller.next()["result"] == .integer(number))
      }
      caller.close()
    }
  }

  @Test func `says go on before a large body, and refuses one it cannot read`() async throws {
    try await Stand.with { stand in
      let caller = try await Caller.connect(port: stand.port)
      try await caller.write(
        "POST /v1/data HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
      #expect(try await caller.next().status == 100)
      try await caller.write("{}")
      #expect(try await caller.next().status == 200)
      let squeezed = try await stand.ask(
        "POST", "/v1/data", "x", headers: [("content-encoding", "br")])
      #expect(squeezed.status == 415)
    }
  }

  @Test func `takes a body that is packed by gzip, and unpacks no more than a body may have`()
    async throws
  {
    var limits = PolicyServerLimits()
    limits.bodyBytesMax = 4_096
    try await Stand.with(["a.rego": "package a\nx := input.x"], limits: limits) { stand in
      let caller = try await Caller.connect(port: stand.port)
      defer { caller.close() }
      func send(_ packed: [UInt8]) async throws -> Answer {
        let head =
          "POST /v1/data/a/x HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: \(packed.count)\r\n\r\n"
        try await caller.write(bytes: Array(head.utf8) + packed)
        return try await caller.next()
      }
      #expect(try await send(try Self.gzip(#"{"input":{"x":7}}"#))["result"] == .integer(7))
      // A thousand times longer than it says.
      let bomb = try await send(try Self.gzip(String(repeating: " ", count: 1 << 20) + "{}"))
      #expect(bomb.status == 400 && bomb.body.contains("4096 bytes"))
      for wrong in [Array("{}".utf8), try Self.gzip("{}").dropLast(), try Self.gzip("{}") + [0]] {
        #expect(try await send(wrong).status == 400)
      }
    }
  }

  /// By the program that everybody has.
  private static func gzip(_ text: String) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-c"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    try input.fileHandleForWriting.close()
    return Array(output.fileHandleForReading.readDataToEndOfFile())
  }

  @Test func `finishes what it was asked before it goes`() async throws {
    var limits = PolicyServerLimits()
    // Long enough to be asked still when the server begins to go, on a machine full of tests too.
    limits.budget = EvaluationBudget(stepsMax: 3_000_000)
    let asked = try await Stand.with(["endless.rego": Self.loop], limits: limits) { stand in
      let caller = try await Caller.connect(port: stand.port)
      let idle = try await Caller.connect(port: stand.port)
      #expect(try await idle.ask("GET", "/health").status == 200)
      // Two in one segment: with the first answer here, the server has the second request.
      try await caller.write(
        "GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
          + "GET /v1/data/endless/p HTTP/1.1\r\nhost: x\r\n\r\n")
      #expect(try await caller.next().status == 200)
      async let answer = caller.next()
      await stand.server.drain(within: .seconds(20))
      #expect(await idle.untilClosed())
      return try await answer
    }
    #expect(asked.status == 500)
    #expect(asked.fields["connection"] == "close")
  }
}
