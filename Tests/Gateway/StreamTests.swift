import AuditAPI
import Chassis
import Drill
import Foundation
import Gateway
import NIOCore
import StrictJSON
import Testing
import Transport
import Vocabulary

extension Door {
  static func head(
    _ method: String, _ path: String, _ more: [(String, String)] = []
  ) -> [(String, String)] {
    [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)] + more
  }

  static func paymentHead(
    _ token: String, key: String = "k1", _ more: [(String, String)] = []
  ) -> [(String, String)] {
    head(
      "POST", "/v1/payments",
      [
        ("authorization", "Bearer \(token)"), ("content-type", "application/json"),
        ("idempotency-key", key),
      ] + more)
  }
  static let paymentBody = #"{"amount":{"minor_units":1250},"debtor":"d"}"#

  static func get(_ token: String, _ path: String = "/v1/payments/1") -> [(String, String)] {
    head("GET", path, [("authorization", "Bearer \(token)")])
  }
  static let health = head("GET", "/healthz")
}

@Suite struct `A stream at the door` {
  @Test func `lets a payment through as HTTP/1.1 does`() async throws {
    let door = try await Door(factor: 10)
    let token = try door.token()
    let there = try await door.ask(Door.payment(token, more: "User-Agent: tests\r\n"))
    let caller = try await StreamCaller.connect(door)
    let forged = [
      "correlation-id", "txn-token", "traceparent", "forwarded", "x-forwarded-for", "x-any",
    ].map { ($0, "forged") }
    let here = try await caller.ask(
      1, Door.paymentHead(token, [("user-agent", "tests")] + forged), Door.paymentBody)
    #expect(here.status == 200 && here.content == there.content)
    let varying: Set = ["date", "correlation-id", ":status", "ratelimit"]
    #expect(
      here.fields.filter { !varying.contains($0.key) }
        == there.fields.filter { !varying.contains($0.key) })
    let seen = door.seen.all
    #expect(seen.count == 2 && seen.allSatisfy { $0.token?.subject == OutsideIssuer.subject })
    #expect(
      Set(seen[0].request.headers.fields.map(\.name))
        == Set(seen[1].request.headers.fields.map(\.name)))
    #expect(seen[1].request.headers["correlation-id"] == here.fields["correlation-id"])
    #expect(door.records.all.map(\.operation) == ["createPayment", "createPayment"])
    #expect("\(door.records.all[1].correlation)" == here.fields["correlation-id"])
    caller.close()
    await door.close()
  }

  @Test func `does not wait for a slow one before it`() async throws {
    let door = try await Door(factor: 100) { request in
      if request.target.hasSuffix("slow") { try? await Task.sleep(for: .milliseconds(700)) }
      return WireResponse(
        status: 200, headers: ["content-type": "application/json"],
        body: ByteBuffer(string: #"{"at":"\#(request.target)"}"#))
    }
    let token = try door.token()
    let caller = try await StreamCaller.connect(door)
    try await caller.write(StreamFrame.headers(1, Door.get(token, "/v1/payments/slow")))
    for stream in stride(from: UInt32(3), to: 100, by: 2) {
      try await caller.write(StreamFrame.headers(stream, Door.get(token, "/v1/payments/\(stream)")))
    }
    for stream in stride(from: UInt32(3), to: 100, by: 2) {
      let answer = try await caller.answer(on: stream)
      #expect(answer.status == 200 && answer.content.contains("/v1/payments/\(stream)"))
    }
    #expect(try await caller.answer(on: 1).content.contains("slow"))
    caller.close()
    await door.close()
  }

  @Test func `is refused by the same rules as a request of HTTP/1.1, and recorded`() async throws {
    let door = try await Door(factor: 100)
    let token = try door.token()
    let weak = try door.token(["scope": "payments:read"])
    let caller = try await StreamCaller.connect(door)
    let noKey = Door.paymentHead(token).filter { $0.0 != "idempotency-key" }
    let plain = Door.paymentHead(token).map { ($0.0, $0.0 == "content-type" ? "text/plain" : $0.1) }
    let table: [([(String, String)], String?, Int, String)] = [
      (Door.head("GET", "/nothing"), nil, 404, "not-found"),
      (Door.head("PUT", "/v1/payments"), nil, 405, "method-not-allowed"),
      (Door.head("GET", "/v1/payments/1"), nil, 401, "unauthenticated"),
      (Door.get("x"), nil, 401, "invalid-token"),
      (Door.paymentHead(weak), Door.paymentBody, 403, "insufficient-scope"),
      (noKey, "{}", 400, "idempotency-key-missing"), (plain, "{}", 415, "media-type-not-supported"),
      (Door.paymentHead(token), #"{"a":1,"a":2}"#, 400, "malformed-request"),
      (Door.paymentHead(token), #"{"debtor":"d"}"#, 400, "malformed-request"),
    ]
    for (number, entry) in table.enumerated() {
      let answer = try await caller.ask(UInt32(2 * number + 1), entry.0, entry.1)
      #expect(answer.status == entry.2 && answer.slug == entry.3, "\(entry)")
      #expect(answer.fields["content-type"] == "application/problem+json")
      #expect("\(door.records.all.last!.correlation)" == answer.fields["correlation-id"])
    }
    #expect(door.seen.all.isEmpty && door.records.all.count == table.count)
    #expect(try await caller.ask(101, Door.health).status == 200, "one connection carried them all")
    caller.close()
    await door.close()
  }

  @Test func `is answered without content to HEAD`() async throws {
    let door = try await Door()
    let caller = try await StreamCaller.connect(door)
    let answer = try await caller.ask(1, Door.head("HEAD", "/healthz"))
    #expect(answer.status == 200 && answer.content.isEmpty)
    #expect(answer.fields["content-length"] == "15")
    caller.close()
    await door.close()
  }

  @Test func `may bring cookies in pieces, and its content in many`() async throws {
    let door = try await Door(factor: 10)
    let caller = try await StreamCaller.connect(door)
    try await caller.write(
      StreamFrame.headers(
        1,
        Door.head(
          "POST", "/login",
          [
            ("content-type", "application/x-www-form-urlencoded"), ("expect", "100-continue"),
            ("cookie", "__Host-strongroom-session=1"), ("cookie", "other=2"),
            ("cookie", "__Host-strongroom-csrf=3"),
          ]), endsStream: false))
    for piece in ["a", "=", "b"] {
      try await caller.write(StreamFrame.data(1, piece, endsStream: false))
    }
    try await caller.write(StreamFrame.data(1, ""))
    #expect(try await caller.answer(on: 1).status == 200)
    let request = try #require(door.seen.all.first?.request)
    #expect(String(buffer: request.body) == "a=b")
    #expect(
      request.headers["cookie"] == "__Host-strongroom-session=1; __Host-strongroom-csrf=3")
    caller.close()
    await door.close()
  }

  @Test func `is what curl asks by, when it may choose`() async throws {
    let door = try await Door(factor: 10)
    for (options, version) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
      let curl = Process()
      curl.executableURL = URL(filePath: "/usr/bin/curl")
      curl.arguments = [
        "-sSk", options, "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
        "https://127.0.0.1:\(door.listener.port)/healthz",
      ]
      let output = Pipe()
      curl.standardOutput = output
      try curl.run()
      let text = try output.fileHandleForReading.readToEnd() ?? Data()
      curl.waitUntilExit()
      #expect(String(decoding: text, as: UTF8.self) == version)
    }
    await door.close()
  }
}

@Suite struct `A stream, asked badly,` {
  @Test func `is reset where it is malformed, and its connection goes on`() async throws {
    let door = try await Door(factor: 100)
    let token = try door.token()
    let caller = try await StreamCaller.connect(door)
    let pay = Door.paymentHead(token)
    let table: [[UInt8]] = [
      StreamFrame.headers(1, Door.get(token) + [("te", "gzip")]),
      StreamFrame.headers(3, Door.get(token) + [("X", "a")]),
      StreamFrame.headers(5, Door.get(token) + [("x", "a\r\ntxn-token: b")]),
      StreamFrame.headers(7, pay + [("transfer-encoding", "chunked")], endsStream: false),
      // Content that is not what was declared: more, less, none.
      StreamFrame.headers(9, pay + [("content-length", "2")], endsStream: false)
        + StreamFrame.data(9, "{} "),
      StreamFrame.headers(11, pay + [("content-length", "3")], endsStream: false)
        + StreamFrame.data(11, "{}"),
      StreamFrame.headers(13, pay + [("content-length", "3")]),
      // Trailers with a pseudo-header field, and some that do not end the stream.
      StreamFrame.headers(15, pay, endsStream: false)
        + StreamFrame.headers(15, [(":method", "GET")]),
      StreamFrame.headers(17, pay, endsStream: false)
        + StreamFrame.headers(17, [("x", "a")], endsStream: false),
      // Also behind an answer that was given early.
      StreamFrame.headers(
        19, Door.head("POST", "/nothing", [("content-length", "1")]), endsStream: false)
        + StreamFrame.data(19, "too much"),
    ]
    for (number, bytes) in table.enumerated() {
      try await caller.write(bytes)
      let code = try await caller.reset(of: UInt32(2 * number + 1))
      #expect(code == StreamCaller.protocolError, "\(number)")
    }
    #expect(door.seen.all.isEmpty)
    #expect(try await caller.ask(101, Door.health).status == 200)
    #expect(door.records.all.contains { $0.reason == "malformed-request" })
    caller.close()
    await door.close()
  }

  @Test func `is answered where HTTP/1.1 would be`() async throws {
    let door = try await Door(factor: 100)
    let token = try door.token()
    let caller = try await StreamCaller.connect(door)
    let pay = Door.paymentHead(token)
    // Small enough for a frame, too large as RFC 9113 §6.5.2 counts.
    let wide = (0..<58).map { ("x-\($0)", String(repeating: "y", count: 240)) }
    let large = String(repeating: "x", count: 257)
    let table: [([UInt8], Int)] = [
      (StreamFrame.headers(1, Door.head("GET", "/a/../b")), 400),
      (StreamFrame.headers(3, Door.get(token) + [("host", "other")]), 400),
      (StreamFrame.headers(5, Door.get(token) + (0..<65).map { ("x-\($0)", "a") }), 431),
      (StreamFrame.headers(7, Door.get(token) + wide), 431),
      (StreamFrame.headers(9, Door.head("GET", "/" + String(repeating: "a", count: 8_000))), 414),
      (StreamFrame.headers(11, pay + [("content-encoding", "gzip")], endsStream: false), 415),
      (StreamFrame.headers(13, pay + [("expect", "tea")], endsStream: false), 417),
      (StreamFrame.headers(15, [(":method", "CONNECT"), (":authority", "h:443")]), 405),
      (
        StreamFrame.headers(17, pay, endsStream: false) + StreamFrame.headers(17, [("x", "a")]), 400
      ),
      (
        StreamFrame.headers(19, Door.get(token), endsStream: false) + StreamFrame.data(19, "a"), 400
      ),
      (StreamFrame.headers(21, pay, endsStream: false) + StreamFrame.data(21, large), 413),
      (StreamFrame.headers(23, pay + [("content-length", "257")], endsStream: false), 413),
    ]
    for (number, entry) in table.enumerated() {
      try await caller.write(entry.0)
      let answer = try await caller.answer(on: UInt32(2 * number + 1))
      #expect(answer.status == entry.1, "\(number) \(answer.content)")
      #expect(answer.fields["correlation-id"] != nil)
    }
    // No content is none, also where END_STREAM comes later.
    try await caller.write(
      StreamFrame.headers(101, Door.health, endsStream: false) + StreamFrame.data(101, ""))
    #expect(try await caller.answer(on: 101).status == 200)
    #expect(door.seen.all.isEmpty)
    caller.close()
    await door.close()
  }

  @Test func `is given up where its content does not come`() async throws {
    var limits = EdgeLimits()
    limits.bodyWithin = .milliseconds(600)
    limits.headWithin = .seconds(2)
    let door = try await Door(limits: limits)
    let caller = try await StreamCaller.connect(door)
    try await caller.write(
      StreamFrame.headers(1, Door.paymentHead(try door.token()), endsStream: false))
    #expect(try await caller.ask(3, Door.health).status == 200)
    #expect(try await caller.answer(on: 1).status == 408)
    #expect(try await caller.reset(of: 1) == 0, "and nothing more of it is read")
    caller.close()
    await door.close()
  }

  @Test func `is not taken when others may send all that is held at once`() async throws {
    var limits = EdgeLimits()
    limits.contentBytesAtOnceMax = 500
    let door = try await Door(limits: limits, factor: 100)
    let pay = Door.paymentHead(try door.token())
    let caller = try await StreamCaller.connect(door)
    try await caller.write(StreamFrame.headers(1, pay, endsStream: false))
    try await caller.write(StreamFrame.headers(3, pay, endsStream: false))
    #expect(try await caller.reset(of: 3) == StreamCaller.refused)
    try await caller.write(
      StreamFrame.headers(
        5, pay + [("content-length", "\(Door.paymentBody.utf8.count)")], endsStream: false)
        + StreamFrame.data(5, Door.paymentBody))
    #expect(try await caller.answer(on: 5).status == 200)
    try await caller.write(StreamFrame.data(1, Door.paymentBody))
    #expect(try await caller.answer(on: 1).status == 200)
    caller.close()
    await door.close()
  }
}
