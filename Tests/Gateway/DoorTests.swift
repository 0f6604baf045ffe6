import AuditAPI
import AuthorityAPI
import Chassis
import Gateway
import NIOCore
import NIOSSL
import StrictJSON
import Testing
import Transport
import Vocabulary

@Suite struct `The door` {
  @Test func `lets a payment through, once over TLS 1.3 and once over mutual TLS`() async throws {
    let door = try await Door()
    let answer = try await door.ask(Door.payment(try door.token()))
    #expect(answer.status == 200)
    #expect(answer.content == #"{"done":true}"#)
    let (request, token) = try #require(door.seen.all.first)
    let statement = try #require(token, "the transaction token verifies against the mesh's roots")
    #expect(statement.subject == OutsideIssuer.subject)
    #expect(statement.clientID == OutsideIssuer.client)
    #expect(statement.purpose == "payment.create")
    #expect(statement.scopes.map(\.description) == ["payments:create"])
    #expect(statement.context == ["amount": "1250", "debtor": "d"])
    #expect(statement.presenters == ["gateway", "payments"])
    #expect("\(statement.correlation)" == answer.fields["correlation-id"])
    #expect(request.headers["correlation-id"] == answer.fields["correlation-id"])
    #expect(request.headers["idempotency-key"] == "k1")
    await door.close()
  }

  @Test func `keeps the outside token and foreign fields out`() async throws {
    let door = try await Door()
    let forged =
      "Correlation-Id: 4bf92f3577b34da6a3ce929d0e0e4736\r\nTxn-Token: forged\r\n"
      + "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
      + "Forwarded: for=1.2.3.4\r\nForwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\n"
      + "Request-Timeout-Ms: 999999\r\nCookie: a=b\r\nX-Anything: 1\r\nUser-Agent: tests\r\n"
    let answer = try await door.ask(Door.payment(try door.token(), more: forged))
    #expect(answer.status == 200)
    let (request, token) = try #require(door.seen.all.first)
    #expect(token != nil)
    let names = Set(request.headers.fields.map(\.name))
    #expect(
      names.subtracting(["host", "content-length"]) == [
        "content-type", "user-agent", "idempotency-key", "correlation-id", "traceparent",
        "forwarded-for", "txn-token", "request-timeout-ms",
      ])
    #expect(request.headers["forwarded-for"] == "127.0.0.1")
    #expect(request.headers["correlation-id"] != "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect((request.headers["request-timeout-ms"].flatMap(Int.init) ?? 0) <= 10_000)
    #expect(answer.fields["x-internal"] == nil)
    #expect(answer.fields["set-cookie"] == nil)
    await door.close()
  }

  @Test func `speaks TLS 1.3 and nothing older`() async throws {
    let door = try await Door()
    let caller = try await door.caller(tls: .tlsv12)
    await #expect(throws: (any Error).self) {
      _ = try await caller.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    }
    await door.close()
  }

  @Test func `says only that it is open when asked for its health`() async throws {
    let door = try await Door()
    let answer = try await door.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.status == 200)
    #expect(answer.content == #"{"status":"ok"}"#)
    #expect(answer.fields["strict-transport-security"] == "max-age=31536000")
    #expect(answer.fields["x-content-type-options"] == "nosniff")
    #expect(answer.fields["cache-control"] == "no-store")
    #expect(answer.fields["correlation-id"]?.utf8.count == 32)
    #expect(door.records.all.isEmpty)
    await door.close()
  }

  @Test func `answers many requests on one connection, pipelined ones in order`() async throws {
    let door = try await Door(factor: 10)
    let caller = try await door.caller()
    let token = try door.token()
    let get = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
    try await caller.write(
      get + "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n" + Door.payment(token) + get)
    var statuses: [Int] = []
    for _ in 0..<4 { statuses.append(try await caller.next().status) }
    #expect(statuses == [200, 404, 200, 200])
    #expect(!caller.isClosed)
    caller.close()
    await door.close()
  }

  @Test func `answers what came before the client said that nothing more will come`() async throws {
    let door = try await Door(factor: 10)
    let token = try door.token()
    let get = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
    let caller = try await door.caller()
    try await caller.write(get + "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n" + get)
    try await caller.endInput()
    for status in [200, 404, 200] { #expect(try await caller.next().status == status) }
    #expect(await caller.untilClosed())
    // What is not whole never will be: it is not waited for.
    for half in ["GET /v1/pay", String(Door.payment(token).dropLast(3)), ""] {
      let caller = try await door.caller()
      try await caller.write(half)
      try await caller.endInput()
      #expect(await caller.untilClosed())
    }
    await door.close()
  }

  @Test func `refuses by the first rule that is broken, and records why`() async throws {
    let door = try await Door(factor: 100)
    let token = try door.token()
    let weak = try door.token(["scope": "payments:read"])
    let get = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\n"
    let json = "Content-Type: application/json\r\n"
    let table: [(request: String, status: Int, slug: String, reason: String)] = [
      ("GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n", 404, "not-found", "not-found"),
      (
        "PUT /v1/payments HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method-not-allowed",
        "method-not-allowed"
      ),
      (get + "\r\n", 401, "unauthenticated", "unauthenticated"),
      (get + "Authorization: Bearer x\r\n\r\n", 401, "invalid-token", "token-malformed"),
      (Door.payment(weak), 403, "insufficient-scope", "insufficient-scope"),
      (
        "POST /v1/payments HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\(json)Content-Length: 2\r\n\r\n{}",
        400, "idempotency-key-missing", "idempotency-key-missing"
      ),
      (Door.payment(token, key: "a\tb"), 400, "malformed-request", "malformed-request"),
      (
        Door.payment(token).replacing("application/json", with: "text/plain"), 415,
        "media-type-not-supported", "media-type-not-supported"
      ),
      (Door.payment(token, body: #"{"a":1,"a":2}"#), 400, "malformed-request", "malformed-request"),
      (Door.payment(token, body: "{"), 400, "malformed-request", "malformed-request"),
      (
        Door.payment(token, body: #"{"debtor":"d"}"#), 400, "malformed-request", "malformed-request"
      ),
      (
        Door.payment(token, body: #"{"amount":{"minor_units":1.5},"debtor":"d"}"#), 400,
        "malformed-request", "malformed-request"
      ),
    ]
    for entry in table {
      let answer = try await door.ask(entry.request)
      #expect(answer.status == entry.status, "\(entry.request)")
      #expect(answer.slug == entry.slug, "\(entry.request)")
      let record = try #require(door.records.all.last)
      #expect(record.reason == entry.reason, "\(entry.request)")
      #expect("\(record.correlation)" == answer.fields["correlation-id"])
      #expect(answer.fields["content-type"] == "application/problem+json")
      #expect(
        (answer.status == 401) == (answer.fields["www-authenticate"] != nil) || answer.status == 403
      )
    }
    #expect(door.records.all.count == table.count)
    #expect(door.seen.all.isEmpty, "nothing of it reached a service")
    await door.close()
  }

  @Test func `takes no other kind of authorization for a token`() async throws {
    let door = try await Door()
    let answer = try await door.ask(
      "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic eDp5\r\n\r\n")
    #expect(answer.status == 401 && answer.slug == "unauthenticated")
    #expect(door.records.all.map(\.reason) == ["unauthenticated"])
    await door.close()
  }

  @Test func `tells which methods a path has`() async throws {
    let door = try await Door()
    let answer = try await door.ask("DELETE /v1/payments HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(answer.fields["allow"] == "POST")
    await door.close()
  }

  @Test func `records the decision before the answer leaves`() async throws {
    let door = try await Door()
    let answer = try await door.ask(Door.payment(try door.token()))
    let record = try #require(door.records.all.first)
    #expect("\(record.correlation)" == answer.fields["correlation-id"])
    #expect(record.operation == "createPayment" && record.outcome == AuditRecord.allowed)
    #expect(record.subject == OutsideIssuer.subject && record.client == OutsideIssuer.client)
    await door.close()
  }

  @Test func `turns away a person over the rate, with the wait in the answer`() async throws {
    let door = try await Door()
    let token = try door.token()
    let get = "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n"
    let caller = try await door.caller()
    // A slow machine earns a token now and then; eight at once are over the burst of three anyway.
    try await caller.write(String(repeating: get, count: 8))
    var answers: [OutsideAnswer] = []
    for _ in 0..<8 { answers.append(try await caller.next()) }
    #expect(answers.prefix(3).map(\.status) == [200, 200, 200])
    let refused = try #require(answers.first { $0.status == 429 })
    #expect(refused.slug == "rate-limited")
    #expect(refused.fields["retry-after"] == "1")
    #expect(refused.fields["ratelimit"]?.contains("r=0") == true)
    #expect(answers[0].fields["ratelimit-policy"]?.contains("\"user\";q=3;w=3") == true)
    #expect(answers[0].fields["ratelimit"] == "\"user\";r=2;t=1")
    #expect(!caller.isClosed, "a refused GET does not cost the connection")
    caller.close()
    await door.close()
  }

  @Test func `limits sign-in by address, and lets its cookies pass`() async throws {
    let door = try await Door()
    let login =
      "POST /login HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      + "Cookie: __Host-strongroom-session=1\r\nContent-Length: 3\r\n\r\na=b"
    var statuses: [Int] = []
    while statuses.count < 20, statuses.last != 429 {
      statuses.append(try await door.ask(login).status)
    }
    #expect(statuses.prefix(3) == [200, 200, 200])
    #expect(statuses.last == 429)
    #expect(door.seen.all.first?.request.headers["cookie"] == "__Host-strongroom-session=1")
    #expect(door.seen.all.first?.request.headers["txn-token"] == nil)
    await door.close()
  }

  @Test func `stops a revoked token at the next request`() async throws {
    let door = try await Door()
    let token = try door.token(["jti": "doomed"])
    let caller = try await door.caller()
    #expect(try await caller.ask(Door.payment(token)).status == 200)
    let now = Clock.system.now()
    try door.gate.revoke([(RevocationHandle(.token, "doomed"), now + .seconds(300))], at: now)
    let answer = try await caller.ask(Door.payment(token))
    #expect(answer.status == 401 && answer.slug == "invalid-token")
    #expect(door.records.all.last?.reason == "token-revoked")
    caller.close()
    await door.close()
  }
}

@Suite struct `The door, asked badly,` {
  @Test(arguments: [
    ("GET / HTTP/1.1\nHost: h\n\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n", 415),
    ("POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", 417),
    ("GET /\(String(repeating: "a", count: 8_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
    (String(repeating: "A", count: 20_000), 431),
  ])
  func `answers clearly and closes`(text: String, status: Int) async throws {
    let door = try await Door()
    let caller = try await door.caller()
    let answer = try await caller.ask(text)
    #expect(answer.status == status)
    #expect(answer.fields["connection"] == "close")
    #expect(answer.fields["correlation-id"] != nil)
    #expect(await caller.untilClosed())
    #expect(door.seen.all.isEmpty)
    await door.close()
  }

  @Test func `takes a body of its route's size and not one byte more`() async throws {
    let door = try await Door()
    let token = try door.token()
    func body(_ count: Int) -> String {
      let frame = #"{"amount":{"minor_units":1},"debtor":"d","pad":""}"#
      return frame.replacing(
        #""pad":""#, with: #""pad":""# + String(repeating: "x", count: count - frame.utf8.count))
    }
    #expect(try await door.ask(Door.payment(token, body: body(256))).status == 200)
    let refused = try await door.ask(Door.payment(token, body: body(257)))
    #expect(refused.status == 413 && refused.fields["connection"] == "close")
    await door.close()
  }

  @Test func `does not wait for ever for a head, a body, or the next request`() async throws {
    var limits = EdgeLimits()
    // The first also bounds the handshake, which takes its time on a busy machine.
    limits.headWithin = .seconds(2)
    limits.bodyWithin = .seconds(2)
    limits.idleMax = .seconds(2)
    let door = try await Door(limits: limits)
    let slowHead = try await door.caller()
    #expect(try await slowHead.ask("GET / HTTP/1.1\r\nHo").status == 408)
    let slowBody = try await door.caller()
    let cut = String(Door.payment(try door.token()).dropLast(1))
    #expect(try await slowBody.ask(cut).status == 408)
    let idle = try await door.caller()
    #expect(try await idle.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    #expect(await idle.untilClosed())
    await door.close()
  }

  @Test func `keeps one address from taking all connections`() async throws {
    var limits = EdgeLimits()
    limits.connectionsPerAddressMax = 2
    let door = try await Door(limits: limits)
    let health = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    let first = try await door.caller()
    let second = try await door.caller()
    #expect(try await first.ask(health).status == 200)
    #expect(try await second.ask(health).status == 200)
    await #expect(throws: (any Error).self) {
      let third = try await door.caller()
      _ = try await third.ask(health)
    }
    first.close()
    #expect(await first.untilClosed())
    try await Task.sleep(for: .milliseconds(50))
    #expect(try await door.ask(health).status == 200)
    second.close()
    await door.close()
  }

  @Test func `answers HEAD without content, so that the next answer is not misread`() async throws {
    let door = try await Door()
    let caller = try await door.caller()
    try await caller.write("HEAD /v1/payments HTTP/1.1\r\nHost: h\r\n\r\n")
    let head = try await caller.next(hasContent: false)
    #expect(head.status == 405 && head.fields["allow"] == "POST")
    #expect(try await caller.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").status == 200)
    caller.close()
    await door.close()
  }
}

@Suite struct `The door, when the service behind it fails,` {
  @Test func `says what is certain and no more`() async throws {
    let door = try await Door { request in
      if request.target.hasSuffix("slow") { try? await Task.sleep(for: .seconds(9)) }
      return WireResponse(status: 200)
    }
    let token = try door.token()
    let slow = try await door.ask(
      "GET /v1/payments/slow HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n")
    #expect(slow.status == 504 && slow.slug == "deadline-exceeded")
    await door.upstream.drain(within: .milliseconds(1))
    let gone = try await door.ask(
      "GET /v1/payments/1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n\r\n")
    #expect(gone.status == 503 && gone.slug == "unavailable")
    #expect(gone.fields["retry-after"] == "1")
    await door.close()
  }

  @Test func `hands problems of the service through`() async throws {
    let door = try await Door { _ in
      WireResponse(
        status: 409, headers: ["content-type": "application/problem+json"],
        body: ByteBuffer(string: #"{"type":"urn:strongroom:problem:other-body"}"#))
    }
    let answer = try await door.ask(Door.payment(try door.token()))
    #expect(answer.status == 409 && answer.slug == "other-body")
    await door.close()
  }
}
